"""The job `allograph compose`: pictures of lines of text in many hands, with their ground truth.

    kraken      DIR/000/000001.png and 000001.gt.txt ...          a pair a line
    calamari    DIR/000/000001.bin.png and 000001.gt.txt ...      the same in black and white
    page-xml    DIR/000/000001.png and 000001.xml ...             a page of lines, PAGE XML of 2019-07-15
    coco        DIR/images/000/000001.png ..., annotations.json   pages, and a box around every symbol

The text is read as a stream. Line k depends only on (drawings, text, settings, seed, k). So the same command continues
a job that was stopped, and several processes that share the pages make the same files. The ground truth of a page (or
line) is written after its picture, so a page that has one is complete.
"""

from __future__ import annotations

__all__ = ["LAYOUTS", "ComposeReport", "ComposeSettings", "compose"]

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, get_args

import numpy as np

from allograph.errors import AllographError, Problem
from allograph.runtime.distributed import ALONE, Processes
from allograph.runtime.files import atomic_write, explain_os_error, png
from allograph.runtime.pool import BackgroundPool
from allograph.typography.bank import bank_key, make_bank, read_bank
from allograph.typography.ground_truth import coco_head, coco_page, page_xml
from allograph.typography.hand import Style, set_line, split_line
from allograph.typography.paper import as_picture, laid_out

if TYPE_CHECKING:
    from allograph.generation.generator import Ink, Writer

