"""Requests that arrive together share batches; too many at once are told when to try again."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import allograph
from allograph.generation.generator import Writer
from allograph.generation.samples import SampleBatch, SampleRequest
from allograph.studio import Limits, ModelRegistry
from allograph.studio.batching import Batcher
from rounding import ORDERS, rounding_error
from studio.live_server import drawing, exemplar, running


@dataclass(frozen=True)
class CountingWriter(Writer):
    """A writer that notes how many requests each batch holds."""

    batches: list[int] = field(default_factory=list)

    def draw_batches(self, wishes: Sequence[SampleRequest], **options: Any) -> list[SampleBatch]:
        self.batches.append(len(wishes))
        return super().draw_batches(wishes, **options)


@pytest.fixture
def writer(model_files: dict[str, Path]) -> CountingWriter:
    loaded = allograph.load(model_files["bending"])
    return CountingWriter(loaded.model, loaded.card, loaded.sha256)


def test_a_batch_holds_what_each_would_have_had_alone(writer: CountingWriter) -> None:
    exemplars = [writer.space.preprocess(drawing(kind)) for kind in range(5)]
    wishes = [[SampleRequest((one,), seed=kind)] for kind, one in enumerate(exemplars)]
    wishes[2].append(SampleRequest((exemplars[2],), seed=2, start=16))

    async def together() -> list[list[SampleBatch]]:
        batcher = Batcher(batch_size=64)
        try:
            return await asyncio.gather(*(batcher.draw(writer, own, 0.9) for own in wishes))
        finally:
            batcher.close()

    blocks = asyncio.run(together())
    assert sum(writer.batches) == 6
    assert 1 < max(writer.batches) <= 4, "four blocks of sixteen drawings at most"
    for own, got in zip(wishes, blocks, strict=True):
        alone = writer.draw_batches(own, temperature=0.9, history=True)
        for wish, one, other in zip(own, alone, got, strict=True):
            canvases, windows = rounding_error(writer, wish, one, 0.9)
            np.testing.assert_allclose(other.canvases, one.canvases, rtol=0, atol=ORDERS * canvases)
            np.testing.assert_allclose(other.write_windows, one.write_windows, rtol=0, atol=ORDERS * windows)
            assert ORDERS * canvases < 0.05 * np.std(one.canvases), "rounding is small beside what is drawn"


def test_requests_of_different_kinds_do_not_meet(writer: CountingWriter) -> None:
    one, two = (writer.space.preprocess(drawing(kind)) for kind in range(2))

    async def all_at_once() -> list:
        batcher = Batcher(batch_size=640)
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


def test_a_client_that_left_is_passed_over_and_an_error_harms_no_other_batch(writer: CountingWriter) -> None:
    exemplar_ = writer.space.preprocess(drawing())
    misshapen = replace(exemplar_, drawing=exemplar_.drawing[:, :-1])

    async def scene() -> None:
        batcher = Batcher(batch_size=16)
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
            assert len(writer.batches) == 3, "nothing is drawn for the client that left"
        finally:
            batcher.close()

    asyncio.run(scene())


@pytest.mark.slow
def test_too_many_requests_at_once_are_sent_away_and_the_rest_answered(registry: ModelRegistry) -> None:
    with running(registry, Limits(pending_requests=12)) as server:
        # The exemplars are known before, so that the requests reach the model together.
        asked = [{"exemplars": [exemplar(kind)], "n": 4} for kind in range(40)]
        alone = [server.post("write", one) for one in asked]
        assert {answer.status for answer in alone} == {200}
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda one: server.post("write", one), asked))
        assert {answer.status for answer in answers} <= {200, 503}
        assert sum(answer.status == 200 for answer in answers) >= 12
        for answer, before in zip(answers, alone, strict=True):
            if answer.status == 200:
                assert answer.json["drawing_set"] == before.json["drawing_set"]
            else:
                assert int(answer.headers["retry-after"]) >= 1
                assert "try again" in answer.json["error"]
        assert server.post("write", asked[0]).status == 200


def test_clients_that_leave_take_no_place(registry: ModelRegistry) -> None:
    with running(registry, Limits(pending_requests=2)) as server:
        asked = {"exemplars": [exemplar(31)], "n": 64}
        for seed in range(6):
            body = json.dumps({**asked, "seed": seed}).encode()
            with socket.create_connection((server.address.host, server.address.port)) as client:
                head = "POST /api/write HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                time.sleep(0.05)
        deadline = time.monotonic() + 30
        while (answer := server.post("write", asked)).status == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert answer.status == 200


def test_a_model_is_loaded_once(registry: ModelRegistry) -> None:
    assert registry.writer("draw") is registry.writer("draw")
    assert registry.writer() is registry.writer("bending")
