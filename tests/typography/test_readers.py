"""What other people's programs make of the files: fontbakery, vpype, and kraken's or pagexml's parser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import allograph
from allograph.cli import main
from allograph.typography.compose import ComposeSettings, compose
from allograph.typography.design import design_of
from allograph.typography.font import FontNames, write_font
from allograph.typography.glyphs import collect
from allograph.typography.hand import Style


def run(name: str, *arguments: str) -> str:
    """What a program of the extra `readers` prints; it stands beside this Python, or where the system looks."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"{name} is not installed: pip install 'allograph[readers]'")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONWARNINGS")}
    done = subprocess.run([found, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.mark.slow
def test_fontbakery_finds_no_fault(hand: Path, tmp_path: Path) -> None:
    glyphs, _ = collect(hand, allograph.load("omniglot-bending"), 3)
    design, _ = design_of(glyphs, hand)
    for ending in (".ttf", ".otf"):
        font, result = tmp_path / f"MyHand-Regular{ending}", tmp_path / f"{ending}.json"
        write_font(font, design, FontNames("My Hand"))
        # The sheet of the tests has few letters: not both cases of each.
        run("fontbakery", "check-universal", "--skip-network", "-x", "case_mapping", "--json", str(result), str(font))
        counts = json.loads(result.read_text())["result"]
        assert counts["PASS"] > 50
        assert not any(counts.get(kind) for kind in ("FAIL", "FATAL", "ERROR")), result.read_text()


def test_vpype_reads_the_strokes(hand: Path, tmp_path: Path) -> None:
    letter = str(next(hand.glob("U+0041*/01.png")))
    options = ["-n", "2", "-o", str(tmp_path), "--model", "omniglot-bending", "--format", "svg-strokes"]
    assert main(["write", letter, *options]) == 0
    files = list((tmp_path / "01").glob("*.strokes.svg"))
    assert len(files) == 2
    for path in files:
        said = run("vpype", "read", str(path), "stat", "linesort", "stat")
        counts = [int(line.split(":")[1]) for line in said.splitlines() if line.strip().startswith("Path count")]
        assert counts and set(counts) == {path.read_text().count("<path")}


def test_the_parsers_of_page_xml_read_the_pages(hand: Path, tmp_path: Path) -> None:
    text = tmp_path / "lines.txt"
    text.write_text("a game\nall eggs\nmy 88 lamas\n")
    style = Style(paper="aged", rules=True)
    compose(text, hand, tmp_path / "out", None, ComposeSettings("page-xml", style, lines=3))
    page = tmp_path / "out" / "000" / "000000.xml"
    code = {
        "kraken": "from kraken.lib.xml import XMLPage; lines = XMLPage(PAGE).to_container().lines; "
        "print([(line.text, len(line.baseline) > 1, len(line.boundary) > 3) for line in lines])",
        "pagexml": "from pagexml.parser import parse_pagexml_file; lines = parse_pagexml_file(PAGE).get_lines(); "
        "print([(line.text, len(line.baseline.points) > 1, len(line.coords.points) > 3) for line in lines])",
    }
    able = [name for name in code if find_spec(name) is not None]
    if not able:
        pytest.skip("neither kraken nor pagexml-tools is installed; they want other versions than constraints.txt has")
    for name in able:
        program = f"PAGE = {str(page)!r}\n{code[name]}"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == str([(line, True, True) for line in text.read_text().splitlines()])
