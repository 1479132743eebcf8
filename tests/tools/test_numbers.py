"""docs/numbers.md is what the result files and the published figures say."""

from __future__ import annotations

import copy
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


numbers = tool("numbers_page")


def measured(bound: float) -> dict[str, Any]:
    return {
        "free_energy": {"mean": bound + 5, "error": 0.25},
        "kl": {"mean": 25.0, "error": 0.1},
        "bound": {"mean": bound, "error": 0.2},
        "effective_samples": 3.25,
        "bits_per_dimension": {"mean": bound / 543.4, "error": 0.0004},
    }


def result(name: str, bound: float = 84.0, *, group: str = "family", **changes: Any) -> dict[str, Any]:
    """A result file's content; ``changes`` are of the measurement."""
    likelihood = {
        "model": {"name": name, "kind": "draw", "parameters": 1_234_567},
        "part": "test",
        "channels": 1,
        "images": 10_000,
        "bound_images": 10_000,
        "samples": 100,
        "contexts": 0,
        "binarisation": "binary",
        "note": "",
        "exact": None,
        "without": measured(bound),
        "given": None,
        "machine": "x86_64, 1 thread",
        "command": f"allograph evaluate likelihood runs/{name}/model.safetensors mnist-static",
        **changes,
    }
    return {
        "experiment": name,
        "groups": [group],
        "data": "mnist-static",
        "preset": "draw",
        "settings": [],
        "steps": 12_345,
        "images_per_second": 1000.0,
        "minutes": 30,
        "train_command": f"allograph train mnist-static --preset draw -o runs/{name}",
        "machine": "1 core, x86_64",
        "commit": "0123456789" * 4 + "+changes",
        "likelihood": likelihood,
    }


PUBLISHED = {
    "model": "DRAW",
    "data": "mnist-static",
    "binarisation": "binary",
    "nats": 80.97,
    "ours": "bound",
    "samples": 100,
    "images": 10_000,
    "kinds": ["draw"],
    "source": "somebody, 2015",
    "conditions": "attention",
}


def test_the_page_is_what_the_files_say() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "numbers_page.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (tmp_path / "results").mkdir()
    for name, path in (("RESULTS", "results"), ("PAGE", "numbers.md"), ("ROOT", "")):
        monkeypatch.setattr(numbers, name, tmp_path / path)
    monkeypatch.setattr(sys, "argv", ["numbers.py", "--check"])
    assert numbers.main() == 1
    assert "stale" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["numbers.py"])
    assert numbers.main() == 0
    monkeypatch.setattr(sys, "argv", ["numbers.py", "--check"])
    assert numbers.main() == 0
    (tmp_path / "results" / "new.json").write_text(json.dumps(result("new")))
    assert numbers.main() == 1
    (tmp_path / "results" / "bad.json").write_text("{}")
    assert numbers.main() == 2
    assert "bad.json" in capsys.readouterr().err


def test_the_page_shows_figures_commands_and_the_published_figure_beside_them() -> None:
    page = numbers.page([result("mine")], [PUBLISHED])
    assert (
        "| mine | draw | test | 0 | 1.23 M | 89.00 ± 0.25 | 25.00 ± 0.10 | 84.00 ± 0.20 | 100, 10,000 | 3.2 |" in page
    )
    assert "| mine | 0 | bound, K = 100: 84.00 ± 0.20 | DRAW (somebody, 2015) | 80.97, K = 100 | +3.03 | yes |" in page
    assert "allograph train mnist-static --preset draw -o runs/mine" in page
    assert "allograph evaluate likelihood runs/mine/model.safetensors mnist-static" in page
    assert "| mine | 12,345 | 30 min | 1 core, x86_64 | 0123456789+changes |" in page
    assert "exact" not in page.splitlines()[page.splitlines().index("### mnist-static, binary") + 2]


def test_the_exact_likelihood_is_shown_where_there_is_one() -> None:
    exact = result("pca", exact={"mean": -321.5, "error": 1.25})
    page = numbers.page([exact, result("mine")], [])
    (head,) = (line for line in page.splitlines() if line.startswith("| model | kind"))
    (row,) = (line for line in page.splitlines() if line.startswith("| pca | draw"))
    assert row.split(" | ")[head.split(" | ").index("exact")] == "-321.50 ± 1.25"


