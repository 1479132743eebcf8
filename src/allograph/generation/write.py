"""The jobs `allograph write` and `allograph invent`: folders of new drawings, contact sheets and animations.

For an image STEM.png, or drawings from nothing with the STEM "invented", and the output folder DIR

    DIR/STEM/STEM-001.png ...   the drawings; .svg, .strokes.svg, .json or .inkml where lines are asked for
    DIR/STEM.png                the contact sheet, the exemplar, if any, first, then up to 200 drawings
    DIR/STEM.webp               the canvases growing step by step, if asked for

The files of one STEM appear all together or not at all: they are made in a hidden folder inside DIR and moved when the
last is complete. An error with one image or its results is reported, and the job continues with the next image; if
nothing more can be written at all, it ends.
"""

from __future__ import annotations

__all__ = ["INVENTED", "Order", "invent_files", "save_png", "write_files"]

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allograph.errors import AllographError, Problem
from allograph.generation.generator import Ink, Writer
from allograph.generation.places import Places, Written, move, refusal, save_png
from allograph.generation.samples import SampleBatch
from allograph.imaging import DrawingFormat, animate, contact_sheet, encode
from allograph.imaging.decoding import stem_of
from allograph.runtime.files import atomic_write, explain_os_error, png
from allograph.runtime.staging import staging, sweep

if TYPE_CHECKING:
    from PIL import Image

    from allograph.imaging import Exemplar, RenderStyle

INVENTED = "invented"
"""The STEM of drawings from nothing."""

_ON_SHEET = 200
"""Largest number of drawings on the contact sheet; the eye cannot tell more apart, and all are in memory."""

_FEW = 32
_TILE, _SMALL_TILE = 640, 320
"""Sides in pixels to which larger drawings are scaled for a sheet of few and of many drawings. A sheet shows only the
part of the picture that holds the symbol, so for a photo this is larger than its cell."""

