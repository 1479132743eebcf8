"""As many threads as there are cores to be used, which do not spin; what the user has set counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from allograph.runtime import threads
from allograph.runtime.threads import use_threads

OURS = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
PROGRAM = "import os, allograph, torch; print(torch.get_num_threads(), *(os.environ.get(name) for name in {names}))"


def started(*command: str, **variables: str) -> list[str]:
    """What a process of its own says, begun without any of the variables but these."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS} | variables
    code = PROGRAM.format(names=OURS)
    run = subprocess.run([*command, sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_threads_are_as_many_as_cores_and_sleep_soon() -> None:
    count, named, policy, spins, block = started()
    assert count == named == str(threads.usable_cores())
    assert (policy, block) == ("None", "0")
    assert 0 < int(spins) <= 10_000


@pytest.mark.slow
def test_what_the_user_has_set_counts() -> None:
    assert started(OMP_NUM_THREADS="1")[:2] == ["1", "1"]
    assert started(OMP_WAIT_POLICY="active")[2:] == ["active", "None", "None"]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no affinity")
def test_cores_that_this_process_may_not_use_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda process: {0, 3, 5})
    monkeypatch.setattr(threads, "_share", lambda: float("inf"))
    assert threads.usable_cores() == 3
    monkeypatch.setattr(threads, "_share", lambda: 2.5)
    assert threads.usable_cores() == 2
    monkeypatch.setattr(threads, "_share", lambda: 0.25)
    assert threads.usable_cores() == 1


@pytest.mark.parametrize(
    ("groups", "files", "share"),
    [
        ("0::/", {"cpu.max": "max 100000"}, float("inf")),
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3.0),
        ("0::/a/b", {"cpu.max": "300000 100000", "a/cpu.max": "100000 100000"}, 1.0),
        ("0::/outside/of/the/container", {"cpu.max": "200000 100000"}, 2.0),
        ("3:cpu,cpuacct:/a", {"cpu/a/cpu.cfs_quota_us": "50000", "cpu/a/cpu.cfs_period_us": "100000"}, 0.5),
        ("3:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, float("inf")),
        ("3:cpu:/gone", {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4.0),
        ("0::/", {"cpu.max": "nonsense"}, float("inf")),
        ("", {}, float("inf")),
    ],
)
def test_the_share_is_that_of_the_tightest_control_group(
    groups: str, files: dict[str, str], share: float, tmp_path: Path
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert threads._share(tmp_path) == share


def test_nowhere_is_no_limit(tmp_path: Path) -> None:
    assert threads._share(tmp_path) == float("inf")


def test_a_number_that_is_asked_for_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    try:
        use_threads(None)
        assert os.environ["OMP_NUM_THREADS"] == "7"
        use_threads(1)
        assert torch.get_num_threads() == 1
        assert os.environ["OMP_NUM_THREADS"] == "1"
    finally:
        torch.set_num_threads(before)
