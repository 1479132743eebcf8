"""What a process knows of the others, from the variables of torchrun and of Slurm."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from allograph.cli import main
from allograph.errors import AllographError
from allograph.runtime.distributed import ALONE, Processes, Share, joined, launched
from forks import FORKS
from parallel.started import PATIENCE, free_port, lose_the_other

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "TORCHELASTIC_RUN_ID": "none"}
SLURM = {"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_LOCALID": "1", "SLURM_NTASKS_PER_NODE": "4"}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*TORCHRUN, *SLURM):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("variables", [TORCHRUN, SLURM], ids=["torchrun", "srun"])
def test_a_process_finds_out_which_it_is(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = launched()
    assert found == Processes(rank=5, size=8, local_rank=1, local_size=4)
    assert (found.first, found.machines) == (False, 2)


def test_a_process_that_nobody_else_started_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "16")  # a batch script: srun has not been called
    monkeypatch.setenv("SLURM_PROCID", "0")
    assert launched() == ALONE
    with joined() as processes:
        assert processes == ALONE
        assert processes.by_first(lambda: 3) == 3
        assert processes.by_each(lambda: 3) == [3]
        assert processes.spread(lambda word: word.upper(), ["a", "b"]) == ["A", "B"]
        assert processes.first_here_first(lambda: 3) == 3
        assert processes.total_soon([1, 2])() == [1, 2]
        with pytest.raises(AllographError, match="no"):
            processes.by_each(fail)


def fail() -> None:
    raise AllographError("no")


@pytest.mark.parametrize(("each", "message"), [(None, "--ntasks-per-node"), ("3", "the same number of processes")])
def test_machines_have_equally_many_processes(
    each: str | None, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (SLURM | {"SLURM_LOCALID": "0", "SLURM_NTASKS_PER_NODE": each}).items():
        if value is not None:
            monkeypatch.setenv(name, value)
    assert main(["train", "strokes"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("count", "size"), [(8, 2), (7, 3), (2, 4), (0, 2)])
def test_shares_are_all_there_is_and_as_equal_as_can_be(count: int, size: int) -> None:
    rows = list(range(count))
    shares = [Processes(rank, size).share_of(count) for rank in range(size)]
    parts = [rows[share.rows] for share in shares]
    assert sorted(row for part in parts for row in part) == rows
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert {share.of for share in shares} == {count}
    assert rows[Share.whole(count).rows] == rows


def test_a_launcher_does_not_cut_off_what_a_process_says_when_another_has_ended(tmp_path: Path) -> None:
    """`torchrun` sends SIGTERM at the time at which the others notice."""
    port = free_port()
    both = [FORKS.Process(target=lose_the_other, args=(tmp_path, rank, port)) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(PATIENCE)
    assert [process.exitcode for process in both] == [2, -signal.SIGKILL]
    assert "another process ended" in (tmp_path / "0.out").read_text()
