"""What the commands share: messages, JSON, progress, and options that look the same everywhere."""

from __future__ import annotations

__all__ = [
    "MAX_SEED",
    "STOPPED",
    "AttemptsOption",
    "DataDirOption",
    "FormatOption",
    "GuidanceOption",
    "InkOption",
    "JsonOption",
    "ModelOption",
    "OutputOption",
    "OverwriteOption",
    "Progress",
    "SeedOption",
    "Stopped",
    "TemperatureOption",
    "ThreadsOption",
    "TogetherOption",
    "complain",
    "print_json",
    "say",
]

import dataclasses
import json
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import typer

from allograph.runtime.distributed import launched
from allograph.runtime.threads import use_threads

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

STOPPED = 130
"""The exit status after Ctrl-C, as shells count it: 128 + SIGINT."""

MAX_SEED = 2**32 - 1
"""The largest seed that commands accept, since Lightning accepts no larger one; the smallest is 0."""

_EVERY = 5.0
"""Seconds between two progress lines if there is no terminal for a bar."""

ModelOption = Annotated[
    str, typer.Option("--model", help="Weights: a known name, a .safetensors file, or hf://OWNER/NAME.", metavar="M")
]
OutputOption = Annotated[Path, typer.Option("-o", "--output", help="Folder for the drawings.", metavar="DIR")]
SeedOption = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="The same seed gives the same drawings.")]
GuidanceOption = Annotated[
    float | None,
    typer.Option(help="Above 1, drawings follow the exemplar more closely.", show_default="the weights' own"),
]
AttemptsOption = Annotated[
    int | None,
    typer.Option(
        help="Make a drawing at most N times, while it has other numbers of parts or holes than the exemplar.",
        show_default="16 where the model writes the strokes itself",
        metavar="N",
    ),
]
TemperatureOption = Annotated[
    float | None, typer.Option(help="Below 1, drawings vary less.", show_default="the weights' own")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the results of an earlier run.")]
InkOption = Annotated[
    Literal["auto", "dark", "light"], typer.Option(help="Which tone of the image is the ink; auto finds out.")
]
FormatOption = Annotated[
    Literal["png", "svg", "svg-strokes", "json", "inkml"],
    typer.Option("--format", help="Pictures, outlines, or centre lines with one path per stroke, for plotters."),
]
DataDirOption = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        help="Folder for data sets, which are downloaded if missing.",
        envvar="ALLOGRAPH_DATA",
        metavar="DIR",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout instead of text.")]
TogetherOption = Annotated[
    bool | None,
    typer.Option(
        "--together/--in-turn",
        help="Draw after all exemplars of a class at once, or after one of them at a time.",
        show_default="together, if the model can",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        callback=use_threads,
        help="Number of compute threads.",
        show_default="one for each usable core",
        metavar="N",
    ),
]


class Stopped(Exception):
    """The user pressed Ctrl-C; the message says what is done and how to continue."""


def say(message: str) -> None:
    """Print one line for the user on stderr; of several processes, only the first does."""
    if launched().first:
        complain(message)


def complain(message: str) -> None:
    """Print one line for the user on stderr, from any process."""
    # One write: `print` writes the line's end by itself, and another process's line may come between.
    sys.stderr.write(f"allograph: {' '.join(message.split())}\n")
    sys.stderr.flush()


def print_json(document: dict[str, Any]) -> None:
    """Print the document of `--json` on stdout: results as objects, paths as strings."""
    print(json.dumps(document, indent=2, ensure_ascii=False, default=_plain), flush=True)


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value)


class Progress:
    """Progress on stderr: a bar with the time left on a terminal, elsewhere a line now and then."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._said = 0.0
        self.done = self.total = 0

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and launched().first:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = BarColumn(), MofNCompleteColumn(), TextColumn(self._unit), TimeRemainingColumn()
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task(self._unit, total=None)
        self._said = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        self.done, self.total = done, total
        now = time.monotonic()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
        elif now - self._said >= _EVERY:
            self._said = now
            say(f"{done} of {total} {self._unit}")
