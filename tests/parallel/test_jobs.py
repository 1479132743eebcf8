"""`augment` and `evaluate` on several processes leave what one leaves, also when they were stopped on the way."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from allograph import weights
from commands.family import build, card
from commands.pictures import contents
from parallel.started import Job, run, wait_for


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    weights.save(path, build("grey"), card("grey"))
    return path


def augment(letters: Path, model: Path, output: Path) -> list[object]:
    return ["augment", letters, "--per-class", 80, "--model", model, "-o", output]


@pytest.fixture(scope="module")
def augmented(letters: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("augmented")
    (finished,) = run(folder, augment(letters, model, folder / "set"), 1)
    assert finished.status == 0, finished.messages
    return contents(folder / "set")


def test_two_processes_make_the_set_of_one(
    letters: Path, model: Path, augmented: dict[str, bytes], tmp_path: Path
) -> None:
    first, second = run(tmp_path, augment(letters, model, tmp_path / "set"), 2)
    assert (first.status, second.status) == (0, 0), (first, second)
    assert "400 drawings of 5 classes" in first.output
    assert (second.output, second.messages) == ("", "")
    assert contents(tmp_path / "set") == augmented


def test_a_set_whose_process_was_killed_is_gone_on_with_by_another_number(
    letters: Path, model: Path, augmented: dict[str, bytes], tmp_path: Path
) -> None:
    job = Job(tmp_path, augment(letters, model, tmp_path / "set"), 2)
    wait_for(tmp_path / "set" / "letter-1" / "0001.png")  # the second process's first class
    os.kill(job.processes[1].pid or 0, signal.SIGKILL)
    first, second = job.finish()
    assert (first.status, second.status) == (2, -signal.SIGKILL)
    assert "another process ended or cannot be reached; run the same command to continue" in first.messages
    assert contents(tmp_path / "set") != augmented
    (again,) = run(tmp_path / "again", augment(letters, model, tmp_path / "set"), 1)
    assert again.status == 0, again.messages
    assert contents(tmp_path / "set") == augmented


def test_a_problem_of_any_process_is_reported_once(letters: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "few" / "b").mkdir(parents=True)
    (tmp_path / "few" / "a").symlink_to(letters / "letter-0")
    (tmp_path / "few" / "b" / "x.png").write_text("no image")
    words = ["augment", tmp_path / "few", "--per-class", 2, "--model", model, "-o", tmp_path / "set", "--json"]
    first, second = run(tmp_path, words, 2)
    assert (first.status, second.status, second.messages) == (1, 1, "")
    assert "b: it has no usable exemplar" in first.messages
    assert json.loads(first.output)["made"] == 2


def likelihood(letters: Path, model: Path, output: Path) -> list[object]:
    return ["evaluate", "likelihood", model, letters, "--samples", 200, "-o", output]


def record(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*.json")
    found = json.loads(path.read_text())
    del found["seconds"]
    return found


def test_three_processes_measure_what_one_does(letters: Path, model: Path, tmp_path: Path) -> None:
    (alone,) = run(tmp_path / "1", likelihood(letters, model, tmp_path / "alone"), 1)
    assert alone.status == 0, alone.messages
    first, *others = run(tmp_path / "3", likelihood(letters, model, tmp_path / "together"), 3)
    assert [one.status for one in (first, *others)] == [0, 0, 0], first.messages
    assert "effective samples" in first.output
    assert [(one.output, one.messages) for one in others] == [("", "")] * 2
    assert record(tmp_path / "together") == record(tmp_path / "alone")
    assert [path.name for path in (tmp_path / "together").iterdir()] == ["small-letters-validation-k200.json"]
