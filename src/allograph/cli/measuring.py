"""What the measurements of `allograph evaluate` share: their processes, their progress, and how they are stopped."""

from __future__ import annotations

__all__ = ["measuring", "report_problems"]

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from allograph.cli.console import Progress, Stopped, say
from allograph.errors import Problem
from allograph.runtime.distributed import Processes, joined

_GO_ON = "what was measured is kept, run the same command to go on"


@contextmanager
def measuring(unit: str) -> Iterator[tuple[Processes, Progress]]:
    """The processes that measure together, and the progress in such units."""
    with joined(_GO_ON) as processes, Progress(unit) as progress:
        try:
            yield processes, progress
        except KeyboardInterrupt:
            raise Stopped(f"stopped; {progress.done} of {progress.total} {unit} were done; {_GO_ON}") from None


def report_problems(problems: Iterable[Problem]) -> None:
    """A line for each image that could not be read."""
    for problem in problems:
        say(problem.message)
