"""True ink: symbols of several sources that can be drawn at any size, most of them with any pen."""

from __future__ import annotations

__all__ = ["Shape", "load_shapes"]

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFont
from scipy import ndimage

_SIDE = 560
"""The longer side, in pixels, at which shapes are kept."""

_SCRIPTS = {
    "Latin": "AgRQkiäöøÿ÷%;!",
    "Greek": "ΩψξΐϊΞ",
    "Cyrillic": "ЖФйЁщы",
    "Arabic": "ثشيةجض",
    "Hebrew": "אשםצק",
    "Devanagari": "कशऋङ",
    "Bengali": "কঙড়য়",
    "Tamil": "கஐஔஃ",
    "Telugu": "కఱఔ",
    "Thai": "กฐฎญ",
    "Lao": "ຍຖກ",
    "Khmer": "កឃញ",
    "Armenian": "ԱՖջ",
    "Georgian": "აჰფ",
    "Ethiopic": "ሀጨፐ",
    "Cherokee": "ᎣᏍᏪ",
    "Runic": "ᚠᚸᛥ",
    "Glagolitic": "ⰀⰆⰘ",
    "Coptic": "ϢⲀⲰ",
    "Tifinagh": "ⵣⵞⵥ",
}
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts", "/Library/Fonts",
          "/System/Library/Fonts", "C:/Windows/Fonts")  # fmt: skip
_NAMES = ("Noto", "DejaVu")


@dataclass(frozen=True)
class Shape:
    """A symbol: the distance of each point to its centre lines (any pen), or its filled outline (its own pen).

    - `field`: float32 (h, w), the distance in its own pixels; or the ink, 0 or 1
    - `pen`: in its own pixels, for an outline; None where any pen can be taken
    """

    source: str
    field: np.ndarray
    pen: float | None

    def ink(self, longer: float, pen: float | None = None) -> np.ndarray:
        """The coverage (h, w) in [0, 1], `longer` pixels at its longer side, `pen` pixels wide where it can be."""
        if self.pen is None:
            pen = max(1.0, 0.07 * longer) if pen is None else pen
            lines = np.argwhere(self.field < 1)
            extent = float(max(np.ptp(lines, axis=0))) + 1
            scale = max(longer - pen, 1) / extent
            mask = self.field < max(pen / scale, 1.2) / 2
        else:
            mask = self.field > 0.5
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        zoom = longer / max(mask.shape)
        size = max(1, round(mask.shape[1] * zoom)), max(1, round(mask.shape[0] * zoom))
        image = Image.fromarray((mask * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
        ink = np.asarray(image, np.float32) / 255
        return np.clip((ink - 0.5) * max(1.0, zoom) + 0.5, 0, 1)


def load_shapes(seed: int, count: int) -> tuple[list[Shape], list[str]]:
    """`count` shapes, the sources by turns, and what is missing on this machine."""
    random = np.random.default_rng([seed, 77])
    missing: list[str] = []
    sources = [_strokes(seed), _omniglot(random, missing), _glyphs(random, missing)]
    shapes: list[Shape] = []
    while sources and len(shapes) < count:
        for source in list(sources):
            shape = next(source, None)
            if shape is None:
                sources.remove(source)
            else:
                shapes.append(shape)
    return shapes[:count], missing


def _strokes(seed: int) -> Iterator[Shape]:
    from allograph.data import stroke_concepts

    part = 0
    while True:
        drawings = stroke_concepts(20, 1, seed=1000 * (seed + 1) + part, side=_SIDE)
        for bitmap in drawings.images.unpack(np.arange(20)):
            yield _from_bitmap("strokes", np.asarray(bitmap).reshape(_SIDE, _SIDE) > 0)
        part += 1


def _omniglot(random: np.random.Generator, missing: list[str]) -> Iterator[Shape]:
    from allograph.data import load_omniglot
    from allograph.errors import AllographError

    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = os.environ.get("ALLOGRAPH_DATA") or (beside if beside.exists() else None)
    if folder is None:
        missing.append("Omniglot: set ALLOGRAPH_DATA")
        return
    try:
        data = load_omniglot(folder)
    except AllographError as error:
        missing.append(f"Omniglot: {error}")
        return
    for index in random.permutation(len(data.images)):
        bitmap = np.asarray(data.images.unpack([index])).reshape(105, 105) > 0
        large = Image.fromarray(bitmap.astype(np.float32)).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
        yield _from_bitmap("Omniglot", ndimage.gaussian_filter(np.asarray(large), 4) > 0.5)


def _from_bitmap(source: str, mask: np.ndarray) -> Shape:
    from skimage.morphology import skeletonize

    line = np.pad(skeletonize(mask), 160)
    return Shape(source, ndimage.distance_transform_edt(~line).astype(np.float32), None)


def _glyphs(random: np.random.Generator, missing: list[str]) -> Iterator[Shape]:
    files = sorted(
        path
        for root in _FONTS
        for path in Path(root).expanduser().rglob("*")
        if path.suffix.lower() in (".ttf", ".otf") and path.name.startswith(_NAMES) and "Symbol" not in path.name
    )
    known: dict[str, list[Path]] = {}
    for script, text in _SCRIPTS.items():
        named = [path for path in files if script in path.name] or [p for p in files if p.name.startswith("DejaVu")]
        named += [path for path in files if path.name.startswith(("NotoSans-", "NotoSerif-", "DejaVu"))]
        known[script] = [path for path in named if _mask(path, text[0]) is not None]
        if not known[script]:
            missing.append(f"a font for {script}")
    scripts = [script for script, paths in known.items() if paths]
    while scripts:
        for script in random.permutation(scripts):
            path = known[script][random.integers(len(known[script]))]
            mask = _mask(path, str(random.choice(list(_SCRIPTS[script]))))
            if mask is not None:
                yield Shape(f"{script}, {path.stem}", mask.astype(np.float32), _width(mask))


def _mask(path: Path, character: str) -> np.ndarray | None:
    """The glyph, tightly cropped; None where the font has none."""
    try:
        font = ImageFont.truetype(str(path), 420)
        glyph, none = (font.getmask(text, mode="L") for text in (character, "\U0010fffd"))
    except (OSError, ValueError):
        return None
    values = np.asarray(glyph, np.uint8).reshape(glyph.size[::-1])
    if min(values.shape) < 4 or (glyph.size == none.size and bytes(glyph) == bytes(none)):
        return None
    mask = values > 127
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else None


def _width(mask: np.ndarray) -> float:
    from skimage.morphology import skeletonize

    padded = np.pad(mask, 1)
    return 2 * float(np.median(ndimage.distance_transform_edt(padded)[skeletonize(padded)]))
