"""The animation: drawings growing step by step, with the windows that the model reads from and writes to."""

from __future__ import annotations

__all__ = ["animate"]

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from allograph.errors import AllographError
from allograph.imaging.files import atomic_write
from allograph.imaging.intake import Appearance, Exemplar
from allograph.imaging.render import ink_coverage, stroke_field
from allograph.imaging.sheet import ACCENT, PAGE, Layout, exemplar_tile, lay_out, paste_tile, tint

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
    exemplar: Exemplar,
    canvases: np.ndarray,
    write_windows: np.ndarray,
    read_windows: np.ndarray | None = None,
    *,
    columns: int | None = None,
    overwrite: bool = True,
) -> None:
    """Write an animated WebP of n drawings that grow in T steps.

    - `canvases`: logits (n, T, S, S), cumulative: those of step t are what had been written by then
    - `write_windows`: (n, T, 2, 3), the affine map of each step's window, [-1, 1]^2, x first, to the drawing
    - `read_windows`: (n, T, 2, 3) or (T, 2, 3), the same to the exemplar; None where the model does not read one

    The exemplar stands beside the drawings; the last frame, the finished drawings, is held. The file is written
    completely or not at all. Raises AllographError where it cannot be written.
    """
    canvases = np.asarray(canvases, np.float32)
    n, steps = canvases.shape[:2]
    if write_windows.shape != (n, steps, 2, 3):
        raise ValueError(f"write_windows has shape {write_windows.shape}, not {(n, steps, 2, 3)}")
    if read_windows is None:
        read_windows = np.empty((0, steps, 2, 3), np.float32)
    read_windows = read_windows.reshape(-1, steps, 2, 3)
    layout = lay_out(n, columns, _CELL)
    frames = list(_frames(exemplar, canvases, write_windows, read_windows, layout))
    durations = [_FRAME] * (len(frames) - 1) + [_HOLD]

    def save(file: object) -> None:
        options = {"duration": durations, "loop": 0, "quality": 82, "method": 3}
        frames[0].save(file, format="WEBP", save_all=True, append_images=frames[1:], **options)  # type: ignore[arg-type]

    try:
        atomic_write(path, save, overwrite=overwrite)
    except ValueError as error:  # WebP holds at most 16383 pixels a side
        raise AllographError(f"cannot write {path}: {error}; animate fewer drawings at once") from error


def _frames(
    exemplar: Exemplar, canvases: np.ndarray, writes: np.ndarray, reads: np.ndarray, layout: Layout
) -> Iterator[Image.Image]:
    from scipy import ndimage

    n, steps = canvases.shape[:2]
    between = max(1, round(_GROWING / _FRAME / steps))
    given = exemplar_tile(exemplar, layout.exemplar[2])
    blank = Image.new("RGB", layout.size, PAGE)
    appearance = exemplar.appearance
    ink = np.stack([_visible_ink(c) for c in canvases])
    ink = ndimage.gaussian_filter(ink, (0, 0, 0.5, 0.5))  # takes the pixels' staircase off, as the finished drawings do
    ink = np.concatenate([np.zeros_like(ink[:, :1]), ink], 1)  # before the first step: paper
    for frame in range(steps * between):
        step, part = frame // between, _eased((frame % between + 1) / between)
        page = blank.copy()
        for k, place in enumerate(layout.cells):
            grown = ink[k, step] * (1 - part) + ink[k, step + 1] * part
            tile = Image.fromarray(tint(_enlarged(grown, place[2]), appearance))
            _draw_windows(tile, [_between(writes[k], step, part)], _WRITING)
            paste_tile(page, tile, place)
        tile = given.copy()
        _draw_windows(tile, [_between(windows, step, part) for windows in reads], ACCENT)
        paste_tile(page, tile, layout.exemplar, ACCENT)
        _draw_progress(page, layout, (frame + 1) / (steps * between))
        yield page

    last = [_enlarged(ink[k, -1], layout.cells[k][2]) for k in range(n)]
    crisp = [_finished(canvases[k, -1], appearance, layout.cells[k][2]) for k in range(n)]
    for frame in range(1, _FADE + 1):
        part = frame / _FADE
        page = blank.copy()
        for a, b, place in zip(last, crisp, layout.cells, strict=True):
            paste_tile(page, Image.fromarray(tint(a * (1 - part) + b * part, appearance)), place)
        paste_tile(page, given, layout.exemplar, ACCENT)
        _draw_progress(page, layout, 1.0)
        yield page


def _visible_ink(logits: np.ndarray) -> np.ndarray:
    """Return the ink (T, S, S) in [0, 1] that canvases show.

    What most of a canvas holds is its paper, also while the model has not yet made up its mind about it.
    """
    p = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    paper = np.median(p, axis=(1, 2), keepdims=True)
    return np.clip((p - paper) / (1 - paper + 1e-6), 0, 1)


def _enlarged(ink: np.ndarray, side: int) -> np.ndarray:
    return np.clip(np.asarray(Image.fromarray(ink).resize((side, side), Image.Resampling.BICUBIC)), 0, 1)


def _finished(logits: np.ndarray, appearance: Appearance, side: int) -> np.ndarray:
    scale = side / logits.shape[-1]
    return ink_coverage(stroke_field(logits, appearance), (0.0, 0.0), scale, (side, side))


def _eased(t: float) -> float:
    """Start and stop gently."""
    return t * t * (3 - 2 * t)


def _between(windows: np.ndarray, step: int, part: float) -> np.ndarray:
    """Return the window on its way from the step before to `step`."""
    before = windows[max(step - 1, 0)]
    return before * (1 - part) + windows[step] * part


def _draw_windows(tile: Image.Image, windows: list[np.ndarray], colour: tuple[int, int, int]) -> None:
    """Draw windows on a square tile as outlines of one colour: a single one tinted inside, many fainter each."""
    if not windows:
        return
    over, side = 3, tile.width
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    mask = np.zeros((side, side), np.float32)
    line = 230 / len(windows) ** 0.5
    for window in windows:
        points = (corners @ window[:, :2].T + window[:, 2] + 1) / 2 * side * over
        shape = [tuple(p) for p in points]
        layer = Image.new("L", (side * over, side * over), 0)
        draw = ImageDraw.Draw(layer)
        if len(windows) == 1:
            draw.polygon(shape, fill=28)
        draw.line([*shape, *shape[:2]], fill=round(line), width=round(over * max(1.6, side / 110)), joint="curve")
        mask += np.asarray(layer.reduce(over), np.float32)
    tile.paste(colour, (0, 0), Image.fromarray(mask.clip(0, 245).astype(np.uint8)))


def _draw_progress(page: Image.Image, layout: Layout, part: float) -> None:
    """Draw how far the drawings have come as a thin line under them."""
    left, right = layout.exemplar[0], layout.size[0] - layout.exemplar[0]
    y = layout.size[1] - layout.exemplar[0] // 2
    draw = ImageDraw.Draw(page)
    draw.line([(left, y), (right, y)], fill=(222, 220, 215), width=2)
    draw.line([(left, y), (left + round((right - left) * part), y)], fill=_WRITING, width=2)