@pytest.mark.parametrize(
    ("ours", "other", "words"),
    [
        ({"part": "validation"}, {}, "no: ours is of the validation part"),
        ({"bound_images": 1000}, {}, "no: ours is of 1,000 of 10,000 images"),
        ({"bound_images": 1000}, {"ours": "free_energy", "samples": 1}, "yes"),
        ({"samples": 5000}, {}, "no: ours has more samples"),
        ({"samples": 5000}, {"samples": 0}, "yes"),
        ({"samples": 50}, {}, "yes; ours has fewer samples, so is the looser bound"),
        ({}, {}, "yes"),
    ],
)
def test_what_does_not_compare_is_said(ours: dict[str, Any], other: dict[str, Any], words: str) -> None:
    (row,) = numbers.against(result("mine", **ours), [{**PUBLISHED, **other}])
    assert row[-1] == words


@pytest.mark.parametrize(
    "other", [{"data": "mnist"}, {"binarisation": "dynamic"}, {"kinds": ["deep"]}, {"contexts": 1}]
)
def test_figures_of_other_images_or_models_are_not_put_beside(other: dict[str, Any]) -> None:
    assert numbers.against(result("mine"), [{**PUBLISHED, **other}]) == []


def test_a_conditional_model_is_shown_with_and_without_exemplar() -> None:
    both = result("mine", given=measured(70.0), contexts=2)
    rows = numbers.against(both, [PUBLISHED, {**PUBLISHED, "model": "GMN", "contexts": 2}])
    assert [(row[1], row[3][:4]) for row in rows] == [("2", "GMN "), ("0", "DRAW")]
    page = numbers.page([both], [])
    assert "| test | 2 | 1.23 M | 75.00" in page
    assert "| test | 0 | 1.23 M | 89.00" in page


def test_fewer_exemplars_have_rows_of_their_own() -> None:
    fewer = [{"contexts": count, "given": measured(80.0 - count)} for count in (1, 2)]
    several = result("mine", given=measured(70.0), contexts=4, fewer=fewer)
    figures = [{**PUBLISHED, "contexts": count} for count in (1, 2, 3, 4)]
    rows = numbers.against(several, figures)
    assert [(row[1], row[2][:4]) for row in rows] == [("4", "boun"), ("2", "boun"), ("1", "boun")]
    page = numbers.page([several], [])
    assert all(f"| test | {cells} |" in page for cells in ("4 | 1.23 M | 75.00 ± 0.25", "1 | 1.23 M | 84.00 ± 0.25"))

    several["likelihood"]["exemplars"] = "family"
    assert numbers.against(several, figures) == []
    assert "| 4, other symbols of the alphabet |" in numbers.page([several], [])


def test_comparison_runs_stand_in_the_order_of_what_was_changed() -> None:
    runs = []
    for steps, minutes in ((16, 30), (8, 30), (4, 10)):
        run = copy.deepcopy(result(f"t{steps}", 80 + steps, group="steps", part="validation"))
        run["settings"], run["minutes"] = [f"model.steps={steps}"], minutes
        runs.append(run)
    page = numbers.page(runs, [])
    assert page.index("| t4 | draw | `model.steps=4` |") < page.index("| t8 |") < page.index("| t16 |")
    assert "as many steps as take 10 to 30 min" in page
    assert "No result files yet" in page, "they are not of the family"


def test_notes_are_passed_on_and_bars_do_not_break_a_table() -> None:
    page = numbers.page([result("a|b", note="these are grey"), result("c")], [])
    assert "Note on a|b: these are grey." in page
    assert "| a/b | draw |" in page


def test_published_figures_are_complete() -> None:
    figures = numbers.read_published(numbers.PUBLISHED)
    assert len({(figure["data"], figure["model"]) for figure in figures}) == len(figures)
    draw = next(figure for figure in figures if figure["model"] == "DRAW")
    assert (draw["nats"], draw["data"]) == (80.97, "mnist-static")


def test_an_incomplete_published_figure_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "published.toml"
    path.write_text('[[figure]]\nmodel = "X"\nnats = 1.0\n')
    with pytest.raises(ValueError, match=r"X: check .*binarisation"):
        numbers.read_published(path)
