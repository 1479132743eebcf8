"""What the commands of `allograph evaluate` share: processes, progress, stopping, and printed results."""

from __future__ import annotations

__all__ = ["adjusted_options", "adjusted_words", "drawn_by", "held_out_data", "measure"]

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from allograph.cli.console import Progress, Stopped, print_json, say
from allograph.runtime.distributed import joined

if TYPE_CHECKING:
    from allograph.card import ModelCard
    from allograph.evaluation.leakage import HeldOut, Part
    from allograph.evaluation.runner import Measurement

_GO_ON = "what was measured is kept; run the same command to continue"


def measure(measurement: Measurement[Any], unit: str, as_json: bool, head: str) -> None:
    """Run a measurement, show its progress in units of ``unit``, and print its results under the line ``head``."""
    from allograph.evaluation.runner import run

    with joined(_GO_ON) as processes, Progress(unit) as progress:
        try:
            found = run(measurement, processes, progress)
        except KeyboardInterrupt:
            raise Stopped(f"stopped; {progress.done} of {progress.total} {unit} were done; {_GO_ON}") from None
    if found is None:
        return
    record, tables = found
    if as_json:
        print_json(record)
        return
    division = f" of {record['split']}" if record["split"] else ""
    print(f"{head}, {record['part']} part{division}", *tables, sep="\n")
    picture = f"; {measurement.picture.name}: pictures" if measurement.picture.exists() else ""
    print(f"{measurement.path}: the same and more, as JSON{picture}")


def drawn_by(model: str, sha256: str, temperature: float, guidance: float, attempts: int = 1) -> str:
    """Which model drew, at which temperature and guidance, and in how many attempts."""
    again = f", up to {attempts} attempts" if attempts > 1 else ""
    return f"{model} ({sha256[:12]}) at temperature {temperature:g}, guidance {guidance:g}{again}"


def adjusted_words(guidance: float | None, attempts: int | None) -> list[str]:
    """What the name of a result file says about a guidance and a number of attempts that were asked for."""
    asked = {"guidance": guidance, "attempts": attempts}
    return [f"{name}-{value:g}" for name, value in asked.items() if value is not None]


def adjusted_options(guidance: float | None, attempts: int | None) -> list[object]:
    """The same as options of the command."""
    asked = {"--guidance": guidance, "--attempts": attempts}
    return [word for name, value in asked.items() if value is not None for word in (name, value)]


def held_out_data(
    card: ModelCard, data: str, part: Part, *, split: str | None, data_dir: str | None
) -> Callable[[], HeldOut]:
    """A function that loads the part of the data and says which images could not be read."""
    from allograph.evaluation.leakage import held_out_part

    def find() -> HeldOut:
        found = held_out_part(card, data, part, split=split, data_dir=data_dir)
        for problem in found.problems:
            say(problem.message)
        return found

    return find
