"""The course that all measurements share: find the data, continue partial results, write the result file and its
picture.

A measurement is defined in two steps: a `Measurement` says where its result goes and how to find its data; from these
data it makes a `Plan`, which says what the figures depend on, how to measure them and how to present them.
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
    """The result of a measurement, which can also be printed."""

    def table(self) -> str:
        """A table to print."""
        ...


R = TypeVar("R", bound=Result)
D = TypeVar("D")

Progress = Callable[[int, int], None]
"""Called with (finished parts, all parts)."""


@dataclass(frozen=True)
class Findings:
    """How to present a result.

    Attributes:
        options: words of the command line that repeats it, after the model.
        more: entries of the result file in addition to the result's own.
        tables: tables to print after the result's own.
        picture: makes the picture beside the result file; None if there is nothing to show.
    """

    options: Sequence[object]
    more: Mapping[str, Any] = field(default_factory=dict)
    tables: Sequence[str] = ()
    picture: Callable[[], Image.Image] | None = None


@dataclass(frozen=True)
class Plan(Generic[R]):
    """What to do with the data.

    Attributes:
        split: the split of the data, if there is a choice; otherwise empty.
        inputs: everything that the figures depend on besides the weights and the device, ready for JSON: a stopped
            measurement continues if they are equal.
        measure: computes the result, given the processes that share the work.
        findings: how to present the result.
    """

    split: str
    inputs: Mapping[str, Any]
    measure: Callable[[Processes], R]
    findings: Callable[[R], Findings]


@dataclass(frozen=True)
class Measurement(Generic[D]):
    """One measurement of one model.

    Attributes:
        name: name of the command and of the kind of result.
        model: the model as the user named it; called: its name in the result file.
        loaded: the model itself.
        part: part of the data.
        path: path of the result file.
        data: finds the data and refuses what the model was trained on.
        plan: makes the plan, given the data, the device and the progress.
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
    """Measures and writes the result file and its picture; returns the record and the tables to print, on the first
    process.

    Raises:
        AllographError: the model may have seen the data, or does not fit them; a file is in the way.
    """
    from allograph.generation.places import save_png

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
