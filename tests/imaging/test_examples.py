"""The example symbols that ship are read as the symbols they are."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from allograph.imaging import preprocess

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _script():  # type: ignore[no-untyped-def]
    spec = importlib.util.spec_from_file_location("draw_symbols", EXAMPLES / "draw_symbols.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name",
    ["thai-ko-kai.png", "tamil-ka.png", "telugu-ra.png", "linear-b-ka.jpg", "lao-tho.png", "bopomofo-k.jpg",
     "coptic-shai.png", "lao-nyo.webp"],
)  # fmt: skip
def test_an_example_gives_the_drawing_of_its_strokes(name: str) -> None:
    script = _script()
    assert set(script.EXAMPLES) == {p.name for p in (EXAMPLES / "symbols").iterdir()} - {"README.md"}
    seed = list(script.EXAMPLES).index(name) + 1
    box = (60, 60, 300)
    clean = script.pen(name.partition(".")[0], (420, 420), box, 22, seed)
    expected = preprocess(clean, 52).drawing > 0
    taken = preprocess(EXAMPLES / "symbols" / name, 52).drawing > 0
    # The pens differ in width, so corners move by a pixel or two: each ink must lie along the other.
    from scipy import ndimage

    for a, b in ((expected, taken), (taken, expected)):
        assert (np.asarray(ndimage.distance_transform_edt(~b))[a] <= 2.3).mean() > 0.97
