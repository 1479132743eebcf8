"""From a picture's pixels to a font's units: the baseline and the size of a symbol.

For pictures that `allograph read-sheet` made, the sheet's guide lines give both. For others they are estimated. If all
pictures have one size and their symbols stand on one line, that line is the baseline. Otherwise every symbol is fitted
to the zone that it has in print (`g` reaches from the descender to the x-height).
"""

from __future__ import annotations

__all__ = ["CAP_HEIGHT", "DESCENDER", "UNITS", "X_HEIGHT", "Frame", "frames_of", "guides_of"]

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from allograph.errors import AllographError
from allograph.runtime.files import explain_os_error
from allograph.typography.shapes import Shape

UNITS = 1000
"""Font units of an em."""

CAP_HEIGHT, X_HEIGHT, DESCENDER = 700, 470, -220
_SQUARE = 880.0
"""Side, in units, of a symbol that fills the square of its guides."""

_DESCENDING = frozenset("gpqyĝğġģýÿŷƥǥɡɥμηρφχψβζξфцщруџғҙәçþŋ")
_SHORT = frozenset("acemnorsuvwxzgpqyıæœøαγεηικμνοπρςστυχωавгежзийклмнопрстухцчшщъыьэюяųəɔɛɑ")
_BOTH = frozenset("jβζξφψþфƒſ")

# Zones of signs, lowest and highest, that are not letters; others have that of a capital.
_SIGNS = {
    **dict.fromkeys(".…_", (0, 110)),
    **dict.fromkeys(",", (-110, 110)),
    **dict.fromkeys("-–—~−·•", (200, 320)),
    **dict.fromkeys("=+<>×÷", (90, 480)),
    **dict.fromkeys("'\"’‘“”`´^°*", (470, CAP_HEIGHT)),
    **dict.fromkeys(":", (0, X_HEIGHT)),
    **dict.fromkeys(";", (-110, X_HEIGHT)),
    **dict.fromkeys("()[]{}|/\\", (-140, 760)),
}
_KEEP_PEN = frozenset(".…_-–—~−·•=,'\"’‘“”`´:;")
"""Signs whose height says nothing about their size: they keep the pen's width."""


@dataclass(frozen=True)
class Frame:
    """Units per pixel, and the baseline's distance from the top of the picture in pixels."""

    scale: float
    baseline: float


def guides_of(folder: Path) -> dict[Path, Frame]:
    """The frame of every picture from a sheet, by its `sheet.json`; none without such a file.

    Raises:
        AllographError: it is damaged.
    """
    path = folder / "sheet.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
        per_mm = float(document["cells"]["pixels_per_mm"])
        frames = {}
        for sheet in document["sheets"].values():
            guides = sheet["guides"]
            if sheet["kind"] == "square":
                unit = _SQUARE / ((guides["bottom"] - guides["top"]) * per_mm)
            else:
                unit = CAP_HEIGHT / ((guides["baseline"] - guides["cap_height"]) * per_mm)
            frame = Frame(unit, guides["baseline"] * per_mm)
            frames |= {folder / name: frame for page in sheet["read"].values() for name in page["files"]}
        return frames
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise explain_os_error(error, f"cannot read {path}") from error
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise AllographError(f"{path} is damaged; read the sheet again, or remove it") from error


def frames_of(shapes: Mapping[tuple[str, Path], Shape], known: Mapping[Path, Frame]) -> dict[Path, Frame]:
    """The frame of each (symbol, picture): the known one, otherwise one estimated from all that have none."""
    unknown = {key: shape for key, shape in shapes.items() if key[1] not in known}
    return {**{path: known[path] for _, path in shapes if path in known}, **_estimated(unknown)}


def zone_of(symbol: str) -> tuple[float, float]:
    """The lowest and highest units that a symbol reaches in print."""
    base, *marks = unicodedata.normalize("NFD", symbol)
    if base in _SIGNS:
        return _SIGNS[base]
    lower = base in _SHORT
    bottom = float(DESCENDER) if base in _DESCENDING or base in _BOTH else 0.0
    top = float(X_HEIGHT if lower else CAP_HEIGHT)
    for mark in marks:
        kind = unicodedata.combining(mark)
        if kind == 230:
            top += 220
        elif kind in (202, 220):
            bottom -= 180
    return bottom, top


def _estimated(shapes: Mapping[tuple[str, Path], Shape]) -> dict[Path, Frame]:
    if not shapes:
        return {}
    return _common(shapes) or _by_zones(shapes)


def _common(shapes: Mapping[tuple[str, Path], Shape]) -> dict[Path, Frame] | None:
    """One frame for all, if the pictures have one size and the symbols stand on one baseline; otherwise None."""
    sizes = np.array([shape.size for shape in shapes.values()], float)
    if len(shapes) < 3 or (np.ptp(sizes, axis=0) > 0.02 * sizes.max(0)).any():
        return None
    standing = [(zone_of(symbol), shape.box) for (symbol, _), shape in shapes.items() if zone_of(symbol)[0] == 0]
    if len(standing) < 3:
        return None
    bottoms = np.array([box[3] for _, box in standing])
    heights = np.array([box[3] - box[1] for _, box in standing])
    baseline = float(np.median(bottoms))
    if np.median(np.abs(bottoms - baseline)) > 0.1 * np.median(heights):
        return None
    wanted = np.array([top for (_, top), _ in standing])
    scale = float(np.median(wanted / np.maximum(heights, 1e-6)))
    return {path: Frame(scale, baseline) for _, path in shapes}


def _by_zones(shapes: Mapping[tuple[str, Path], Shape]) -> dict[Path, Frame]:
    scales: dict[Path, float] = {}
    pens: list[float] = []
    for (symbol, path), shape in shapes.items():
        bottom, top = zone_of(symbol)
        _, high, _, low = shape.box
        scales[path] = (top - bottom) / max(low - high, 1e-6)
        if symbol not in _KEEP_PEN:
            # A lying stroke, a dash or a dot among the letters, is not blown up to a letter's height.
            scales[path] = min(scales[path], 1.2 * UNITS / max(shape.box[2] - shape.box[0], 1e-6))
            pens.append(scales[path] * shape.pen)
    pen = float(np.median(pens)) if pens else 60.0
    frames = {}
    for (symbol, path), shape in shapes.items():
        bottom, top = zone_of(symbol)
        if symbol in _KEEP_PEN:
            scales[path] = pen / max(shape.pen, 1e-6)
        _, high, _, low = shape.box
        # The middle of the ink lies in the middle of the zone; of quotes, the top at the top.
        middle = (bottom + top) / 2 if bottom < 400 else top - scales[path] * (low - high) / 2
        frames[path] = Frame(scales[path], (high + low) / 2 + middle / scales[path])
    return frames
