"""Work behind the caller: done in batches, given up on an error, never lost in silence, gone with the caller."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from allograph.errors import AllographError
from allograph.runtime.pool import BackgroundPool

PATIENCE = 60.0


def leave(folder: Path, name: str) -> None:
    """The name, and which process left it."""
    (folder / name).write_text(str(os.getpid()))


def wait_for(path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not come"
        time.sleep(0.01)


def wait_then_leave(folder: Path, awaited: str, name: str) -> None:
    leave(folder, f"{name}-begun")
    wait_for(folder / awaited)
    leave(folder, name)


def fill_disk() -> None:
    raise OSError("no space")


def refuse(reason: str) -> None:
    raise AllographError(reason)


def end_at_once() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_batch_is_whole_before_it_is_said_to_be_done(tmp_path: Path) -> None:
    said: list[int] = []

    def say() -> None:
        said.append(len(list(tmp_path.iterdir())))

    with BackgroundPool(2) as behind:
        for batch in range(3):
            behind.begin([partial(leave, tmp_path, f"{batch}-{k}") for k in range(10)], say)
            assert len(said) == batch  # of the batches before, not of this one
        behind.wait()
        behind.wait()  # nothing is done twice
    assert len(said) == 3
    assert said[-1] == 30
    assert said[0] >= 10
    assert said[1] >= 20
    assert str(os.getpid()) not in {path.read_text() for path in tmp_path.iterdir()}


def test_the_caller_goes_on_meanwhile(tmp_path: Path) -> None:
    with BackgroundPool(1) as behind:
        behind.begin([partial(wait_then_leave, tmp_path, "go", "gone")], lambda: None)
        leave(tmp_path, "go")  # too late if `begin` waited
        behind.wait()
        assert (tmp_path / "gone").exists()


@pytest.mark.parametrize(
    ("broken", "error", "words"), [(fill_disk, OSError, "no space"), (partial(refuse, "no"), AllographError, "^no$")]
)
def test_an_error_of_the_work_is_the_callers_and_the_batch_is_not_done(
    broken: Callable[[], None], error: type[Exception], words: str, tmp_path: Path
) -> None:
    said: list[str] = []
    with pytest.raises(error, match=words), BackgroundPool(2) as behind:
        behind.begin([broken, *[partial(leave, tmp_path, str(k)) for k in range(5)]], lambda: said.append("done"))
        behind.wait()
    assert said == []


def test_an_error_that_nobody_waited_for_is_the_callers_too() -> None:
    with pytest.raises(OSError, match="no space"), BackgroundPool(1) as behind:
        behind.begin([fill_disk], lambda: None)


def test_a_killed_worker_is_one_line_with_the_remedy() -> None:
    with pytest.raises(AllographError, match="run the same command again"), BackgroundPool(1) as behind:
        behind.begin([end_at_once], lambda: None)
        behind.wait()


def test_ctrl_c_ends_what_has_begun_and_gives_up_the_rest(tmp_path: Path) -> None:
    def stop() -> None:
        with BackgroundPool(1) as behind:
            behind.begin([partial(wait_then_leave, tmp_path, "go", f"{k:03d}") for k in range(200)], lambda: None)
            wait_for(tmp_path / "000-begun")
            leave(tmp_path, "go")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    begun = list(tmp_path.glob("???-begun"))
    assert 0 < len(begun) == len(list(tmp_path.glob("???"))) < 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="asks by POSIX's signals whether a process is there")
def test_workers_end_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    program = f"""
from functools import partial
from pathlib import Path
from test_pool import leave, wait_then_leave
from allograph.runtime.pool import BackgroundPool
if __name__ == "__main__":
    folder = Path({str(tmp_path)!r})
    with BackgroundPool(2) as behind:
        behind.begin([partial(leave, folder, str(k)) for k in range(8)], lambda: None)
        behind.wait()
        behind.begin([partial(wait_then_leave, folder, "never", "nothing")], lambda: None)
        behind.wait()
"""
    places = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    caller = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": places})
    try:
        wait_for(tmp_path / "nothing-begun")
    finally:
        caller.kill()
        caller.wait()
    wait_until_gone({int(path.read_text()) for path in tmp_path.iterdir()})


@pytest.mark.slow
@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="there is no such way here")
def test_the_worker_that_makes_batches_ends_with_a_training_that_is_killed() -> None:
    """Also where neither made the other: both are children of a server."""
    program = f"""
import time
from torch.utils.data import DataLoader
from allograph.training.module import _prepare_worker
ways = dict(num_workers=1, multiprocessing_context="forkserver")
batches = iter(DataLoader(range(3), batch_size=None, worker_init_fn=_prepare_worker, **ways))
next(batches)
print(batches._workers[0].pid, flush=True)
time.sleep({PATIENCE})
"""
    quiet = subprocess.DEVNULL  # a part of multiprocessing remarks that the caller did not tidy up
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=quiet, text=True) as caller:
        assert caller.stdout is not None
        worker = int(caller.stdout.readline())
        caller.kill()
    wait_until_gone({worker})


def wait_until_gone(workers: set[int]) -> None:
    end = time.monotonic() + PATIENCE
    while any(map(_is_there, workers)):
        assert time.monotonic() < end, f"still there: {workers}"
        time.sleep(0.05)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Ended, and waiting for a parent that asks how."""
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"
