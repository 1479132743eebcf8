"""The experiment runner: equal time, nothing done twice, nothing lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from allograph.presets import load_preset
from tools.test_numbers import numbers, result, tool

experiments = tool("experiments")
Experiment, Failed = experiments.Experiment, experiments.Failed


HOLDER = """
import fcntl, sys
sys.stdin.readline()
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


class Allograph:
    """Stands in for the command: trains ``speed`` steps a second after five seconds of start, measures nothing."""

    def __init__(self, root: Path, speed: float = 12.0) -> None:
        self.root, self.speed = root, speed
        self.calls: list[list[str]] = []
        self.fail = ""

    def __call__(self, words: list[str], heard: Any = None) -> str:
        self.calls.append(words)
        folder = self.root / words[words.index("-o") + 1]
        if self.fail in words:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "run.json").touch()
            if heard:
                heard(100.0)
            raise Failed("allograph failed")
        if words[0] == "evaluate":
            return json.dumps({"format": 2, "measurement": "likelihood", **result("x")["likelihood"]})
        if "--max-time" in words:
            seconds = float(words[words.index("--max-time") + 1].rstrip("s"))
            return (
                f"{folder}/model.safetensors: step {round(self.speed * (seconds - 3))} of 10000000, {seconds:.0f} s; x"
            )
        heard(60.0)
        return ""


@pytest.fixture
def allograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Allograph:
    for name, path in (("ROOT", ""), ("RESULTS", "docs/results"), ("RUNS", "runs/experiments")):
        monkeypatch.setattr(experiments, name, tmp_path / path)
    stand_in = Allograph(tmp_path)
    monkeypatch.setattr(experiments, "call", stand_in)
    return stand_in


def some(name: str = "t8", **changes: Any) -> Any:
    settings = {"groups": ("steps",), "data": "mnist-static", "preset": "omniglot", "minutes": 2.0, "set": ("steps=8",)}
    return Experiment(name=name, **{**settings, **changes})


def test_the_schedule_spans_the_minutes_at_the_measured_speed(allograph: Allograph) -> None:
    assert experiments.run_all([some()]) == 0
    *calibration, train, evaluate = allograph.calls
    assert [words[words.index("--max-time") + 1] for words in calibration] == ["5s", "25s"]
    assert f"training.max_steps={2 * 60 * 12}" in train
    assert "--resume" not in train
    assert "steps=8" in train
    assert evaluate[2] == "runs/experiments/t8/model.safetensors"
    written = json.loads((allograph.root / "docs/results/t8.json").read_text())
    trained = written["experiment"]
    assert (trained["steps"], trained["train_seconds"]) == (1440, 60.0)
    assert trained["images_per_second"] == 12 * load_preset("omniglot").training.batch_size
    assert trained["command"].startswith("allograph train mnist-static --preset omniglot --set steps=8")
    assert str(allograph.root) not in json.dumps(written)


def test_result_files_are_what_the_page_reads(allograph: Allograph) -> None:
    experiments.run_all([some(), some("t16")])
    page = numbers.page(numbers.read_results(allograph.root / "docs/results"), [])
    assert "| t8 | draw | `steps=8` | 1,440 |" in page


def test_what_has_a_result_is_not_done_again(allograph: Allograph) -> None:
    experiments.run_all([some()])
    before = len(allograph.calls)
    assert experiments.run_all([some()]) == 0
    assert len(allograph.calls) == before


def test_an_interrupted_run_goes_on_with_its_own_plan(allograph: Allograph, capsys) -> None:
    allograph.fail = "training.max_steps=1440"
    assert experiments.run_all([some(), some("t16", minutes=1.0)]) == 1, "the others are done all the same"
    assert "t8: allograph failed" in capsys.readouterr().err
    assert not (allograph.root / "docs/results/t8.json").exists()
    assert (allograph.root / "docs/results/t16.json").exists()
    allograph.fail, allograph.speed = "", 99.0
    allograph.calls.clear()
    assert experiments.run_all([some()]) == 0
    train, _ = allograph.calls
    assert "--resume" in train
    assert "training.max_steps=1440" in train
    written = json.loads((allograph.root / "docs/results/t8.json").read_text())
    assert written["experiment"]["train_seconds"] == 160.0, "of both sessions"


def test_a_failed_measurement_does_not_train_again(allograph: Allograph) -> None:
    allograph.fail = "evaluate"
    experiments.run_all([some()])
    allograph.fail = ""
    allograph.calls.clear()
    experiments.run_all([some()])
    assert [words[0] for words in allograph.calls] == ["evaluate"]


