"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from allograph.errors import AllographError
from allograph.runtime import files
from allograph.runtime.files import atomic_write


def test_writes_bytes_and_makes_missing_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.bin"
    atomic_write(path, b"one")
    atomic_write(path, lambda file: file.write(b"two"))
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["file.bin"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, end: type[BaseException]) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def half(file: BinaryIO) -> None:
        file.write(b"ne")
        raise end

    with pytest.raises(end):
        atomic_write(path, half)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.bin"]


def test_a_full_disk_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    def full(file: BinaryIO) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(AllographError, match=r"^cannot write .*x\.png: the disk is full; free some space"):
        atomic_write(tmp_path / "x.png", full)
    assert os.listdir(tmp_path) == []


def test_without_overwrite_an_existing_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    atomic_write(path, b"old", overwrite=False)
    with pytest.raises(AllographError, match="exists already"):
        atomic_write(path, b"new", overwrite=False)

    # Another process takes the name while this one writes.
    other = tmp_path / "other.bin"
    with pytest.raises(AllographError, match="exists already"):
        atomic_write(other, lambda file: other.write_bytes(b"theirs"), overwrite=False)
    assert (path.read_bytes(), other.read_bytes()) == (b"old", b"theirs")
    assert sorted(os.listdir(tmp_path)) == ["file.bin", "other.bin"]


def test_a_folder_or_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AllographError, match="it is a folder"):
        atomic_write(tmp_path, b"x")
    with pytest.raises(AllographError, match=r"cannot write .*; "):
        atomic_write(tmp_path / "file" / "x", b"x")


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    atomic_write(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == plain.stat().st_mode


def test_the_bytes_are_on_the_disk_before_the_name_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    sync, rename, link = os.fsync, os.replace, os.link

    def note(step: str, call: Callable[..., None]) -> Callable[..., None]:
        def noted(*args: object) -> None:
            if step == "sync":
                assert os.fstat(args[0]).st_size == 5  # type: ignore[arg-type]  # flushed, not in Python's buffer still
            order.append(step)
            call(*args)

        return noted

    monkeypatch.setattr(os, "fsync", note("sync", sync))
    monkeypatch.setattr(os, "replace", note("name", rename))
    monkeypatch.setattr(os, "link", note("name", link))
    for overwrite in (True, False):
        order.clear()
        atomic_write(tmp_path / f"{overwrite}.bin", lambda file: file.write(b"whole"), overwrite=overwrite)
        assert order == ["sync", "name"]


_KILLED = """
import os, pathlib, signal, sys
from allograph.runtime.files import atomic_write
atomic_write(pathlib.Path(sys.argv[1]) / "x.bin", lambda file: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.skipif(os.name != "posix", reason="processes are looked up as POSIX does")
def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".allograph-")
    assert left.endswith(".tmp")
    machine, process = left.split("-")[1:3]
    others = {
        left.replace(process, str(os.getppid())),  # of a process that lives
        left.replace(machine, f"{int(machine, 16) ^ 1:08x}"),  # of another machine on a shared disk
        "notes.tmp",
    }
    mine = left.replace(process, str(os.getpid()))  # of an earlier process whose number is ours now
    for name in (*others, mine):
        (tmp_path / name).write_bytes(b"")
    atomic_write(tmp_path / "new.bin", b"")
    assert set(os.listdir(tmp_path)) == others | {"new.bin"}


def test_a_folder_is_swept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[object] = []
    scan = os.scandir
    monkeypatch.setattr(files.os, "scandir", lambda path: listed.append(path) or scan(path))
    for number in range(3):
        atomic_write(tmp_path / f"{number}.bin", b"")
    assert len(listed) == (os.name == "posix")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
def test_a_process_that_has_ended_unnoticed_is_no_more(tmp_path: Path) -> None:
    """As in a container whose first process does not ask about its children."""
    process = subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path)])
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    assert str(process.pid) in os.listdir(tmp_path)[0]
    atomic_write(tmp_path / "new.bin", b"")
    assert os.listdir(tmp_path) == ["new.bin"]
    process.wait()