Layout = Literal["kraken", "calamari", "page-xml", "coco"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

_SETTINGS = "compose.json"
_BATCH = 16
"""Number of pages that the workers get at once."""

_FOLDER = 1000
"""Number of files in a folder."""

_MOST_UNKNOWN = 12


@dataclass(frozen=True)
class ComposeSettings:
    """What all lines have in common.

    Attributes:
        layout: which files are made.
        style: how lines vary and what they lie on.
        drawings: number of drawings of each symbol from which lines choose.
        lines: number of lines on a page; without pages, number of lines that are made together.
        seed: seed of all random choices.
        ink: of the pictures in the folder.
    """

    layout: Layout
    style: Style = field(default_factory=Style)
    drawings: int = 20
    lines: int = 20
    seed: int = 0
    ink: Ink = "auto"


@dataclass(frozen=True)
class ComposeReport:
    """What was done: lines and pages (or lines again, where there are none) that exist now, and what was left out."""

    lines: int
    files: int
    problems: tuple[Problem, ...]


def compose(
    text: Path,
    folder: Path,
    output: Path,
    writer: Writer | None,
    settings: ComposeSettings,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> ComposeReport:
    """Make the pictures of all lines of a UTF-8 file; continue where an earlier call stopped.

    Lines with a symbol that no class has are left out and reported together.

    Args:
        progress: called with (lines done by this process, lines of its share).

    Raises:
        AllographError: the text or the folder cannot be used, or ``output`` was started with other settings.
    """
    total = _count(text)
    key = bank_key(folder, writer.sha256 if writer else "", settings.drawings, settings.seed, settings.ink)
    bank_path = output / f".drawings-{key}.npz"
    first = processes.by_first(lambda: _begun(bank_path, folder, output, writer, settings, key))
    bank = read_bank(bank_path)
    unknown: Counter[str] = Counter()
    left_out = done = pages = 0
    share = sum(1 for page in range(-(-total // settings.lines)) if page % processes.size == processes.rank)
    share = min(total, share * settings.lines)
    made = 0
    with BackgroundPool(max(1, workers)) as pool:
        jobs: list[Callable[[], object]] = []
        lines_in = 0

        def count(lines: int) -> None:
            nonlocal done
            done += lines
            progress(done, share)

        for page, lines in _pages(text, settings.lines):
            usable = []
            for number, line in lines:
                _, absent = split_line(line, bank)
                if absent:
                    unknown.update(absent)
                    left_out += 1
                else:
                    usable.append((number, line))
            pages += bool(usable)
            made += len(usable)
            if page % processes.size != processes.rank or not usable:
                continue
            jobs.append(partial(_make, bank_path, output, settings, page, tuple(usable)))
            lines_in += len(lines)
            if len(jobs) == _BATCH * max(1, workers):
                pool.begin(jobs, partial(count, lines_in))
                jobs, lines_in = [], 0
        pool.begin(jobs, partial(count, lines_in))
    processes.by_each(lambda: None)  # all pages are there
    problems = list(first)
    if left_out:
        shown = " ".join(character for character, _ in unknown.most_common(_MOST_UNKNOWN))
        more = " ..." if len(unknown) > _MOST_UNKNOWN else ""
        lines_ = f"{left_out} line{'s are' if left_out > 1 else ' is'} left out of {text}"
        problems.append(Problem(text, f"{lines_}: no class in {folder} draws {shown}{more}"))
    if not made:
        why = f": {problems[-1].message}" if problems else "; it has none"
        raise AllographError(f"no line of {text} can be written with the symbols in {folder}{why}")
    if settings.layout == "coco":
        processes.by_first(lambda: _gather(output, sorted(bank.drawings)))
    return ComposeReport(made, pages if settings.layout in ("page-xml", "coco") else made, tuple(problems))


def _begun(
    bank_path: Path, folder: Path, output: Path, writer: Writer | None, settings: ComposeSettings, key: str
) -> list[Problem]:
    """Refuse another job's folder, and make a missing bank. Returns what the bank leaves out."""
    path = output / _SETTINGS
    wanted = {**asdict(settings), "drawings_key": key}
    known: dict[str, Any] | None = None
    if path.exists():
        try:
            known = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise AllographError(f"{path} is damaged; choose another folder with -o") from error
        settled = {name: value for name, value in (known or {}).items() if name != "problems"}
        if settled != wanted:
            differing = next((name for name in wanted if settled.get(name) != wanted[name]), "settings")
            what = "other drawings or weights" if differing == "drawings_key" else f"another {differing}"
            raise AllographError(f"{output} was started with {what}; use the same, or choose another folder with -o")
    elif output.exists() and any(not entry.name.startswith(".") for entry in output.iterdir()):
        raise AllographError(f"{output} holds other files; choose another folder with -o")
    if known is not None and bank_path.exists():
        return [Problem(Path(one["path"]), one["message"]) for one in known.get("problems", [])]
    problems = make_bank(bank_path, folder, writer, settings.drawings, seed=settings.seed, ink=settings.ink)
    told = [{"path": str(problem.path), "message": problem.message} for problem in problems]
    atomic_write(path, json.dumps({**wanted, "problems": told}, ensure_ascii=False, indent=1).encode() + b"\n")
    return problems


def _make(
    bank_path: Path, output: Path, settings: ComposeSettings, page: int, lines: tuple[tuple[int, str], ...]
) -> None:
    """Make the files of one page, or of its lines, that are not there yet."""
    bank, style = read_bank(bank_path), settings.style
    if settings.layout in ("kraken", "calamari"):
        ending = ".bin.png" if settings.layout == "calamari" else ".png"
        for number, line in lines:
            stem = output / f"{number // _FOLDER:03d}" / f"{number:06d}"
            truth = stem.with_name(f"{stem.name}.gt.txt")
            if truth.exists():
                continue
            random = np.random.default_rng([settings.seed, number])
            picture = as_picture(set_line(line, bank, style, random), style, random, binary=ending == ".bin.png")
            atomic_write(stem.with_name(f"{stem.name}{ending}"), png(picture))
            atomic_write(truth, f"{line}\n".encode())
        return
    name = f"{page // _FOLDER:03d}/{page:06d}"
    coco = settings.layout == "coco"
    truth = output / ".pages" / f"{page:06d}.json" if coco else output / f"{name}.xml"
    if truth.exists():
        return
    # Each line has its own numbers, whichever others are on the page.
    set_ = [set_line(line, bank, style, np.random.default_rng([settings.seed, number])) for number, line in lines]
    image = laid_out(set_, style, np.random.default_rng([settings.seed, page, 1]))
    atomic_write(output / ("images" if coco else "") / f"{name}.png", png(image.picture))
    if coco:
        categories = {symbol: number for number, symbol in enumerate(sorted(bank.drawings), 1)}
        about, boxes = coco_page(image, f"{name}.png", page + 1, 0, categories)
        atomic_write(truth, json.dumps({"image": about, "annotations": boxes}, ensure_ascii=False).encode())
    else:
        atomic_write(truth, page_xml(image, Path(name).name + ".png"))


def _gather(output: Path, symbols: list[str]) -> None:
    """Gather the annotations of all pages in one file, page by page."""
    parts = sorted((output / ".pages").glob("*.json"))

    def write(file: BinaryIO) -> None:
        head = json.dumps(coco_head(symbols), ensure_ascii=False)
        file.write(f'{head[:-1]}, "images": ['.encode())
        for number, part in enumerate(parts):
            image = json.loads(part.read_bytes())["image"]
            file.write((",\n" if number else "\n").encode() + json.dumps(image).encode())
        file.write(b'], "annotations": [')
        following = 1
        for part in parts:
            for box in json.loads(part.read_bytes())["annotations"]:
                file.write((",\n" if following > 1 else "\n").encode())
                file.write(json.dumps({**box, "id": following}).encode())
                following += 1
        file.write(b"]}\n")

    atomic_write(output / "annotations.json", write)


def _count(text: Path) -> int:
    """Number of lines that are not empty."""
    return sum(1 for _ in _lines(text))


def _pages(text: Path, count: int) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """(number, its numbered lines) of every page."""
    numbered = enumerate(_lines(text), 1)
    page = 0
    while lines := list(islice(numbered, count)):
        yield page, lines
        page += 1


def _lines(text: Path) -> Iterator[str]:
    """The lines of a file without empty ones; spaces around a line are dropped, and several within count as one."""
    try:
        with open(text, encoding="utf-8-sig") as file:
            for line in file:
                if line := " ".join(line.split()):
                    yield line
    except UnicodeDecodeError as error:
        raise AllographError(f"{text} is not UTF-8; save it as UTF-8 text") from error
    except OSError as error:
        raise explain_os_error(error, f"cannot read {text}") from error
