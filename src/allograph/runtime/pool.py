"""Background work by other processes: they render, encode and write files while the model makes the next drawings.
Processes, not threads: the work is in Python and numpy, where threads would wait for each other."""

from __future__ import annotations

__all__ = ["BackgroundPool", "end_with_caller"]

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import parent_process
from types import TracebackType
from typing import Self

from allograph.errors import AllographError

_TOGETHER = 4
"""Number of tasks that a process takes at once: few messages, but still work for each process at the end of a batch."""


class BackgroundPool:
    """A pool of ``workers`` other processes that does one batch of work at a time; a context manager.

    The processes start with the first batch. After an error, including Ctrl-C, they finish the tasks that they have and
    drop the rest. They end with the caller, however it ends.
    """

    def __init__(self, workers: int) -> None:
        self._pool = ProcessPoolExecutor(workers, initializer=_prepare)
        self._batch: list[Future[None]] = []
        self._done: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def begin(self, batch: Sequence[Callable[[], object]], done: Callable[[], None]) -> None:
        """Wait for the previous batch, start this one and return at once; `wait` will call `done`.

        The work is sent to another process, so it must be a module's function, or a `partial` of one with its
            arguments.
        """
        self.wait()
        parts = [batch[first : first + _TOGETHER] for first in range(0, len(batch), _TOGETHER)]
        with _lost_worker():
            self._batch, self._done = [self._pool.submit(_do, part) for part in parts], done

    def wait(self) -> None:
        """Wait for the batch and call its `done`; raises the first error of its work.

        Raises:
            AllographError: one of the processes was killed.
        """
        batch, done = self._batch, self._done
        self._batch, self._done = [], lambda: None
        with _lost_worker():
            for future in batch:
                future.result()
        done()


def _do(part: Sequence[Callable[[], object]]) -> None:
    for work in part:
        work()


def _prepare() -> None:
    """Prepares each of the other processes. A terminal sends Ctrl-C to all of them, but the caller decides what
    happens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_caller()


def end_with_caller() -> None:
    """From now on this process ends with the one that it works for, which cannot say goodbye if it is killed. The
    parent of this process may be a third one, a server that only forks."""
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    caller = parent_process()
    assert caller is not None
    caller.join()
    os._exit(1)


@contextmanager
def _lost_worker() -> Iterator[None]:
    try:
        yield
    except BrokenExecutor as error:
        raise AllographError(
            "a process that renders drawings ended, perhaps because memory ran out; run the same command again"
        ) from error