_HOPELESS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Errors that stop the writing of one image and would stop all others."""


@dataclass(frozen=True)
class Order:
    """What to make, for every image, if any, or after all of them `together`; see `Writer.write`."""

    n: int = 16
    seed: int = 0
    temperature: float | None = None
    size: int | None = None
    ink: Ink = "auto"
    animate: bool = False
    overwrite: bool = False
    together: bool = False
    format: DrawingFormat = "png"
    change: tuple[Path, Path] | None = None


def write_files(writer: Writer, images: Sequence[Path], output: Path, order: Order) -> Iterator[Written | Problem]:
    """Write new drawings for every image; yields for each what was made or what was wrong.

    Existing files are refused before anything is computed, unless `order.overwrite`; an input is never overwritten.

    Raises:
        AllographError: at the call, if the order is out of range or the model takes no exemplar; later, if nothing more
            can be written under `output`.
    """
    _check(writer, order)
    writer.check_exemplar(order.ink)
    if order.together:
        writer.check_together(len(images))
        return _write_together(writer, images, output, order)
    return _write_all(writer, images, output, order)


def invent_files(writer: Writer, output: Path, order: Order, like: Mapping[Path, Exemplar] | None = None) -> Written:
    """Write drawings from nothing, or new symbols of the alphabet to which the symbols `like` belong, by file.

    Raises:
        AllographError: the order is out of range, the model has not learned from symbols of an alphabet, a result
            already exists, or nothing can be written under `output`.
    """
    _check(writer, order)
    if like is not None:
        writer.check_like()
    places = Places.of(INVENTED, output, order.format)
    try:
        if reason := refusal(places, {path.resolve() for path in like or ()}, overwrite=order.overwrite):
            raise AllographError(reason)
    except OSError as error:
        raise explain_os_error(error, f"cannot write {places.folder}") from error
    sweep(output)
    with staging(output) as hidden:
        made = Places.of(INVENTED, hidden, order.format)
        return _write(writer, None, None if like is None else tuple(like.values()), made, places, order)


def _check(writer: Writer, order: Order) -> None:
    writer.check(order.n, order.temperature, order.size)
    if order.animate:
        writer.check_growing()
    writer.check_format(order.format)


def _write_all(writer: Writer, images: Sequence[Path], output: Path, order: Order) -> Iterator[Written | Problem]:
    sweep(output)
    planned, problems = _plan(images, output, order)
    yield from problems
    for image, places in planned:
        try:
            exemplar = writer.space.preprocess(image, order.ink)
        except AllographError as error:
            yield Problem(image, str(error))
            continue
        with staging(output) as hidden:
            try:
                result = _write(writer, image, exemplar, Places.of(stem_of(image), hidden, order.format), places, order)
            except AllographError as error:
                if isinstance(error.__cause__, OSError) and error.__cause__.errno in _HOPELESS:
                    raise
                result = Problem(image, f"{image}: {error}".replace(str(hidden), str(output)))
        yield result


def _write_together(writer: Writer, images: Sequence[Path], output: Path, order: Order) -> Iterator[Written | Problem]:
    """Drawings after all images at once, with the name and style of the first usable one."""
    sweep(output)
    taken: dict[Path, Exemplar] = {}
    for image in images:
        try:
            taken[image] = writer.space.preprocess(image, order.ink)
        except AllographError as error:
            yield Problem(image, str(error))
    if not taken:
        return
    first = next(iter(taken))
    places = Places.of(stem_of(first), output, order.format)
    try:
        reason = refusal(places, {path.resolve() for path in images}, overwrite=order.overwrite)
    except OSError as error:
        reason = str(explain_os_error(error, f"cannot write {places.folder}"))
    if reason:
        yield Problem(first, f"{first}: {reason}")
        return
    with staging(output) as hidden:
        made = Places.of(stem_of(first), hidden, order.format)
        yield _write(writer, first, tuple(taken.values()), made, places, order, taken[first].style)


def _plan(images: Sequence[Path], output: Path, order: Order) -> tuple[list[tuple[Path, Places]], list[Problem]]:
    """Which images to do, and which to refuse because their results would replace another's, an earlier call's or an
    input."""
    planned: dict[str, tuple[Path, Places]] = {}
    problems: list[Problem] = []
    inputs = {path.resolve() for path in images}
    for image in images:
        places = Places.of(stem_of(image), output, order.format)
        try:
            reason = refusal(places, inputs, overwrite=order.overwrite, earlier=planned.get(stem_of(image)))
        except OSError as error:  # a name that is too long, or a folder that cannot be read
            problems.append(Problem(image, str(explain_os_error(error, f"{image}: cannot write {places.folder}"))))
            continue
        if reason:
            problems.append(Problem(image, f"{image}: {reason}"))
        else:
            planned[stem_of(image)] = image, places
    return list(planned.values()), problems


def _write(
    writer: Writer,
    image: Path | None,
    exemplar: Exemplar | Sequence[Exemplar] | None,
    made: Places,
    places: Places,
    order: Order,
    style: RenderStyle | None = None,
) -> Written:
    """Make all files of one stem in the hidden places `made`, then move them to `places`."""
    seconds = _make(writer, exemplar, made, order, style)
    move(made, places, order.n, animation=order.animate, overwrite=order.overwrite)
    return Written(
        image=image,
        drawings=tuple(places.drawing(number) for number in range(1, order.n + 1)),
        sheet=places.sheet,
        animation=places.animation if order.animate else None,
        on_sheet=min(order.n, _ON_SHEET),
        model_seconds=seconds,
        notes=() if image is None else tuple(note for one in _all(exemplar) for note in one.notes),
    )


def _all(exemplar: Exemplar | Sequence[Exemplar] | None) -> Sequence[Exemplar]:
    return exemplar if isinstance(exemplar, Sequence) else () if exemplar is None else (exemplar,)


def _make(
    writer: Writer,
    exemplar: Exemplar | Sequence[Exemplar] | None,
    made: Places,
    order: Order,
    style: RenderStyle | None,
) -> float:
    """Make all files of one stem; returns the seconds that the model took."""
    single = None if isinstance(exemplar, Sequence) else exemplar
    style = style or (writer.space.plain if single is None else single.style)
    shown: list[Image.Image] = []
    made_before, seconds = 0, 0.0
    side = _TILE if order.n <= _FEW else _SMALL_TILE
    options: dict[str, Any] = {"seed": order.seed, "temperature": order.temperature, "history": order.animate}
    for batch in writer.sample_batches(exemplar, order.n, change=writer.changed(order.change, order.ink), **options):
        if order.animate and not shown:
            _animate(made.animation, single, style, batch)
        seconds += batch.seconds
        for number, (values, own) in enumerate(batch.styled(style), made_before + 1):
            drawing = own.render(values, order.size)
            lines = b"" if order.format == "png" else encode(order.format, values, own, order.size)
            atomic_write(made.drawing(number), lines or png(drawing, runs=True))
            if number <= _ON_SHEET:
                drawing.thumbnail((side, side))
                shown.append(drawing)
        made_before += len(batch.drawings)
    sheet = contact_sheet(exemplar, shown, style=style) if order.together else contact_sheet(exemplar, shown)
    save_png(sheet, made.sheet)
    return seconds


def _animate(path: Path, exemplar: Exemplar | None, style: RenderStyle, batch: SampleBatch) -> None:
    """Write an animation of at most the first batch: the eye cannot follow more drawings at once."""
    styles = (own for _, own in batch.styled(style))
    growing = [own.grow(canvases, own.within(style)) for own, canvases in zip(styles, batch.canvases, strict=True)]
    animate(path, growing, batch.write_windows, batch.read_windows, exemplar=exemplar)
