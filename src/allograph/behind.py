"""Work that threads do behind the caller: files are encoded and written while the model makes the next drawings."""

from __future__ import annotations

__all__ = ["Behind"]

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

_THREADS = 3
"""Two cores have one for the model and one for pictures; the third goes on while another waits for the disk."""


class Behind:
    """One batch of work at a time, done by threads; to be used as a context.

    On an error, Ctrl-C included, what has not begun is given up, and what has is brought to its end.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="allograph-behind")
        self._batch: list[Future[object]] = []
        self._done: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def begin(self, batch: Sequence[Callable[[], object]], done: Callable[[], None]) -> None:
        """Settle the batch before, then begin this one, and come back at once; `settle` will call `done`."""
        self.settle()
        self._batch, self._done = [self._pool.submit(work) for work in batch], done

    def settle(self) -> None:
        """Wait for the batch, and call its `done`; raises the first error of its work."""
        batch, done = self._batch, self._done
        self._batch, self._done = [], lambda: None
        for future in batch:
            future.result()
        done()
