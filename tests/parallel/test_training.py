"""Several processes train as one does: on one machine and on two, stopped, killed and gone on with."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from parallel.started import Finished, Job, run, wait_for

pytestmark = pytest.mark.slow

TOLERANCE = 1e-5
"""Relative, on figures of nats; and absolute, on weights: sums of float32 numbers in another order, over 50 steps."""


def arguments(letters: Path, preset: Path, output: Path, *words: str) -> list[object]:
    return ["train", letters, "--preset", preset, "-o", output, *words]


@pytest.fixture(scope="module")
def alone(letters: Path, preset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    (finished,) = run(folder, arguments(letters, preset, folder / "run"), 1)
    assert finished.status == 0, finished.messages
    return folder / "run"


@pytest.fixture(scope="module")
def of_two(letters: Path, preset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Finished]]:
    folder = tmp_path_factory.mktemp("two")
    return folder / "run", run(folder, arguments(letters, preset, folder / "run"), 2)


def curve(folder: Path) -> dict[str, float]:
    """Every figure that the run logged."""
    found = {}
    for path in sorted((folder / "logs").glob("csv-*/metrics.csv")):
        with open(path) as file:
            for row in csv.DictReader(file):
                found |= {f"{row['step']} {name}": float(value) for name, value in row.items() if value}
    return found


def assert_alike(one: Path, other: Path) -> None:
    """The same loss curve and the same weights, but for rounding."""
    curves = curve(one), curve(other)
    assert sum("free_energy" in name for name in curves[0]) >= 15
    assert curves[0] == pytest.approx(curves[1], rel=TOLERANCE, abs=TOLERANCE)
    assert_weights_alike(one, other)


def assert_weights_alike(one: Path, other: Path) -> None:
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (one, other))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)


def test_two_processes_follow_the_loss_curve_of_one(alone: Path, of_two: tuple[Path, list[Finished]]) -> None:
    folder, finished = of_two
    assert [one.status for one in finished] == [0, 0], finished
    assert_alike(alone, folder)


def test_the_first_process_alone_prints_and_writes(alone: Path, of_two: tuple[Path, list[Finished]]) -> None:
    folder, (first, second) = of_two
    assert first.output.count("model.safetensors: step 50 of 50") == 1
    assert first.messages.count("validation free energy") == 5
    assert (second.output, second.messages) == ("", "")
    files = [{path.relative_to(run) for path in run.rglob("*")} for run in (alone, folder)]
    logged = [{path for path in some if "tfevents" not in path.name} for some in files]
    assert logged[0] == logged[1]


def test_four_processes_follow_the_loss_curve_of_one(letters: Path, preset: Path, alone: Path, tmp_path: Path) -> None:
    """Of the last two validation pairs two processes have none."""
    finished = run(tmp_path, arguments(letters, preset, tmp_path / "run"), 4)
    assert [one.status for one in finished] == [0] * 4, finished
    assert_alike(alone, tmp_path / "run")


def test_a_run_goes_on_with_another_number_of_processes(
    letters: Path, preset: Path, alone: Path, tmp_path: Path
) -> None:
    """The clock of two has run out after the first step; what they do next is decided, so they end after the second."""
    words = arguments(letters, preset, tmp_path / "run")
    first = run(tmp_path / "two", [*words, "--max-time", "0.001s"], 2)
    assert [one.status for one in first] == [0, 0]
    assert "the time is up at step 2 of 50" in first[0].messages
    (second,) = run(tmp_path / "one", [*words, "--resume"], 1)
    assert second.status == 0, second.messages
    assert_weights_alike(alone, tmp_path / "run")


def test_a_signal_to_one_process_ends_all_after_the_same_step(letters: Path, preset: Path, tmp_path: Path) -> None:
    job = Job(tmp_path, arguments(letters, preset, tmp_path / "run", "--max-steps", "5000"), 2)
    wait_for(tmp_path / "run" / "state.ckpt")
    for _ in range(2):  # as from Slurm, and then from torchrun, to which Slurm sent it as well
        os.kill(job.processes[1].pid or 0, signal.SIGTERM)
        time.sleep(0.01)
    first, second = job.finish()
    assert (first.status, second.status) == (130, 130)
    assert "everything is saved; run the same command with --resume to continue" in first.messages
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_what_is_refused_is_said_once_and_ends_all(letters: Path, preset: Path, alone: Path, tmp_path: Path) -> None:
    first, *others = run(tmp_path, arguments(letters, preset, tmp_path / "run"), 3)
    assert [one.status for one in (first, *others)] == [2, 2, 2]
    assert first.messages.count("\n") == 1
    assert "cannot be divided equally among 3 processes" in first.messages
    assert "batch_size=6 or 9" in first.messages
    assert [one.messages for one in others] == ["", ""]
    first, second = run(tmp_path / "again", arguments(letters, preset, alone), 2)
    assert (first.status, second.status) == (2, 2)
    assert "already holds a run" in first.messages


def test_torchrun_ends_when_a_process_is_killed_and_the_run_goes_on(
    letters: Path, preset: Path, of_two: tuple[Path, list[Finished]], tmp_path: Path
) -> None:
    words = list(map(str, arguments(letters, preset, tmp_path / "run")))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    launcher = subprocess.Popen(
        [*torchrun, "-m", "allograph", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    wait_for(tmp_path / "run" / "state.ckpt", launcher)
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    (last,) = [pid for pid in children if b"\0RANK=1\0" in Path(f"/proc/{pid}/environ").read_bytes()]
    os.kill(int(last), signal.SIGKILL)
    _, messages = launcher.communicate(timeout=120)
    assert launcher.returncode != 0
    lines = [line for line in messages.splitlines() if line.startswith("allograph: ")]
    assert lines == [
        "allograph: another process ended or cannot be reached; run the same command with --resume to continue from "
        "the last saved state"
    ]
    assert not (tmp_path / "run" / "model.safetensors").exists()
    resumed = run(tmp_path, [*words, "--resume"], 2)
    assert [one.status for one in resumed] == [0, 0], resumed
    assert_weights_alike(of_two[0], tmp_path / "run")


def test_two_machines_train_together(letters: Path, preset: Path, alone: Path, tmp_path: Path) -> None:
    """Each in a network of its own, which a cable joins."""
    with machines() as (names, addresses, cables):
        variables = [{"GLOO_SOCKET_IFNAME": cable} for cable in cables]
        words = arguments(letters, preset, tmp_path / "run")
        job = Job(tmp_path, words, 2, address=addresses[0], machines=names, variables=variables)
        finished = job.finish()
    assert [one.status for one in finished] == [0, 0], finished
    assert_alike(alone, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["preset"]["training"]["batch_size"] == 8


@contextlib.contextmanager
def machines() -> Iterator[tuple[list[str], list[str], list[str]]]:
    """The names of two network namespaces, their addresses and the ends of the cable between them."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces take the program ip and the rights of root")
    names = [f"allograph-{os.getpid()}-{number}" for number in range(2)]
    cables = [f"al{os.getpid() % 10**7}-{number}" for number in range(2)]
    addresses = ["10.83.7.1", "10.83.7.2"]

    def ip(*words: str) -> None:
        done = subprocess.run(["ip", *words], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no network namespaces here: {done.stderr.strip()}")

    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", cables[0], "netns", names[0], "type", "veth", "peer", "name", cables[1], "netns", names[1])
        for name, cable, address in zip(names, cables, addresses, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", cable)
            ip("-n", name, "link", "set", cable, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names, addresses, cables
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