def test_settings_that_changed_meanwhile_are_refused(allograph: Allograph, capsys) -> None:
    allograph.fail = "training.max_steps=1440"
    experiments.run_all([some()])
    allograph.fail = ""
    assert experiments.run_all([some(set=("steps=9",))]) == 1
    assert "began with other settings" in capsys.readouterr().err


def test_two_runners_share_the_list(allograph: Allograph) -> None:
    lock = allograph.root / "runs/experiments/t8.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    lock.parent.mkdir(parents=True)
    with holder:
        assert holder.stdin and holder.stdout
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "held\n"
        assert experiments.run_all([some(), some("t16")]) == 0
        assert not any("t8" in word for words in allograph.calls for word in words)
        assert (allograph.root / "docs/results/t16.json").exists()
        holder.kill()
    assert experiments.run_all([some()]) == 0, "it is no more"
    assert (allograph.root / "docs/results/t8.json").exists()


def test_a_result_names_the_code_that_made_it(allograph: Allograph, monkeypatch: pytest.MonkeyPatch) -> None:
    allograph.fail = "evaluate"
    monkeypatch.setattr(experiments, "commit", lambda: "1" * 40)
    experiments.run_all([some()])
    assert json.loads((allograph.root / "runs/experiments/t8.plan.json").read_text())["commit"] == "1" * 40
    allograph.fail = ""
    monkeypatch.setattr(experiments, "commit", lambda: "2" * 40)
    experiments.run_all([some(), some("t16")])
    files = (allograph.root / f"docs/results/{name}.json" for name in ("t8", "t16"))
    t8, t16 = (json.loads(file.read_text())["experiment"] for file in files)
    assert t8["commit"] == f"{'1' * 40}, measured with {'2' * 40}"
    assert t16["commit"] == "2" * 40
    cores = len(os.sched_getaffinity(0))
    assert t16["machine"] == f"{cores} core{'s' if cores > 1 else ''}, x86_64, 1 thread"


def test_code_that_is_not_as_it_was_committed_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    monkeypatch.setattr(experiments, "ROOT", tmp_path)
    assert experiments.commit() == "unknown"
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("1")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "--no-verify", "--no-gpg-sign", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    head = experiments.commit()
    assert re.fullmatch(r"[0-9a-f]{40}", head)
    (tmp_path / "page.md").write_text("not code")
    assert experiments.commit() == head
    (tmp_path / "src" / "code.py").write_text("2")
    assert experiments.commit() == f"{head}+changes"


@pytest.mark.slow
def test_a_call_says_what_went_wrong_and_passes_its_time_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "HEARTBEAT", 0.2)
    heard: list[float] = []
    started = time.monotonic()
    assert "allograph" in experiments.call(["--version"], heard.append)
    assert 0 < sum(heard) <= time.monotonic() - started
    with pytest.raises(Failed, match="nothing"):
        experiments.call(["train", "nothing"])


def test_the_list_is_one_that_can_be_run() -> None:
    listed = experiments.read_experiments(experiments.LIST)
    assert {group for experiment in listed for group in experiment.groups} == set(experiments.GROUPS)
    for experiment in listed:
        load_preset(experiment.preset, experiment.set)
    for group in ("steps", "attention", "canvas"):
        assert len({(e.minutes, e.data, e.part, e.samples) for e in listed if group in e.groups}) == 1, "equal time"
    steps = {word for e in listed if "steps" in e.groups for word in e.set if "steps" in word}
    assert steps == {f"model.steps={number}" for number in (4, 8, 16, 32, 64)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[experiment]]\nname = "a"\n', "missing"),
        ('[[experiment]]\nname = "a"\ngroups = ["none"]\ndata = "x"\npreset = "y"\nminutes = 1\n', "none"),
        ('[[experiment]]\nname = "a/b"\ngroups = ["steps"]\ndata = "x"\npreset = "y"\nminutes = 1\n', "a/b"),
        (2 * '[[experiment]]\nname = "a"\ngroups = ["steps"]\ndata = "x"\npreset = "y"\nminutes = 1\n', "twice"),
    ],
)
def test_a_wrong_list_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "list.toml").write_text(text)
    with pytest.raises(ValueError, match=words):
        experiments.read_experiments(tmp_path / "list.toml")


def test_only_and_group_choose(allograph: Allograph, monkeypatch: pytest.MonkeyPatch, capsys, tmp_path: Path) -> None:
    every = [some("a"), some("b", groups=("canvas",)), some("c")]
    assert experiments.choose(every, ["a", "b"], None) == every[:2]
    assert experiments.choose(every, None, "steps") == [every[0], every[2]]
    with pytest.raises(ValueError, match="nope"):
        experiments.choose(every, ["nope"], None)
    monkeypatch.setattr(sys, "argv", ["experiments.py", "--only", "nope"])
    assert experiments.main() == 2
