"""The life of a measurement, the same for all of them: which part, what was found so far, the result file, its picture.

A measurement is chosen in two steps: a `Measurement` says where its result goes and how its data are found; from these
data it makes a `Plan`, which says what the figures follow from, how they are measured, and how they are told.
"""

from __future__ import annotations

__all__ = ["Findings", "Measurement", "Plan", "Progress", "Result", "run"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from allograph.evaluation.records import Measurable, measurement_command, measurement_record, save_record
from allograph.evaluation.resume import resumable
from allograph.runtime.distributed import Processes

if TYPE_CHECKING:
    from PIL import Image

    from allograph.generation.generator import Writer
    from allograph.weights import LoadedWeights


class Result(Measurable, Protocol):
    """What a measurement found, which can be printed, too."""

    def table(self) -> str:
        """A table to print."""
        ...


R = TypeVar("R", bound=Result)
D = TypeVar("D")

Progress = Callable[[int, int], None]
"""Told how many parts are done, of how many."""


@dataclass(frozen=True)
class Findings:
    """What is told of a result.

    Attributes:
        options: words of the command line that makes it again, after the model.
        more: entries of the result file beside the result's own.
        tables: to print after the result's own.
        picture: makes the picture beside the result file; None where there is nothing to show.
    """

    options: Sequence[object]
    more: Mapping[str, Any] = field(default_factory=dict)
    tables: Sequence[str] = ()
    picture: Callable[[], Image.Image] | None = None


@dataclass(frozen=True)
class Plan(Generic[R]):
    """What is done with the data.

    Attributes:
        split: how the data were divided, where that is a choice; else empty.
        inputs: all that the figures follow from beside the weights and the device, ready for JSON: a measurement that
            was stopped goes on where they are the same.
        measure: the result; it is told which processes take their share.
        findings: what is told of it.
    """

    split: str
    inputs: Mapping[str, Any]
    measure: Callable[[Processes], R]
    findings: Callable[[R], Findings]


@dataclass(frozen=True)
class Measurement(Generic[D]):
    """One measurement of one model.

    Attributes:
        name: of the command, and of the kind of result.
        model: as the user named it; called: its name in the result file.
        loaded: the model itself.
        part: of the data.
        path: of the result file.
        data: finds the data, and refuses what the model was trained on.
        plan: what is done with them; it is told the device, and is given what to tell the progress.
    """

    name: str
    model: str
    called: str
    loaded: LoadedWeights | Writer
    part: str
    path: Path
    overwrite: bool
    data: Callable[[], D]
    plan: Callable[[D, str, Progress], Plan[Any]]

    @property
    def picture(self) -> Path:
        return self.path.with_suffix(".png")


def run(
    measurement: Measurement[Any], processes: Processes, progress: Progress
) -> tuple[dict[str, Any], list[str]] | None:
    """Measures, and writes the result file and its picture: the record and the tables to print, on the first process.

    Raises:
        AllographError: the model may have seen the data, or does not fit them; a file is in the way.
    """
    from allograph.generation.write import save_png

    loaded, device = measurement.loaded, processes.device()
    plan = measurement.plan(processes.first_here_first(measurement.data), device, progress)
    inputs = {"weights": loaded.sha256, "device": device[:4], **plan.inputs}
    with resumable(processes, measurement.path, inputs) as remembered:
        result = plan.measure(remembered)
        if not processes.first:
            return None
        findings = plan.findings(result)
        record = measurement_record(
            measurement.name,
            loaded,
            measurement.called,
            result,
            split=plan.split,
            part=measurement.part,
            command=measurement_command(measurement.name, measurement.model, *findings.options),
        )
        record |= findings.more
        save_record(measurement.path, record, measurement.overwrite)
        if findings.picture is not None:
            save_png(findings.picture(), measurement.picture)
    return record, [result.table(), *findings.tables]
