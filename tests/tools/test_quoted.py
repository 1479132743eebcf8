"""Figures that pages quote are those that were measured: one that is edited by hand makes a test fail."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from allograph import weights
from tools.test_numbers import ROOT, measurements, numbers

DOCS = ROOT / "docs"
PAIR = re.compile(r"([-+−]?\d[\d,]*(?:\.\d+)?) ?%? ± (\d+(?:\.\d+)?)")
"""A figure with its standard error."""

WITHOUT_FILE = """
0.948 ± 0.021  0.968 ± 0.018  0.857 ± 0.020  0.883 ± 0.018  0.889 ± 0.021  0.930 ± 0.018  0.960 ± 0.020
81.0 ± 0.2  88.0 ± 0.3  68.4 ± 0.5  79.7 ± 0.2  7.0 ± 0.4  89.1 ± 0.9  97.2 ± 0.9  8.1 ± 1.2  93.8 ± 0.9  89.6 ± 0.8
-4.2 ± 1.2  90.4 ± 0.9  90.7 ± 0.8  0.2 ± 1.2  92.4 ± 0.9  85.4 ± 0.8  -7.0 ± 1.2
"""
"""Of docs/oneshot.md: experiments on the way, whose result files are not kept."""

OF_EXAMPLES = "86.50 ± 3.27  94.21 ± 3.28  94.07 ± 1.74"
"""What the scripts of examples/ print."""

OF_EXPORT = """
96.1 ± 0.5  0.4340 ± 0.0041  0.2960 ± 0.0029  96.1 ± 0.5  0.4341 ± 0.0041
"""
"""Of docs/export.md: what benchmarks/export.py printed."""


def of_the_pen() -> list[tuple[str, str]]:
    """Of docs/pictures.md and docs/limits.md: what benchmarks/pen.py kept, in per cent."""
    tables = [json.loads(path.read_text()) for path in sorted((ROOT / "benchmarks" / "results").glob("pen-*.json"))]
    found = [one for table in tables for row in table.values() for one in row.values()]
    return [(f"{100 * one['value']:.1f}", f"{100 * one['error']:.1f}") for one in found]


def pairs(text: str) -> list[tuple[str, str]]:
    return [(value.replace(",", "").replace("−", "-").lstrip("+"), error) for value, error in PAIR.findall(text)]


def rounds_to(exact: str, quoted: str) -> bool:
    """Whether a figure is another one with fewer digits."""
    digits = len(quoted.partition(".")[2])
    return abs(float(exact) - float(quoted)) <= 0.5001 * 10**-digits and len(exact.partition(".")[2]) >= digits


@pytest.fixture(scope="module")
def measured() -> list[tuple[str, str]]:
    """What the page of all result files and the card of the weights say."""
    return [pair for name in ("numbers.md", "model-card.md") for pair in pairs((DOCS / name).read_text("utf-8"))]


def strangers(text: str, measured: list[tuple[str, str]]) -> list[str]:
    """Figures with errors that nothing measured rounds to."""
    return [
        f"{value} ± {error}"
        for value, error in pairs(text)
        if not any(rounds_to(one, value) and rounds_to(other, error) for one, other in measured)
    ]


QUOTING = [ROOT / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if page.name != "numbers.md")]


@pytest.mark.parametrize("page", QUOTING, ids=lambda page: page.name)
def test_every_figure_with_an_error_is_one_that_was_measured(page: Path, measured: list[tuple[str, str]]) -> None:
    known = [*measured, *pairs(WITHOUT_FILE), *pairs(OF_EXAMPLES), *pairs(OF_EXPORT), *of_the_pen()]
    assert strangers(page.read_text("utf-8"), known) == []


def test_the_readme_quotes_figures(measured: list[tuple[str, str]]) -> None:
    """And an edited one is found out."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = [match for match in PAIR.finditer(text) if "." in match[1]]
    assert found
    for match in found:
        off = f"{float(match[1].replace(',', '')) + 0.4:.{len(match[1].partition('.')[2])}f} ± {match[2]}"
        assert strangers(text[: match.start()] + off + text[match.end() :], measured) == [off]


def rows(text: str) -> dict[str, list[str]]:
    """The cells beside the first of each row of all tables, by the first; of rows of one name the cells of all."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("| ") and " | " in line:
            name, *cells = (cell.strip() for cell in line.strip("| ").split(" | "))
            found.setdefault(name, []).extend(cells)
    return found


@pytest.mark.parametrize("name", weights.known_names())
def test_the_model_card_says_what_the_weights_say_of_themselves(name: str) -> None:
    card, shown = weights.load(name).card, rows((DOCS / "model-card.md").read_text("utf-8"))
    of_all = card.get("figures", {})
    figures = of_all.get("test") or of_all.get("new_characters", {})
    assert figures
    for what, value in figures.items():
        assert str(value) in shown[what]


@pytest.mark.parametrize("path", sorted((ROOT / "weights").glob("*.safetensors")), ids=lambda path: path.stem)
def test_figures_are_of_the_weights_that_the_repository_keeps_for_them(path: Path) -> None:
    results = [json.loads(file.read_text("utf-8")) for file in (DOCS / "results").glob(f"{path.stem}-*.json")]
    shas = {result["model"]["sha256"] for result in results}
    assert shas and shas <= {sha for sha, of in measurements.kept_weights(path.parent).items() if of == path}


@pytest.mark.parametrize("name", weights.known_names())
def test_figures_are_of_the_weights_that_ship(name: str) -> None:
    """Or of those that shipped under this name before and are kept. Where a card has changed since, it says which files
    held the same weights."""
    loaded = weights.load(name)
    results = [json.loads(file.read_text("utf-8")) for file in (DOCS / "results").glob("*.json")]
    measured = {result["model"]["sha256"] for result in results if result.get("model", {}).get("name") == name}
    kept = measurements.kept_weights(ROOT / "weights")
    assert measured <= {loaded.sha256, *loaded.card.get("earlier_sha256", []), *kept}


def test_a_result_file_that_was_edited_by_hand_is_noticed_though_no_page_shows_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("*.png"))
    for name in ("RESULTS", "PUBLISHED", "PAGE"):
        monkeypatch.setattr(numbers, name, tmp_path / getattr(numbers, name).relative_to(ROOT))
    monkeypatch.setattr(numbers, "ROOT", tmp_path)
    for picture in (DOCS / "results").glob("*.png"):
        (tmp_path / "docs" / "results" / picture.name).touch()
    monkeypatch.setattr(sys, "argv", ["numbers_page.py", "--check"])
    assert numbers.main() == 0, capsys.readouterr().err
    path = tmp_path / "docs" / "results" / "draw-mnist-static.json"
    text = path.read_text("utf-8")
    (distortion,) = re.findall(r'"distortion": \{\s*"mean": (\d+\.\d+)', text)[:1]
    path.write_text(text.replace(distortion, f"{float(distortion) - 0.5}", 1), encoding="utf-8")
    assert numbers.main() == 1
    assert capsys.readouterr().err == "docs/results/SHA256SUMS is stale: run python tools/numbers_page.py\n"
