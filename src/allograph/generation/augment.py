"""The job `allograph augment`: one or more exemplars of every class in, N drawings of every class out.

For exemplars FOLDER/CLASS/* and the output folder DIR

    DIR/CLASS/0001.png ...        the drawings; number k follows exemplar k of the class, and so on in turn; .svg,
                                  .strokes.svg, .json or .inkml where lines are asked for
    DIR/CLASS/original-NAME       the exemplars themselves, if asked for
    DIR/manifest.csv              how every file was made (see `allograph.generation.manifest`)

Drawing k of a class depends on (weights, the class's name and exemplars, seed, temperature, guidance, k) alone. So a
job that was stopped anywhere goes on with the same command and ends with the same files as one that was not, and one
that is asked for more drawings adds to those it has made. Every block of drawings is computed whole, also where some of
its files exist: a matrix product may round differently at another number of rows. While the model makes a block, the
one before is rendered, encoded and written. Several processes each make the drawings of their share of the classes.
"""

from __future__ import annotations

__all__ = ["AugmentOrder", "AugmentReport", "augment_folder"]

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from allograph.data.folders import class_images
from allograph.errors import AllographError, Problem
from allograph.generation.augment_plan import (
    AugmentOrder,
    Source,
    drawing_name,
    file_hash,
    is_complete,
    open_manifest,
    original_name,
    plan_class,
)
from allograph.generation.formats import check_format
from allograph.generation.generator import Ink, Writer
from allograph.generation.manifest import Manifest, Row
from allograph.generation.samples import noise_for
from allograph.imaging import encode, ending_of
from allograph.runtime.distributed import ALONE, Processes
from allograph.runtime.files import atomic_write
from allograph.runtime.pool import BackgroundPool

if TYPE_CHECKING:
    import numpy as np

    from allograph.imaging import Appearance

_BLOCK = 32


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
    check_format(writer, order.format)
    settings = Row(
        class_name="",
        file="",
        exemplar="",
        seed=str(order.seed),
        number="",
        temperature=repr(writer.temperature_for(order.temperature)),
        guidance=repr(writer.guidance),
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
    manifest = processes.by_first(lambda: open_manifest(output, classes, order, settings))
    if processes.size > 1:
        processes.by_each(lambda: manifest.keep_journal(processes.rank))
    own = list(classes)[processes.share_of(len(classes)).rows]
    wanted = {name: order.drawings_of(len(files)) for name, files in classes.items()}
    done, total = 0, sum(wanted[name] for name in own)
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
        if is_complete(manifest, output, name, classes[name], order):
            kept = wanted[name]
            files.begin([], partial(count, kept))
        else:
            sources = _take_in(writer, name, classes[name], order.ink, problems)
            if not sources:
                problems.append(
                    Problem(folder / name, f"{folder / name}: no exemplar can be used; the class is left out")
                )
                total -= wanted[name]
                return _Filled(False, made, kept, problems)
            plan_class(manifest, name, sources, order, settings, wanted[name])
            if order.keep_originals:
                _copy_originals(sources, output, name, order.overwrite)
            for drawings, found in _draw(writer, name, sources, output, order, wanted[name]):
                made, kept = made + len(drawings), kept + found
                files.begin(drawings, partial(count, len(drawings) + found))
        return _Filled(True, made, kept, problems)

    # The other cores have the pictures; and sums are rounded alike on any number of cores.
    with BackgroundPool(_workers(processes)) as files, _threads_of_model(1):
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


def _take_in(writer: Writer, name: str, files: list[Path], ink: Ink, problems: list[Problem]) -> list[Source]:
    """The exemplars of a class that can be used; the others are added to the problems."""
    sources = []
    for path in files:
        try:
            exemplar = writer.space.take_in(path, ink)
        except AllographError as error:
            problems.append(Problem(path, str(error)))
        else:
            sources.append(Source(path, f"{name}/{path.name}", file_hash(path), exemplar))
    return sources


def _draw(
    writer: Writer, name: str, sources: list[Source], output: Path, order: AugmentOrder, count: int
) -> Iterator[tuple[list[Callable[[], None]], int]]:
    """Make the drawings of a class that do not exist yet: for every block, what renders and writes each of its missing
    ones, and how many were there."""
    import torch

    images = torch.stack([torch.from_numpy(source.exemplar.image) for source in sources])
    ending = ending_of(order.format)
    for first in range(1, count + 1, _BLOCK):
        numbers = range(first, min(first + _BLOCK, count + 1))
        missing = [
            number
            for number in numbers
            if order.overwrite or not (output / name / drawing_name(number, ending)).exists()
        ]
        drawings: list[Callable[[], None]] = []
        if missing:
            # The whole block, whatever is missing and however many were asked for.
            block = range(first, first + _BLOCK)
            # A single exemplar is looked at once for all of them.
            context = images[[(number - 1) % len(sources) for number in block]] if len(sources) > 1 else images
            noise = noise_for(writer.model.noise_shape, [("augment", order.seed, name, number) for number in block])
            drawn = writer.draw(context[:, None], noise.unflatten(0, (len(context), -1)), order.temperature)
            values = writer.values(drawn.parameters.flatten(0, 1))
            for number in missing:
                source = sources[(number - 1) % len(sources)]
                path = output / name / drawing_name(number, ending)
                drawings.append(partial(_save, source.exemplar.appearance, values[number - first], order, path))
        yield drawings, len(numbers) - len(missing)


def _workers(processes: Processes) -> int:
    """Processes that render. A drawing takes one of them three times as long as the model, so four keep up with it."""
    import torch

    return min(4, max(1, torch.get_num_threads() // processes.local_size))


@contextmanager
def _threads_of_model(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _save(appearance: Appearance, values: np.ndarray, order: AugmentOrder, path: Path) -> None:
    atomic_write(path, encode(order.format, values, appearance, order.size))


def _copy_originals(sources: list[Source], output: Path, name: str, overwrite: bool) -> None:
    for source in sources:
        target = output / name / original_name(source.path)
        if overwrite or not target.exists():
            atomic_write(target, source.path.read_bytes())
