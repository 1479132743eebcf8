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

from allograph.evaluation.oneshot.points import Estimate, OneShotResult, Point
from allograph.presets import preset_names

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


numbers = tool("numbers_page")
measurements = tool("numbers_measured")


def measured(bound: float) -> dict[str, Any]:
    return {
        "free_energy": {"mean": bound + 5, "error": 0.25},
        "kl": {"mean": 25.0, "error": 0.1},
        "kl_per_step": [12.0, 13.0],
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


@pytest.mark.parametrize("name", ["numbers_page", "paper_page"])
def test_the_page_is_what_the_files_say(name: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / f"{name}.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_row_of_the_paper_has_its_figure_beside_it() -> None:
    row = {**PUBLISHED, "preset": "paper/mnist-st-cgru-80", "nats": 80.5, "source": "the paper, table 1"}
    other = copy.deepcopy(result("ours", data="mnist-static"))
    own = {**copy.deepcopy(result("paper-mnist-st-cgru-80", data="mnist-static")), "minutes": 60}
    own["likelihood"]["without"]["free_energy"]["mean"] += 1
    page = tool("paper_page").page([other, own], [row, PUBLISHED])
    free = own["likelihood"]["without"]["free_energy"]
    cells = next(line for line in page.splitlines() if row["model"] in line).split(" | ")
    assert cells[1:3] == ["80.5", f"{free['mean']:.2f} ± {free['error']:.2f}"] and "60 min" in cells[3]
    assert own["train_command"] in page and "Best here" in page and "(ours, " in page
    waiting = tool("paper_page").page([other], [row])
    assert "| 80.5 | not yet |" in waiting


def test_the_rows_of_the_paper_are_its_presets_and_experiments() -> None:
    named = {figure["preset"] for figure in numbers.read_published(numbers.PUBLISHED) if "preset" in figure}
    listed = {one.preset: one for one in tool("experiments").read_experiments(ROOT / "tools" / "experiments.toml")}
    assert named <= set(preset_names())
    of_group = {preset for preset, one in listed.items() if "paper" in one.groups}
    # Nobody but its users has the file of Burda.
    assert of_group == {preset for preset in named if not preset.startswith("paper/omniglot-28")}
    assert all(listed[preset].name == preset.replace("/", "-") for preset in of_group)


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
        ({"samples": 50}, {}, "yes; ours has fewer samples, so its bound is looser"),
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

    several["likelihood"]["exemplars"] = "repeats"
    row = numbers.against(several, figures)[0]
    assert row[1] == "4, drawn with replacement" and "ours were given exemplars drawn with replacement" in row[-1]
    assert numbers.against(several, [{**figures[3], "exemplars": "repeats"}])[0][-1].startswith("yes")
    several["likelihood"]["exemplars"] = "concept"
    assert "theirs were given" in numbers.against(several, [{**figures[3], "exemplars": "repeats"}])[0][-1]

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
    assert "as many steps as fit into 10 to 30 min" in page
    assert "No result files yet" in page, "they are not of the family"


def test_notes_are_passed_on_and_bars_do_not_break_a_table() -> None:
    page = numbers.page([result("a|b", note="these are grey"), result("c")], [])
    assert "Note on a|b: these are grey." in page
    assert r"| a\|b | draw |" in page


def record(measurement: str, **content: Any) -> dict[str, Any]:
    """What `allograph evaluate` writes around its figures."""
    model = {"name": "mine", "kind": "sequential", "sha256": "a", "parameters": 1_000_000}
    command = f"allograph evaluate {measurement} mine"
    return {"measurement": measurement, "model": model, "part": "test", "split": "30-20", "command": command, **content}


def nats_record(part: str, bound: float, **changes: Any) -> dict[str, Any]:
    inside = result("mine", bound, given=measured(bound - 10), contexts=2)["likelihood"]
    changes = {"fewer": [{"contexts": 1, "given": measured(bound - 7)}], "exemplars": "concept", **changes}
    return {**inside, **record("likelihood", data="omniglot-28"), "part": part, **changes}


def oneshot_record(task: str) -> dict[str, Any]:
    real, made = (Point(*(Estimate(value, 0.01) for value in (0.8 * scale, *[0.4 * scale] * 4))) for scale in (1, 0.9))
    about = {"data": "omniglot", "data_fingerprint": "b", "critic": "c", "embedding": "d", "setting": ""}
    counts = {"trials": 20, "ways": 5, "drawings": 7, "given": 5, "references": 8, "training": 0, "size": 28, "seed": 0}
    ratio = Point(*(Estimate(0.9, 0.02) for _ in range(5)))
    found = OneShotResult(task, **about, **counts, real=real, generated=made, copies=real, ratio=ratio)
    content = found.to_dict() | {"setting": "within" if task == "exemplars" else ""}
    likelihood = nats_record("test", 80.0) | {"bound_gain": {"mean": 12.5, "error": 0.5}}
    return record("oneshot", **content, temperature=1.0, whole=True, note="a note", likelihood=likelihood)


def classify_record(part: str, runs: int) -> dict[str, Any]:
    rate = {"value": 0.1, "low": 0.08, "high": 0.12, "runs_low": 0.07, "runs_high": 0.13}
    errors = {name: rate for name in ("forward", "backward", "both")}
    counts = {"runs": runs, "ways": 20, "tests": 20 * runs, "samples": 100, "data": "omniglot", "likelihood": "whole"}
    return record("classify", errors=errors, baselines={"cosine": rate}, **counts) | {"part": part}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Result files of every measurement, one of them with a picture, and one of an experiment."""
    files = {
        "few": nats_record("test", 80.0),
        "few-training": nats_record("training", 70.0),
        "classify": classify_record("test", 20),
        "classify-validation": classify_record("validation", 20),
        **{task: oneshot_record(task) for task in ("unconditional", "exemplars", "alphabet")},
        "experiment": result("run"),
    }
    for name, document in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    (tmp_path / "alphabet.png").touch()
    return tmp_path


GMN = {**PUBLISHED, "model": "GMN", "data": "omniglot-28", "kinds": ["sequential"], "contexts": 2, "nats": 78.8}


def page_of(folder: Path) -> str:
    others = measurements.read_others(numbers.PUBLISHED)
    return numbers.page(numbers.read_results(folder), [GMN], measurements.read_records(folder), others)


def test_every_measurement_has_its_section_with_its_commands(folder: Path) -> None:
    assert [result["experiment"] for result in numbers.read_results(folder)] == ["run"]
    page = page_of(folder)
    sections = [line for line in page.splitlines() if line.startswith("## ")]
    titles = ["The family", "Likelihoods given exemplars", "One-shot generation", "One-shot classification"]
    assert sections == [f"## {title}" for title in (*titles, "Published figures")]
    for measurement, count in (("likelihood", 2), ("oneshot", 3), ("classify", 2)):
        assert page.splitlines().count(f"allograph evaluate {measurement} mine") == count
    assert "![mine, omniglot, 30-20, test part: alphabet.png](results/alphabet.png)" in page
    assert "own alphabet, %" in page and "taken for real, %" in page and "recognised, %" in page
    assert r"log p(x \| x') - log p(x)" in page


def test_likelihoods_stand_beside_published_ones_and_the_training_part(folder: Path) -> None:
    page = page_of(folder)
    beside = [line for line in page.splitlines() if line.startswith("| mine | 2 | bound")]
    assert beside == [
        "| mine | 2 | bound, K = 100: 70.00 ± 0.20 | GMN (somebody, 2015) | 78.8, K = 100 | -8.80 | yes |"
    ]
    gaps = [line for line in page.splitlines() if line.startswith("| mine | omniglot-28 |")]
    assert [line.split(" | ")[2] for line in gaps] == ["0", "1", "2"]
    assert gaps[1] == "| mine | omniglot-28 | 1 | 68.00 ± 0.25 | 78.00 ± 0.25 | +10.00 ± 0.35 |"


def test_another_split_is_no_comparison(folder: Path) -> None:
    (folder / "few.json").write_text(json.dumps(nats_record("test", 80.0, split="45-5")))
    (row,) = (line for line in page_of(folder).splitlines() if line.startswith("| mine | 2 | bound"))
    assert row.endswith("| no: ours is of the 45-5 split |")


def test_drawings_and_classes_stand_beside_published_ones(folder: Path) -> None:
    lines = page_of(folder).splitlines()
    assert "| mine | omniglot, 30-20, test part, within alphabets | 90.0 ± 2.0 | 0.900 ± 0.020 |  |" in lines
    (earlier,) = (line for line in lines if line.startswith("| VAE-STN") and "| 77 |  |" in line)
    assert "Boutin" in earlier
    ours = [line.split(" | ")[-1] for line in lines if line.startswith("| mine, both directions, K = 100 | 10.0 |")]
    assert ours == ["no: ours is of the validation part, not of Lake's runs |", "yes |"]
    assert sum(line.startswith("| people | 4.5 |") for line in lines) == 2, "in the section and in the list"


def test_what_was_measured_of_weights_that_no_longer_ship_goes_by_the_name_of_their_file(folder: Path) -> None:
    kept = {"a": Path("/somewhere/weights/old.safetensors")}
    drawn = json.loads((folder / "exemplars.json").read_text()) | {"guidance": 1.75}
    (folder / "exemplars.json").write_text(json.dumps(drawn))
    records = measurements.read_records(folder, kept)
    assert {record.model for record in records} == {"old"}
    commands = {record["command"] for record in records}
    assert "allograph evaluate likelihood weights/old.safetensors" in commands
    assert "allograph evaluate oneshot weights/old.safetensors --guidance 1.75 --attempts 1" in commands
    assert not [command for command in commands if "mine" in command]
    assert {record.model for record in measurements.read_records(folder, {"b": kept["a"]})} == {"mine"}
    kept = measurements.kept_weights(ROOT / "weights")
    assert {path.parent for path in kept.values()} == {ROOT / "weights"}
    assert len(kept) > len(set(kept.values())), "one held the same weights with another card before"


def test_a_damaged_record_and_an_incomplete_published_figure_are_errors(folder: Path) -> None:
    (folder / "few.json").write_text(json.dumps(record("likelihood")))
    with pytest.raises(ValueError, match=r"few.json is no result file"):
        measurements.read_records(folder)
    (folder / "few.json").write_text(json.dumps(record("dreams")))
    with pytest.raises(ValueError, match=r"few.json is no result file .*dreams"):
        measurements.read_records(folder)
    (folder / "published.toml").write_text('[[classify]]\nmodel = "X"\nerror = 1.0\n')
    with pytest.raises(ValueError, match=r"X: check conditions, source"):
        measurements.read_others(folder / "published.toml")


def test_published_figures_are_complete() -> None:
    assert all(measurements.read_others(numbers.PUBLISHED).values())
    figures = numbers.read_published(numbers.PUBLISHED)
    assert len({(figure["data"], figure["model"], figure["source"]) for figure in figures}) == len(figures)
    draw = next(figure for figure in figures if figure["model"] == "DRAW")
    assert (draw["nats"], draw["data"]) == (80.97, "mnist-static")


def test_an_incomplete_published_figure_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "published.toml"
    path.write_text('[[figure]]\nmodel = "X"\nnats = 1.0\n')
    with pytest.raises(ValueError, match=r"X: check .*binarisation"):
        numbers.read_published(path)
