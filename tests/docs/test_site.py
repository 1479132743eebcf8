"""The documentation site: docstrings as plain text, equations without a script, pictures that the program makes."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"site_{path.stem}", path)
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def docstrings() -> ModuleType:
    pytest.importorskip("sphinx", reason="the extra docs is not installed")
    return module(ROOT / "docs" / "_ext" / "docstrings.py")


def test_markup_characters_are_themselves_outside_of_literals(docstrings: ModuleType) -> None:
    assert docstrings.plain("a * b, |x|, h_ and z_t") == r"a \* b, \|x\|, h\_ and z_t"
    assert docstrings.plain("steps: T.") == r"steps: T\.", "no list with the letter T"
    assert docstrings.plain("``a * b`` and `c|d`") == "``a * b`` and `c|d`"


def test_what_stands_apart_is_shown_as_it_is(docstrings: ModuleType) -> None:
    lines = ["Draws", "", "    z_t ~ N(0, I)", "    h * z", "", "in T steps.", "", "Args:", "    x: an image * 2."]
    shown = ["Draws", "", "::", "", *lines[2:8], r"    x: an image \* 2\."]
    assert docstrings.literal_blocks(lines) == shown


def test_the_site_is_built_without_a_warning_and_asks_no_server(docstrings: ModuleType, tmp_path: Path) -> None:
    """A few pages of the real sources: `make docs` builds all."""
    (tmp_path / "index.md").write_text("# Index\n\n```{toctree}\nmodel\nbounds\n```\n")
    (tmp_path / "bounds.md").write_text((ROOT / "docs" / "api" / "bounds.md").read_text())
    text = (ROOT / "docs" / "model.md").read_text()
    (tmp_path / "model.md").write_text(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text, flags=re.DOTALL))
    configuration = ["-c", ROOT / "docs", "-D", "html_static_path="]
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", *configuration, tmp_path, tmp_path / "site"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "model.html").read_text()
    assert page.count("<math") > 20 and "$$" not in page
    assert "importance_weighted_bound" in (tmp_path / "site" / "bounds.html").read_text()
    sources = re.findall(r'(?:src|href)="(https?://[^"]+)"', page)
    assert not [source for source in sources if re.search(r"\.(js|css|woff2?)$", source)], "it needs no network"


def test_the_gallery_shows_what_its_script_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = module(ROOT / "tools" / "gallery.py")
    shown = set(re.findall(r"\]\(gallery/([\w.-]+)\)", (ROOT / "docs" / "gallery.md").read_text()))
    assert shown == {path.name for path in gallery.PAGE.iterdir()}
    assert {Path(name).stem for name in shown} == {*gallery.SHEETS, "growing"}
    assert all(path.stat().st_size <= gallery.LARGEST for path in gallery.PAGE.iterdir())

    monkeypatch.setattr(sys, "argv", ["gallery.py", str(tmp_path), "--only", "temperature"])
    assert gallery.main() == 0
    with Image.open(tmp_path / "temperature.png") as new, Image.open(gallery.PAGE / "temperature.png") as old:
        assert new.size == old.size
        pairs = zip(new.convert("L").tobytes(), old.convert("L").tobytes(), strict=True)
        differences = [abs(one - other) for one, other in pairs]
    assert sum(differences) / len(differences) < 2, "drawings of the same seeds, but for rounding"


def test_pictures_of_the_documentation_are_small_and_shown() -> None:
    pages = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    for path in (ROOT / "docs").rglob("*"):
        if path.suffix in (".png", ".webp", ".jpg"):
            assert path.name in pages, f"no page shows {path.name}"
            assert path.stat().st_size < 700_000, path.name
