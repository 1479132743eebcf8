"""The job `allograph augment`: makes N drawings of every class from one or more exemplars of it.

For exemplars FOLDER/CLASS/* and the output folder DIR:

    DIR/CLASS/0001.png ...        the drawings; number k has the looks of exemplar k of the class, and so on in turn,
                                  and is drawn after all of them or after that one alone; .svg, .strokes.svg, .json or
                                  .inkml where lines are asked for
    DIR/CLASS/original-NAME       the exemplars themselves, if asked for
    DIR/manifest.csv              how every file was made (see `allograph.generation.manifest`)
    DIR/metadata.jsonl            the same in the words of Hugging Face's `datasets`, if asked for

Drawing k of a class depends only on (the writer and its settings, the class's name and exemplars, seed, k). So the same
command continues a job that was stopped anywhere and ends with the same files, and a job that is asked for more
drawings adds to those it has made. Every block of drawings is computed whole, even if some of its files exist: a matrix
product may round differently with another number of rows. While the model makes a block, the previous one is rendered,
encoded and written. Several processes each make the drawings of their share of the classes.
"""

from __future__ import annotations

__all__ = ["AugmentOrder", "AugmentReport", "augment_folder"]

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from allograph.data.folders import class_images
from allograph.errors import AllographError, Problem
from allograph.generation.augment_plan import (
    AugmentOrder,
    Source,
    drawing_name,
    file_hash,
    is_complete,
    is_copied_as_it_is,
    open_manifest,
    original_name,
    plan_class,
    settings_of,
)
from allograph.generation.blank import ATTEMPTS, are_blank
from allograph.generation.generator import Ink, Writer
from allograph.generation.manifest import Manifest
from allograph.generation.metadata import write_metadata
from allograph.generation.samples import noise_for
from allograph.generation.sizes import size_noise, sizes_of
from allograph.imaging import encode, ending_of
from allograph.runtime.distributed import ALONE, Processes
from allograph.runtime.files import atomic_write, png
from allograph.runtime.pool import BackgroundPool

if TYPE_CHECKING:
    import torch

    from allograph.imaging import RenderStyle

_BLOCK = 32


@dataclass(frozen=True)
class AugmentReport:
    """What was done.

    Attributes:
        classes: number of complete classes.
        made, kept: numbers of drawings made by this call and kept from an earlier one.
        originals: copies of exemplars that count among the drawings asked for (`AugmentOrder.fill`).
        manifest: the CSV file.
        metadata: the file for `datasets`, if there is one.
        problems: exemplars and classes that could not be used.
    """

    classes: int
    made: int
    kept: int
    manifest: Path
    problems: tuple[Problem, ...]
    originals: int = 0
    metadata: Path | None = None


