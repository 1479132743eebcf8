"""How plausible a reading of a picture is: what share of its ink is likely to be right."""

from __future__ import annotations

__all__ = ["FEATURES", "features", "plausibility", "slopes"]

import json
from functools import cache
from importlib import resources

import numpy as np

from allograph.imaging.masks import components, dilated, eroded
from allograph.imaging.paper import Model, Tone
from allograph.imaging.reading import Reading
from allograph.imaging.widths import half_widths

FEATURES = (
    "dark", "near", "flat", "strong", "page", "first page", "contrast", "noise", "filled", "rim", "sides", "box",
    "width", "unevenness", "parts", "largest", "edges found", "edges left", "raw", "rules", "hull", "inside", "second",
    "rest", "outside",
)  # fmt: skip
"""What is measured of a reading."""


def slopes(light: np.ndarray) -> np.ndarray:
    """How steep the luminance (h, w) of a picture is: large at its edges."""
    from scipy import ndimage

    grey = ndimage.gaussian_filter(light, 1.0)
    return np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1)) / 4


def features(
    reading: Reading,
    light: np.ndarray,
    slope: np.ndarray,
    sheet: np.ndarray,
    page: int,
    model: Model,
    tone: Tone,
    strong: bool,
) -> np.ndarray:
    """`FEATURES` of a reading of a picture whose luminance and `slopes` (h, w) are given; `page` is the number of the
    page that is its sheet, 0 for all."""
    mask = reading.mask
    area, whole = float(mask.sum()), float(max(sheet.sum(), 1))
    rim = sheet & ~eroded(sheet, 2)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    down, across = np.flatnonzero(sheet.any(1)), np.flatnonzero(sheet.any(0))
    reach = max(2, round(0.012 * max(mask.shape)))
    sides = (rows[0] - down[0] < reach) + (down[-1] - rows[-1] < reach)
    sides += (columns[0] - across[0] < reach) + (across[-1] - columns[-1] < reach)
    tall, wide = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    depth = half_widths(np.pad(mask, 1))
    width = 2 * float(np.median(depth)) if depth.size else 1.0
    labels, parts = components(mask)
    sizes = np.bincount(labels.ravel())[1:]
    # Where the picture has edges, a right reading has ink's edges, and the other way round.
    inner = eroded(sheet)
    contour = (mask ^ eroded(mask)) & inner
    typical = float(np.median(slope[contour])) if contour.any() else 0.0
    floor = float(np.median(slope[sheet])) if sheet.any() else 0.0
    sharp = (slope > max(0.5 * typical, 2.5 * floor, 0.004)) & inner
    around = dilated(mask, 3)
    near = around & ~eroded(mask, 4)
    left = float((sharp & ~near & ~(reading.raw & ~mask)).sum()) / max(float(sharp.sum()), 1.0)
    found = float((slope[contour] > max(3 * floor, 0.004)).mean()) if contour.any() else 0.0
    strength = np.abs(reading.strength[sheet & ~around])
    rest = float(np.percentile(strength, 98)) if strength.size else 0.0
    ground = sheet & ~mask
    apart = (~sheet).any() and ground.any()
    outside = float(abs(np.median(light[~sheet]) - np.median(light[ground]))) if apart else 0.0
    values = {
        "dark": tone == "dark",
        "near": model == "near",
        "flat": model == "flat",
        "strong": strong,
        "page": page > 0,
        "first page": page == 1,
        "contrast": np.log(reading.level + 1e-3),
        "noise": np.log(reading.noise / reading.level + 1e-2),
        "filled": area / whole,
        "rim": float(mask[rim].mean()) if rim.any() else 0.0,
        "sides": sides / 4,
        "box": tall * wide / whole,
        "width": np.log(width / max(tall, wide)),
        "unevenness": float(depth.std() / max(depth.mean(), 1e-3)) if depth.size else 0.0,
        "parts": np.log(max(parts, 1)),
        "largest": sizes.max() / area if area else 0.0,
        "edges found": found,
        "edges left": left,
        "raw": float((reading.raw & ~mask).sum()) / max(float(reading.raw.sum()), 1.0),
        "rules": np.log1p(reading.rules),
        "hull": area / (tall * wide),
        "inside": np.log(typical / reading.level + 1e-2),
        "second": float((sizes > 0.1 * sizes.max()).sum()) / 10 if area else 0.0,
        "rest": min(rest, 2.0),
        "outside": outside,
    }
    return np.array([float(values[name]) for name in FEATURES])


@cache
def _network() -> dict[str, np.ndarray]:
    text = resources.files("allograph.imaging").joinpath("plausibility.json").read_text()
    return {name: np.array(values) for name, values in json.loads(text)["network"].items()}


def plausibility(values: np.ndarray) -> np.ndarray:
    """The expected overlap (n,) of the ink of n readings with what was drawn, from their features (n, f).

    A network of two hidden layers that was fitted to readings of made pictures whose ink is known
    (`python -m benchmarks.intake.fit`).
    """
    network = _network()
    hidden = (values - network["mean"]) / network["scale"]
    hidden = np.tanh(hidden.clip(-4, 4) @ network["w1"] + network["b1"])
    hidden = np.tanh(hidden @ network["w2"] + network["b2"])
    return 1 / (1 + np.exp(-(hidden @ network["w3"] + network["b3"])))
