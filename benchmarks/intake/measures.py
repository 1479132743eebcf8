"""How well the ink of one picture was found."""

from __future__ import annotations

__all__ = ["Measured", "decoded", "measure", "truth_at"]

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from benchmarks.intake.scenes import Scene
from PIL import Image
from scipy import ndimage

from allograph.errors import AllographError
from allograph.imaging.decoding import Decoded, decode_picture
from allograph.imaging.finding import FoundInk, find_ink
from allograph.imaging.shapes import skeleton

_EIGHT = np.ones((3, 3))


@dataclass(frozen=True)
class Measured:
    """One picture.

    - `iou`: ink found and true, the intersection over the union; 0 where it was refused
    - `polarity`: right, wrong or without meaning (None)
    - `refused`: the line, where it was
    - `warned`: the intake itself says that it may be wrong
    - `parts`: as many as in truth
    - `width`: the strokes' width within 20 %
    - `seconds`: of one processor, to find the ink, decoding aside
    """

    iou: float
    polarity: bool | None
    refused: str | None
    warned: bool
    parts: bool
    width: bool
    seconds: float

    @property
    def silent(self) -> bool:
        """Wrong, and nobody is told."""
        return self.refused is None and not self.warned and (self.iou < 0.5 or self.polarity is False)


def decoded(scene: Scene) -> Decoded:
    """The scene's picture as the intake reads it."""
    picture = scene.picture
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture.clip(0, 255).round().astype(np.uint8))
    return decode_picture(picture)


def truth_at(ink: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The true ink, bool, on a raster of another size."""
    scaled = Image.fromarray(np.ascontiguousarray(ink, np.float32)).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(scaled) > 0.5


def measure(scene: Scene, find: Callable[[Decoded], FoundInk] = find_ink) -> tuple[Measured, FoundInk | None]:
    """Find the ink of a scene, in one way or another, and compare it with the truth, on the intake's own raster."""
    source = decoded(scene)
    started = time.process_time()
    try:
        found = find(source)
    except AllographError as error:
        return Measured(0.0, None, str(error), False, False, False, time.process_time() - started), None
    seconds = time.process_time() - started
    warned = bool(getattr(found, "warnings", ()))
    if scene.ink is None:
        return Measured(0.0, None, None, warned, False, False, seconds), found
    truth = truth_at(scene.ink, found.mask.shape)
    union = (truth | found.mask).sum()
    iou = float((truth & found.mask).sum() / union) if union else 0.0
    polarity = None if scene.dark is None or found.dark is None else scene.dark == found.dark
    counts = [ndimage.label(mask, _EIGHT)[1] for mask in (truth, found.mask)]  # type: ignore[misc]
    width = _width(truth)
    return Measured(
        iou, polarity, None, warned, counts[0] == counts[1], abs(found.width - width) <= 0.2 * width + 1e-9, seconds
    ), found


def _width(mask: np.ndarray) -> float:
    """Twice the median distance from the centre line to the edge."""
    padded = np.pad(mask, 1)
    depth = np.asarray(ndimage.distance_transform_edt(padded))[skeleton(padded)]
    return max(1.0, 2 * float(np.median(depth)) - 1) if depth.size else 1.0
