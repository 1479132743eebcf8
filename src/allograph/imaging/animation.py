"""The animation: drawings growing step by step, with the windows that the model reads from and writes to."""

from __future__ import annotations

__all__ = ["animate"]

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from allograph.errors import AllographError
from allograph.imaging.sheet import ACCENT, PAGE, Layout, exemplar_tile, lay_out, paste_tile
from allograph.imaging.style import WHOLE, Exemplar, Growth, Square
from allograph.runtime.files import atomic_write

_WRITING = (228, 94, 44)
"""The colour of the windows that are written; those that are read have the exemplar's."""

_FRAME = 50
"""Milliseconds that a frame is shown."""

_GROWING = 3600
"""Milliseconds that the drawings take to grow, whatever the number of steps."""

_FADE = 6
"""Frames in which the canvas becomes the finished drawing."""

_HOLD = 2600
"""Milliseconds that the finished drawings stay."""

_CELL = 144


def animate(
    path: Path | str,
    drawings: Sequence[Growth],
    write_windows: np.ndarray,
    read_windows: np.ndarray,
    *,
    exemplar: Exemplar | None = None,
    columns: int | None = None,
    overwrite: bool = True,
) -> None:
    """Write an animated WebP of n drawings that grow in T steps.

    - `drawings`: the n drawings after each step (`RenderStyle.grow`)
    - `write_windows`: (n, T, 2, 3), the affine map from each step's window, [-1, 1]^2, x first, to the drawing; (n, 0,
      2, 3) if the model writes through no windows
    - `read_windows`: the same to the exemplar
    - `exemplar`: stands beside the drawings, if there is one

    The last frame, the finished drawings, is held. The file is written completely or not at all. Raises AllographError
    if it cannot be written.
    """
    n, steps = len(drawings), drawings[0].steps
    for name, windows in (("write_windows", write_windows), ("read_windows", read_windows)):
        if windows.shape not in ((n, steps, 2, 3), (n, 0, 2, 3)):
            raise ValueError(f"{name} has shape {windows.shape}, not {(n, steps, 2, 3)}")
    layout = lay_out(n, columns, _CELL, exemplar=exemplar is not None)
    frames = list(_frames(drawings, write_windows, read_windows, exemplar, layout))
    durations = [_FRAME] * (len(frames) - 1) + [_HOLD]

    def save(file: object) -> None:
        options = {"duration": durations, "loop": 0, "quality": 82, "method": 3}
        frames[0].save(file, format="WEBP", save_all=True, append_images=frames[1:], **options)  # type: ignore[arg-type]

    try:
        atomic_write(path, save, overwrite=overwrite)
    except ValueError as error:  # WebP holds at most 16383 pixels a side
        raise AllographError(f"cannot write {path}: {error}; animate fewer drawings at once") from error


def _frames(
    drawings: Sequence[Growth], writes: np.ndarray, reads: np.ndarray, exemplar: Exemplar | None, layout: Layout
) -> Iterator[Image.Image]:
    steps, tinted = drawings[0].steps, drawings[0].on_paper
    between = max(1, round(_GROWING / _FRAME / steps))
    blank = Image.new("RGB", layout.size, PAGE)
    given = exemplar_tile(exemplar, layout.exemplar[2]) if exemplar is not None and layout.exemplar else None
    for frame in range(steps * between):
        step, part = frame // between, _eased((frame % between + 1) / between)
        page = blank.copy()
        for drawing, windows, place in zip(drawings, writes, layout.cells, strict=True):
            tile = Image.fromarray(drawing.tile(step, part, place[2]))
            if len(windows):
                _draw_windows(tile, [_between(windows, step, part)], _WRITING, tinted, drawing.square)
            paste_tile(page, tile, place)
        if given is not None and layout.exemplar:
            tile = given.copy()
            looks = [_between(windows, step, part) for windows in reads if len(windows)]
            _draw_windows(tile, looks, ACCENT, tinted)
            paste_tile(page, tile, layout.exemplar, ACCENT)
        _draw_progress(page, layout, (frame + 1) / (steps * between))
        yield page

    for frame in range(1, _FADE + 1):
        page = blank.copy()
        for drawing, place in zip(drawings, layout.cells, strict=True):
            paste_tile(page, Image.fromarray(drawing.ending(frame / _FADE, place[2])), place)
        if given is not None and layout.exemplar:
            paste_tile(page, given, layout.exemplar, ACCENT)
        _draw_progress(page, layout, 1.0)
        yield page


def _eased(t: float) -> float:
    """Start and stop gently."""
    return t * t * (3 - 2 * t)


def _between(windows: np.ndarray, step: int, part: float) -> np.ndarray:
    """Return the window between its places in the step before and in `step`."""
    before = windows[max(step - 1, 0)]
    return before * (1 - part) + windows[step] * part


def _draw_windows(
    tile: Image.Image,
    windows: list[np.ndarray],
    colour: tuple[int, int, int],
    tinted: bool,
    square: Square = WHOLE,
) -> None:
    """Draw windows of an image that is a `square` of a square tile, as outlines of one colour; a single one is `tinted`
    inside, many are fainter."""
    if not windows:
        return
    over, side = 3, tile.width
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    mask = np.zeros((side, side), np.float32)
    line = 230 / len(windows) ** 0.5
    for window in windows:
        within = (corners @ window[:, :2].T + window[:, 2] + 1) / 2
        points = (within * square[2] + square[:2]) * side * over
        shape = [tuple(p) for p in points]
        layer = Image.new("L", (side * over, side * over), 0)
        draw = ImageDraw.Draw(layer)
        if tinted and len(windows) == 1:
            draw.polygon(shape, fill=28)
        draw.line([*shape, *shape[:2]], fill=round(line), width=round(over * max(1.6, side / 110)), joint="curve")
        mask += np.asarray(layer.reduce(over), np.float32)
    tile.paste(colour, (0, 0), Image.fromarray(mask.clip(0, 245).astype(np.uint8)))


def _draw_progress(page: Image.Image, layout: Layout, part: float) -> None:
    """Draw the progress of the drawings as a thin line under them."""
    left, right = layout.margin, layout.size[0] - layout.margin
    y = layout.size[1] - layout.margin // 2
    draw = ImageDraw.Draw(page)
    draw.line([(left, y), (right, y)], fill=(222, 220, 215), width=2)
    draw.line([(left, y), (left + round((right - left) * part), y)], fill=_WRITING, width=2)