def augment_folder(
    writer: Writer,
    folder: Path,
    output: Path,
    order: AugmentOrder,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> AugmentReport:
    """Make `order.per_class` drawings of every class under `folder`, or fill each class up to this number; continue
    where an earlier call stopped.

    Args:
        progress: called with (existing drawings, all drawings) of this process's classes, at the start and after every
            block.

    Raises:
        AllographError: the order is out of range, `output` holds something else, or nothing can be written there.
    """
    writer.check(order.per_class, order.temperature, order.size)
    writer.check_exemplar(order.ink)
    writer.check_format(order.format)
    if order.together is None:
        order = replace(order, together=writer.most_together > 1)
    settings = settings_of(writer, order)
    classes = class_images(folder)
    if order.together:
        writer.check_together(max(map(len, classes.values())))
    if output.resolve().is_relative_to(folder.resolve()):
        raise AllographError(
            f"{output} is inside {folder}, where it would count as a class; choose another folder with -o"
        )
    manifest = processes.by_first(lambda: open_manifest(output, classes, order, settings))
    if processes.size > 1:
        processes.by_each(lambda: manifest.keep_journal(processes.rank))
    own = list(classes)[processes.share_of(len(classes)).rows]
    expected = {name: order.drawings_of(len(classes[name])) for name in own}
    done, total = 0, sum(expected.values())
    progress(done, total)

    def count(drawings: int) -> None:
        nonlocal done
        done += drawings
        progress(done, total)

    def work(name: str) -> _Filled:
        filled = fill(name)
        if name == own[-1]:
            files.wait()
        return filled

    def fill(name: str) -> _Filled:
        nonlocal total
        made = kept = 0
        problems: list[Problem] = []
        if is_complete(manifest, output, name, classes[name], order):
            copied = sum(not row.number for row in manifest.of(name))
            kept = order.drawings_of(copied)
            total += kept - expected[name]
            files.begin([], partial(count, kept))
        else:
            sources = _preprocess(writer, name, classes[name], order.ink, problems)
            if not sources:
                problems.append(
                    Problem(folder / name, f"{folder / name}: it has no usable exemplar; the class is left out")
                )
                total -= expected[name]
                return _Filled(False, made, kept, 0, problems)
            copied = len(sources)
            total += order.drawings_of(copied) - expected[name]
            plan_class(manifest, name, sources, order, settings)
            if order.copies:
                _copy_originals(sources, output, name, order.overwrite)
            for drawings, found in _draw(writer, name, sources, output, order):
                made, kept = made + len(drawings), kept + found
                files.begin(drawings, partial(count, len(drawings) + found))
        return _Filled(True, made, kept, copied if order.fill else 0, problems)

    # The other cores render pictures; and with one thread, sums round alike on any number of cores.
    with BackgroundPool(_workers(processes)) as files, _threads_of_model(1):
        filled = processes.spread(work, list(classes))
    metadata = processes.by_first(lambda: _finish(manifest, classes, order))
    return AugmentReport(
        classes=sum(one.complete for one in filled),
        made=sum(one.made for one in filled),
        kept=sum(one.kept for one in filled),
        manifest=manifest.path,
        problems=tuple(problem for one in filled for problem in one.problems),
        originals=sum(one.originals for one in filled),
        metadata=metadata,
    )


class _Filled(NamedTuple):
    """The result of one class."""

    complete: bool
    made: int
    kept: int
    originals: int
    problems: list[Problem]


def _finish(manifest: Manifest, classes: Iterable[str], order: AugmentOrder) -> Path | None:
    """Writes one manifest for all processes, and the metadata that follow from it."""
    whole = Manifest(manifest.path)
    whole.merge(classes)
    return write_metadata(manifest.path.parent, whole, order.layout)


def _preprocess(writer: Writer, name: str, files: list[Path], ink: Ink, problems: list[Problem]) -> list[Source]:
    """The usable exemplars of a class; the others are added to the problems."""
    sources = []
    for path in files:
        try:
            exemplar = writer.space.preprocess(path, ink)
        except AllographError as error:
            problems.append(Problem(path, str(error)))
        else:
            sources.append(Source(path, f"{name}/{path.name}", file_hash(path), exemplar))
    return sources


def _draw(
    writer: Writer, name: str, sources: list[Source], output: Path, order: AugmentOrder
) -> Iterator[tuple[list[Callable[[], None]], int]]:
    """Make the missing drawings of a class: for every block, yields the work that renders and writes each of them, and
    the number of existing drawings."""
    import torch

    images = torch.stack([torch.from_numpy(source.exemplar.image) for source in sources])
    ending = ending_of(order.format)
    shown = writer.most_together if order.together else 1
    last = order.drawings_of(len(sources))
    for first in range(1, last + 1, _BLOCK):
        numbers = range(first, min(first + _BLOCK, last + 1))
        missing = [
            number
            for number in numbers
            if order.overwrite or not (output / name / drawing_name(number, ending)).exists()
        ]
        drawings: list[Callable[[], None]] = []
        if missing:
            # The whole block, however many drawings are missing or wanted.
            block = range(first, first + _BLOCK)
            context = _contexts(images, block, shown)
            values, blank = np.zeros(0), np.zeros(0, bool)
            for attempt in range(ATTEMPTS + 1):  # one without ink is made again, from the next noise of its own
                again = ("again", attempt) if attempt else ()
                keys = [("augment", order.seed, name, number, *again) for number in block]
                noise = noise_for(writer.model.noise_shape, keys).unflatten(0, (len(context), -1))
                made = writer.values(writer.draw(context, noise, order.temperature).parameters.flatten(0, 1))
                values = np.where(blank[:, None, None, None], made, values) if attempt else made
                blank = are_blank(values, [source.exemplar.image for source in sources])
                if not writer.space.inked or not blank.any():
                    break
            named = [("augment", order.seed, name, number) for number in block]
            sizes = sizes_of(writer.card.size_variation, size_noise(named), writer.temperature_for(order.temperature))
            for number in missing:
                source, drawn = sources[(number - 1) % len(sources)], values[number - first]
                path = output / name / drawing_name(number, ending)
                style = source.exemplar.style.sized(drawn, sizes[number - first])
                drawings.append(partial(_save, style, drawn, order, path))
        yield drawings, len(numbers) - len(missing)


def _contexts(images: torch.Tensor, numbers: Iterable[int], shown: int) -> torch.Tensor:
    """The exemplars that the model sees for each drawing, (drawings, shown, C, S, S): all, once for the whole block, or
    as many as it may see, beginning with the one whose turn it is."""
    if len(images) <= shown:
        return images[None]
    return images[[[(number - 1 + place) % len(images) for place in range(shown)] for number in numbers]]


def _workers(processes: Processes) -> int:
    """Number of processes that render. One of them needs three times as long for a drawing as the model, so four keep
    up."""
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


def _save(style: RenderStyle, values: np.ndarray, order: AugmentOrder, path: Path) -> None:
    atomic_write(path, encode(order.format, values, style, order.size))


def _copy_originals(sources: list[Source], output: Path, name: str, overwrite: bool) -> None:
    for source in sources:
        target = output / name / original_name(source.path)
        if overwrite or not target.exists():
            copy = is_copied_as_it_is(source.path)
            atomic_write(target, source.path.read_bytes() if copy else png(source.exemplar.picture))
