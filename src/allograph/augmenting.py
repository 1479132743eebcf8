"""The job `allograph augment`: one or more exemplars of every class in, N drawings of every class out.

For exemplars FOLDER/CLASS/* and the output folder DIR

    DIR/CLASS/0001.png ...        the drawings; number k follows exemplar k of the class, and so on in turn
    DIR/CLASS/original-NAME       the exemplars themselves, if asked for
    DIR/manifest.csv              how every file was made (see `allograph.manifest`)

Drawing k of a class depends on (weights, the class's name and exemplars, seed, temperature, k) alone. So a job that
was stopped anywhere goes on with the same command and ends with the same files as one that was not, and a job that is
asked for more drawings adds to those it has made. Every block of drawings is computed whole, also where some of its
files exist: a matrix product may round differently at another number of rows. While the model makes a block, the one
before is rendered, encoded and written. Several processes each make the drawings of their share of the classes.
"""

from __future__ import annotations

__all__ = ["AugmentOrder", "AugmentReport", "augment_folder"]

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from allograph.behind import Behind
from allograph.blocks import noise_for
from allograph.data.folders import class_images
from allograph.errors import AllographError, Problem
from allograph.imaging import atomic_write
from allograph.manifest import Manifest, Row
from allograph.parallel import ALONE, Processes
from allograph.writer import Ink, Writer
from allograph.writing import save_png

if TYPE_CHECKING:
    import numpy as np

    from allograph.imaging import Appearance, Exemplar

_BLOCK = 32


@dataclass(frozen=True)
class AugmentOrder:
    """What to make for every class; see `Writer.write` for the settings in the middle."""

    per_class: int
    seed: int = 0
    temperature: float | None = None
    size: int | None = None
    ink: Ink = "auto"
    keep_originals: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class AugmentReport:
    """What was done.

    Attributes:
        classes: number of classes that are complete now.
        made, kept: drawings made by this call, and found from an earlier one.
        manifest: the CSV file.
        problems: exemplars and classes that could not be used.
    """

    classes: int
    made: int
    kept: int
    manifest: Path
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Source:
    """One exemplar of a class: its file, its path within the folder, its file's hash, and what was found in it."""

    path: Path
    name: str
    sha256: str
    exemplar: Exemplar


