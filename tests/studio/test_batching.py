"""What is asked together is drawn together; too much at once is refused with the time to come again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import allograph
from allograph.generation.generator import Writer
from allograph.generation.samples import SampleRequest
from allograph.studio import Limits, Shelf
from allograph.studio.batching import Batcher
from rounding import ORDERS, rounding_error
from studio.local import Local, drawing, exemplar, running


@pytest.fixture(scope="module")
def writer(model_files: dict[str, Path]) -> Writer:
    return allograph.load(model_files["bending"])


def test_a_batch_holds_what_each_would_have_had_alone(writer: Writer) -> None:
    exemplars = [writer.space.take_in(drawing(kind)) for kind in range(5)]
    wishes = [[SampleRequest((one,), seed=kind)] for kind, one in enumerate(exemplars)]
    wishes[2].append(SampleRequest((exemplars[2],), seed=2, start=16))

    async def together() -> tuple[list, Batcher]:
        batcher = Batcher(rows=64)
        try:
            return await asyncio.gather(*(batcher.draw(writer, own, 0.9) for own in wishes)), batcher
        finally:
            batcher.close()

    blocks, batcher = asyncio.run(together())
    assert batcher.jobs == 5
    assert batcher.batches == 2  # of four blocks at most
    for own, got in zip(wishes, blocks, strict=True):
        alone = writer.draw_batches(own, temperature=0.9, history=True)
        for wish, one, other in zip(own, alone, got, strict=True):
            canvases, windows = rounding_error(writer, wish, one, 0.9)
            np.testing.assert_allclose(other.canvases, one.canvases, rtol=0, atol=ORDERS * canvases)
            np.testing.assert_allclose(other.write_windows, one.write_windows, rtol=0, atol=ORDERS * windows)
            assert ORDERS * canvases < 0.05 * np.std(one.canvases), "rounding is small beside what is drawn"


def test_requests_of_different_kinds_do_not_meet(writer: Writer) -> None:
    one, two = (writer.space.take_in(drawing(kind)) for kind in range(2))

    async def all_at_once() -> list:
        batcher = Batcher(rows=640)
        try:
            return await asyncio.gather(
                batcher.draw(writer, [SampleRequest((one,))], 0.9),
                batcher.draw(writer, [SampleRequest((one, two))], 0.9),
                batcher.draw(writer, [SampleRequest(())], 0.9),
                batcher.draw(writer, [SampleRequest(()), SampleRequest((), 7)], 0.9),
                batcher.draw(writer, [SampleRequest((one,))], 0.3),
            )
        finally:
            batcher.close()

    first, both, nothing, twice, cold = asyncio.run(all_at_once())
    assert not np.allclose(first[0].canvases, both[0].canvases)
    assert not np.allclose(first[0].canvases, cold[0].canvases)
    error, _ = rounding_error(writer, SampleRequest(()), nothing[0], 0.9)
    np.testing.assert_allclose(nothing[0].canvases, twice[0].canvases, rtol=0, atol=ORDERS * error)
    assert not np.allclose(twice[0].canvases, twice[1].canvases)


def test_a_client_that_left_is_passed_over_and_an_error_harms_no_other_batch(writer: Writer) -> None:
    exemplar_ = writer.space.take_in(drawing())
    misshapen = replace(exemplar_, drawing=exemplar_.drawing[:, :-1])

    async def scene() -> None:
        batcher = Batcher(rows=16)
        try:
            busy = asyncio.ensure_future(batcher.draw(writer, [SampleRequest((exemplar_,))], 0.9))
            left = asyncio.ensure_future(batcher.draw(writer, [SampleRequest((exemplar_,))], 0.9))
            await asyncio.sleep(0)
            left.cancel()
            broken = asyncio.ensure_future(batcher.draw(writer, [SampleRequest((misshapen,))], 0.5))
            fine = asyncio.ensure_future(batcher.draw(writer, [SampleRequest((exemplar_,))], 0.7))
            assert len(await busy) == 1
            with pytest.raises(TypeCheckError):
                await broken
            assert len(await fine) == 1
            assert batcher.jobs == 3
        finally:
            batcher.close()

    asyncio.run(scene())


def test_requests_at_once_share_batches_and_the_rest_is_sent_away(shelf: Shelf) -> None:
    with running(shelf, Limits(waiting=12)) as server:
        # The exemplars are known before, so that the requests reach the model together.
        asked = [{"exemplars": [exemplar(kind)], "n": 4} for kind in range(40)]
        for one in asked:
            assert server.post("write", one).status == 200
        before = server.app.state.desk.batcher.batches, server.app.state.desk.batcher.jobs
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda one: server.post("write", one), asked))
        batches = server.app.state.desk.batcher.batches - before[0]
        jobs = server.app.state.desk.batcher.jobs - before[1]
        assert {answer.status for answer in answers} <= {200, 503}
        assert jobs == sum(answer.status == 200 for answer in answers) >= 12
        assert batches < jobs
        for answer in answers:
            if answer.status == 503:
                assert int(answer.headers["retry-after"]) >= 1
                assert "try again" in answer.json["error"]
        assert server.post("write", asked[0]).status == 200


def test_a_model_is_loaded_when_it_is_first_named(server: Local) -> None:
    shelf = server.app.state.desk.shelf
    assert shelf.writer("draw") is shelf.writer("draw")
    assert shelf.writer() is shelf.writer("bending")
