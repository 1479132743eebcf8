"""Work behind the caller: done in batches, given up on an error, never lost in silence."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from allograph.behind import Behind


def appending(done: list[int], number: int) -> Callable[[], None]:
    return lambda: done.append(number)


def test_a_batch_is_whole_before_it_is_said_to_be_done() -> None:
    written: list[int] = []
    said: list[int] = []
    with Behind() as behind:
        for batch in range(3):
            works = [appending(written, 10 * batch + k) for k in range(10)]
            behind.begin(works, lambda: said.append(len(written)))
            assert len(said) == batch  # of the batches before, not of this one
        behind.settle()
        behind.settle()  # nothing is done twice
    assert said == [10, 20, 30]
    assert sorted(written) == list(range(30))


def test_the_caller_goes_on_meanwhile() -> None:
    held, went_on = threading.Event(), []
    with Behind() as behind:
        behind.begin([lambda: went_on.append(held.wait(10))], lambda: None)
        held.set()  # too late if `begin` waited
        behind.settle()
    assert went_on == [True]


def test_an_error_of_the_work_is_the_callers_and_the_batch_is_not_done() -> None:
    def broken() -> None:
        raise OSError("no space")

    said: list[str] = []
    with pytest.raises(OSError, match="no space"), Behind() as behind:
        behind.begin([broken, *[lambda: None] * 5], lambda: said.append("done"))
        behind.settle()
    assert said == []


def test_ctrl_c_ends_what_has_begun_and_gives_up_the_rest() -> None:
    begun, ended, free, first = [], [], threading.Event(), threading.Event()

    def work() -> None:
        begun.append(1)
        first.set()
        free.wait(10)
        ended.append(1)

    def stop() -> None:
        with Behind() as behind:
            behind.begin([work] * 50, lambda: None)
            assert first.wait(10)
            threading.Timer(0.5, free.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert 0 < len(begun) == len(ended) < 50
