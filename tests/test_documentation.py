"""The Python that the documentation shows does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from allograph import weights

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the examples name, in which they run."""
    if weights.DEFAULT not in weights.known_names():
        pytest.skip("no weights ship with this copy")
    picture = Image.new("RGB", (90, 80), (250, 245, 230))
    ImageDraw.Draw(picture).line([(20, 15), (20, 65), (60, 65), (70, 20)], (20, 30, 120), 4)
    picture.save(tmp_path / "glyph.png")
    loaded = weights.load()
    (tmp_path / "runs" / "letters").mkdir(parents=True)
    weights.save(tmp_path / "runs" / "letters" / "model.safetensors", loaded.model, loaded.card)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(document: str) -> dict[str, Any]:
    """Run a document's Python blocks one after the other; returns their variables."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    variables: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, document, "exec"), variables)
    return variables


def test_the_readme(workplace: Path) -> None:
    drawings = run("README.md")["drawings"]
    assert [drawing.size for drawing in drawings] == [(90, 80)] * 16


def test_the_python_page(workplace: Path) -> None:
    variables = run("docs/python.md")
    assert len(variables["drawings"]) == 16
    config = variables["model"].model.config
    side = config.image_size
    assert variables["shown"].parameters.shape == (1, 4, 1, side, side)
    assert variables["drawn"].canvases.shape == (1, 4, config.steps, 1, side, side)
    assert variables["energy"].total.shape == (1,)
    with Image.open("first.png") as first:
        assert first.size == (90, 80)
    assert weights.load("mine.safetensors").card == {"note": "any JSON"}
