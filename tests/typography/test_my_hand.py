"""`examples/my_hand.sh`, the whole way in a small form."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from allograph import weights

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_the_example_goes_the_whole_way(tmp_path: Path) -> None:
    if "omniglot-bending" not in weights.known_names():
        pytest.skip("no weights ship with this copy")
    out = tmp_path / "hand"
    settings = {"PYTHON": sys.executable, "SYMBOLS": "abe", "VARIANTS": "3", "SAID": "abba ebb"}
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **settings, "PYTHONPATH": path}
    command = ["sh", str(ROOT / "examples" / "my_hand.sh"), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert {entry.name for entry in (out / "symbols").iterdir() if entry.is_dir()} == {
        "U+0061-a",
        "U+0062-b",
        "U+0065-e",
    }
    assert {"a", "a.alt1", "a.alt2", "b", "e.alt2"} <= set(TTFont(out / "MyHand.ttf").getGlyphOrder())
    assert "MyHand.woff2" in (out / "page.html").read_text()
    assert len(list((out / "strokes" / "01").glob("*.strokes.svg"))) == 4
    assert "abba ebb" in (out / "lines" / "000" / "000000.xml").read_text()
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert again.returncode == 2 and "exists already" in again.stderr
