"""`allograph recognise`: which symbol each picture shows, from one or a few drawings of each."""

from __future__ import annotations

__all__ = ["recognise"]

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.console import InkOption, JsonOption, Progress, Stopped, ThreadsOption, print_json, say
from allograph.errors import AllographError, Problem

if TYPE_CHECKING:
    from allograph.recognition import Recognised

_NONE = "none of these"


def recognise(
    images: Annotated[list[Path], typer.Argument(help="Pictures, each of one symbol; - is stdin.", metavar="IMAGE...")],
    among: Annotated[
        Path,
        typer.Option(
            "--among", help="The symbols to choose from: FOLDER/CLASS/*.png or FOLDER/CLASS.png.", metavar="FOLDER"
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="Number of guesses for each picture.", metavar="N")] = 3,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help='Answer "none of these" if its probability exceeds this; 1 never does.',
            show_default="as on validation alphabets",
            metavar="P",
        ),
    ] = None,
    ink: InkOption = "auto",
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Say which symbol each IMAGE shows, from one or a few drawings of each symbol in FOLDER.

    Gives the most probable symbols with their probabilities, or "none of these". The cache folder keeps what was
    learned from FOLDER's files, so the next call is quicker.
    """
    from allograph.data.folders import left_out, passed_over
    from allograph.imaging.decoding import stem_of
    from allograph.recognition import Recogniser
    from allograph.recognition.evidence import default_examiner
    from allograph.recognition.folder import learn_folder
    from allograph.recognition.recogniser import look

    recogniser = Recogniser(threshold=threshold, ink=ink)
    try:
        with Progress("drawings") as progress:
            problems = learn_folder(recogniser, among, progress)
    except KeyboardInterrupt:
        raise Stopped(f"stopped while reading {among}; what was read is kept") from None
    for problem in problems:
        say(problem.message)
    if others := passed_over(among):
        say(left_out(others))
    labels = [str(label) for label in recogniser.classes_]
    line = _columns(images, labels, min(top, len(labels)))
    found: list[dict[str, Any]] = []
    stop: Stopped | None = None
    try:
        for image in images:
            try:
                taken = look(image, ink)
                seen = recogniser.recognise(taken, top)
            except AllographError as error:
                problems.append(Problem(image, str(error)))
                say(str(error))
                continue
            for note in taken.notes:
                say(f"{stem_of(image)}: {note}" if len(images) > 1 else note)
            if not as_json:
                if not found:
                    print(line("picture", "shows", ["guesses"], ""))
                print(line(str(image), *_words(seen)))
            guesses = [{"class": guess.label, "probability": guess.probability} for guess in seen.guesses]
            answer = {"image": str(image), "answer": seen.answer, "none": seen.none, "guesses": guesses}
            found.append({**answer, "notes": taken.notes})
    except KeyboardInterrupt:
        stop = Stopped(f"stopped; {len(found)} of {len(images)} pictures are done")
    if as_json:
        examiner = default_examiner()
        settings = {"among": str(among), "threshold": recogniser.refuses_above, "ink": ink}
        settings |= {"critic": examiner.critic.fingerprint, "sha256": examiner.loaded.sha256}
        print_json({"settings": settings, "classes": labels, "images": found, "problems": problems})
    if stop is not None:
        raise stop
    if problems:
        raise typer.Exit(1 if found else 2)


def _words(seen: Recognised) -> tuple[str, list[str], str]:
    """The answer, the guesses and the probability of none, as a line shows them."""
    guesses = [f"{guess.label} {_percent(guess.probability)}" for guess in seen.guesses]
    return _NONE if seen.answer is None else seen.answer, guesses, f"{_NONE} {_percent(seen.none)}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _columns(images: Sequence[Path], labels: Sequence[str], top: int) -> Callable[[str, str, Sequence[str], str], str]:
    """A function that writes a line of the table; columns stand below each other on a terminal, wide letters too."""
    from rich.cells import cell_len, set_cell_size

    widest = max(cell_len(label) for label in labels)
    widths = [max(cell_len(text) for text in ("picture", *map(str, images))), max(widest, len(_NONE))]
    widths += [widest + len(" 100.0 %")] * top

    def line(picture: str, answer: str, guesses: Sequence[str], none: str) -> str:
        cells = [picture, answer, *guesses, *[""] * (top - len(guesses)), none]
        padded = [set_cell_size(text, width) for text, width in zip(cells, widths, strict=False)]
        return "  ".join([*padded, *cells[len(padded) :]]).rstrip()

    return line