def augment_folder(
    writer: Writer,
    folder: Path,
    output: Path,
    order: AugmentOrder,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> AugmentReport:
    """Make `order.per_class` drawings of every class under `folder`, going on where an earlier call stopped.

    Args:
        progress: called with (drawings that exist, drawings in all) at the start and after every block, of the classes
            that are this process's.

    Raises:
        AllographError: the order makes no sense, `output` holds something else, or nothing can be written there.
    """
    writer.check(order.per_class, order.temperature, order.size)
    writer.check_exemplar(order.ink)
    settings = Row(
        class_name="",
        file="",
        exemplar="",
        seed=str(order.seed),
        number="",
        temperature=repr(writer.temperature_for(order.temperature)),
        size="" if order.size is None else str(order.size),
        ink=order.ink,
        model=writer.sha256[:12],
        exemplar_sha256="",
    )
    classes = class_images(folder)
    if output.resolve().is_relative_to(folder.resolve()):
        raise AllographError(
            f"{output} lies in {folder}, where it would be taken for a class; choose another folder with -o"
        )
    manifest = processes.by_first(lambda: _open_manifest(output, classes, order, settings))
    if processes.size > 1:
        processes.by_each(lambda: manifest.keep_journal(processes.rank))
    own = list(classes)[processes.share_of(len(classes)).rows]
    done, total = 0, order.per_class * len(own)
    progress(done, total)

    def count(drawings: int) -> None:
        nonlocal done
        done += drawings
        progress(done, total)

    def work(name: str) -> _Filled:
        filled = fill(name)
        if name == own[-1]:
            files.settle()
        return filled

    def fill(name: str) -> _Filled:
        nonlocal total
        made = kept = 0
        problems: list[Problem] = []
        if _complete(manifest, output, name, classes[name], order):
            kept = order.per_class
            files.begin([], partial(count, kept))
        else:
            sources = _take_in(writer, name, classes[name], order.ink, problems)
            if not sources:
                problems.append(
                    Problem(folder / name, f"{folder / name}: no exemplar can be used; the class is left out")
                )
                total -= order.per_class
                return _Filled(False, made, kept, problems)
            _plan(manifest, name, sources, order, settings)
            if order.keep_originals:
                _copy_originals(sources, output, name, order.overwrite)
            for drawings, found in _draw(writer, name, sources, output, order):
                made, kept = made + len(drawings), kept + found
                files.begin(drawings, partial(count, len(drawings) + found))
        return _Filled(True, made, kept, problems)

    # The other cores have the pictures; and sums are rounded alike on any number of cores.
    with Behind() as files, _threads_of_model(1):
        filled = processes.spread(work, list(classes))
    processes.by_first(lambda: Manifest(manifest.path).settle(classes))
    return AugmentReport(
        classes=sum(one.complete for one in filled),
        made=sum(one.made for one in filled),
        kept=sum(one.kept for one in filled),
        manifest=manifest.path,
        problems=tuple(problem for one in filled for problem in one.problems),
    )


class _Filled(NamedTuple):
    """What became of one class."""

    complete: bool
    made: int
    kept: int
    problems: list[Problem]


def _open_manifest(output: Path, classes: dict[str, list[Path]], order: AugmentOrder, settings: Row) -> Manifest:
    """That of an earlier call with the same settings, or a new one where nothing stands in the way."""
    manifest = Manifest(output / "manifest.csv")
    _refuse_strangers(manifest, output, classes, order)
    if order.overwrite:
        manifest.clear()
    elif not manifest.exists:
        manifest.start()
    for row in manifest.rows:
        if not row.number:
            continue
        for setting in ("seed", "temperature", "size", "ink", "model"):
            then, now = getattr(row, setting), getattr(settings, setting)
            if then != now:
                raise AllographError(
                    f"{output} was begun with {setting} {then or 'of the exemplar'}, not {now or 'of the exemplar'}; "
                    "go on with the same settings, choose another folder with -o, or add --overwrite"
                )
    manifest.settle(classes)
    return manifest


def _refuse_strangers(manifest: Manifest, output: Path, classes: dict[str, list[Path]], order: AugmentOrder) -> None:
    """Refuse files that look like this job's and are not in the manifest: nobody could tell them from its drawings."""
    for name, files in classes.items():
        listed = {row.file for row in manifest.of(name)}
        written = {_file(number) for number in range(1, order.per_class + 1)}
        written |= {_original(path) for path in files} if order.keep_originals else set()
        for path in sorted((output / name).glob("*")):
            if not re.fullmatch(r"\d{4,}\.png|original-.*", path.name) or f"{name}/{path.name}" in listed:
                continue
            if path.name in written and order.overwrite:
                continue
            remedy = "add --overwrite" if path.name in written else "move it away"
            raise AllographError(
                f"{path} exists already and no manifest row says how it was made; choose another folder with -o, or "
                f"{remedy}"
            )


def _complete(manifest: Manifest, output: Path, name: str, files: list[Path], order: AugmentOrder) -> bool:
    """Whether an earlier call left nothing to do in a class; its exemplars must still be what they were.

    A file of which no row speaks may be new or damaged, or one whose turn has not come: only taking in tells.
    """
    rows = manifest.of(name)
    drawings = [row for row in rows if row.number]
    if len(drawings) > order.per_class:
        raise AllographError(
            f"{output / name} has {len(drawings)} drawings already; ask for at least as many, "
            "choose another folder with -o, or add --overwrite"
        )
    hashes = {f"{name}/{path.name}": _sha256(path) for path in files}
    for row in rows:
        if hashes.get(row.exemplar) != row.exemplar_sha256:
            raise AllographError(
                f"the exemplar {row.exemplar} changed since {output} was begun; put it back, "
                "choose another folder with -o, or add --overwrite"
            )
    originals = len(rows) - len(drawings)
    enough = len(drawings) == order.per_class and (originals > 0 or not order.keep_originals)
    known = hashes.keys() == {row.exemplar for row in rows}
    return enough and known and all((output / row.file).exists() for row in rows)


def _take_in(writer: Writer, name: str, files: list[Path], ink: Ink, problems: list[Problem]) -> list[Source]:
    """The exemplars of a class that can be used; the others are added to the problems."""
    sources = []
    for path in files:
        try:
            exemplar = writer.space.take_in(path, ink)
        except AllographError as error:
            problems.append(Problem(path, str(error)))
        else:
            sources.append(Source(path, f"{name}/{path.name}", _sha256(path), exemplar))
    return sources


def _plan(manifest: Manifest, name: str, sources: list[Source], order: AugmentOrder, settings: Row) -> None:
    """Put the rows of a class in the manifest, keeping those that are there."""
    present = set(manifest.of(name))
    rows = []
    if order.keep_originals:
        for source in sources:
            blank = {field: "" for field in ("seed", "temperature", "size", "ink", "model")}
            file = f"{name}/{_original(source.path)}"
            rows.append(
                replace(
                    settings, class_name=name, file=file, exemplar=source.name, exemplar_sha256=source.sha256, **blank
                )
            )
    for number in range(1, order.per_class + 1):
        source = sources[(number - 1) % len(sources)]
        rows.append(
            replace(
                settings,
                class_name=name,
                file=f"{name}/{_file(number)}",
                exemplar=source.name,
                number=str(number),
                exemplar_sha256=source.sha256,
            )
        )
    missing = [row for row in rows if row not in present]
    if {row.file for row in missing} & {row.file for row in present}:
        new = sorted({source.name for source in sources} - {row.exemplar for row in present})
        raise AllographError(
            f"the exemplars of {name} are not those that {manifest.path.parent} was begun with"
            f"{f' ({new[0]} is new)' if new else ''}; put them back, choose another folder with -o, or add --overwrite"
        )
    manifest.append(missing)


def _draw(
    writer: Writer, name: str, sources: list[Source], output: Path, order: AugmentOrder
) -> Iterator[tuple[list[Callable[[], None]], int]]:
    """Make the drawings of a class that do not exist yet: for every block, what renders and writes each of its missing
    ones, and how many were there."""
    import torch

    images = torch.stack([torch.from_numpy(source.exemplar.image) for source in sources])
    for first in range(1, order.per_class + 1, _BLOCK):
        numbers = range(first, min(first + _BLOCK, order.per_class + 1))
        missing = [number for number in numbers if order.overwrite or not (output / name / _file(number)).exists()]
        drawings: list[Callable[[], None]] = []
        if missing:
            # The whole block, whatever is missing and however many were asked for.
            block = range(first, first + _BLOCK)
            context = images[[(number - 1) % len(sources) for number in block]]
            noise = noise_for(writer.model.noise_shape, [("augment", order.seed, name, number) for number in block])
            drawn = writer.draw(context[:, None], noise[:, None], order.temperature)
            values = writer.values(drawn.parameters[:, 0])
            for number in missing:
                source = sources[(number - 1) % len(sources)]
                path = output / name / _file(number)
                drawings.append(partial(_save, source.exemplar.appearance, values[number - first], order.size, path))
        yield drawings, len(numbers) - len(missing)


@contextmanager
def _threads_of_model(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _save(appearance: Appearance, values: np.ndarray, size: int | None, path: Path) -> None:
    save_png(appearance.render(values, size), path, runs=True)


def _copy_originals(sources: list[Source], output: Path, name: str, overwrite: bool) -> None:
    for source in sources:
        target = output / name / _original(source.path)
        if overwrite or not target.exists():
            atomic_write(target, source.path.read_bytes())


def _file(number: int) -> str:
    return f"{number:04d}.png"


def _original(path: Path) -> str:
    return f"original-{path.name}"


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""  # taking it in says what is wrong with it
