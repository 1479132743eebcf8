"""Dynamic batching: requests that arrive while the model is busy go through it together in the next batch."""

from __future__ import annotations

__all__ = ["Batcher"]

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from allograph.generation.generator import Writer
from allograph.generation.samples import BATCH_SIZE, SampleBatch, SampleRequest

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Job:
    """What one client asked for; jobs with equal keys can share a batch."""

    writer: Writer
    wishes: tuple[SampleRequest, ...]
    temperature: float
    result: asyncio.Future[list[SampleBatch]]

    @property
    def key(self) -> tuple[object, ...]:
        return self.writer.sha256, len(self.wishes[0].exemplars), self.temperature


class Batcher:
    """Runs all models in one thread, a batch at a time. An idle server answers at once, a busy one in larger batches.

    Args:
        batch_size: drawings in one batch at most, unless a single client asks for more.
    """

    def __init__(self, batch_size: int) -> None:
        self._max_blocks = max(1, batch_size // BATCH_SIZE)
        self._waiting: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="allograph-model")
        self._worker: asyncio.Task[None] | None = None

    async def draw(self, writer: Writer, wishes: Sequence[SampleRequest], temperature: float) -> list[SampleBatch]:
        """The block of each request, with the canvas after every step."""
        job = _Job(writer, tuple(wishes), temperature, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await job.result

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run other work for a model between two batches."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        while batch := self._next_batch():
            try:
                blocks = iter(await self.run(lambda batch=batch: _draw(batch)))
                results = [[next(blocks) for _ in job.wishes] for job in batch]
            except Exception as error:
                for job in batch:
                    if not job.result.done():
                        job.result.set_exception(error)
                continue
            for job, result in zip(batch, results, strict=True):
                if not job.result.done():
                    job.result.set_result(result)

    def _next_batch(self) -> list[_Job]:
        """The oldest job and those that can share its batch, as many as fit. Cancelled jobs are dropped."""
        batch: list[_Job] = []
        later: deque[_Job] = deque()
        count = 0
        for job in self._waiting:
            if job.result.done():
                continue
            if not batch or (job.key == batch[0].key and count + len(job.wishes) <= self._max_blocks):
                batch.append(job)
                count += len(job.wishes)
            else:
                later.append(job)
        self._waiting = later
        return batch


def _draw(batch: Sequence[_Job]) -> list[SampleBatch]:
    wishes = [wish for job in batch for wish in job.wishes]
    return batch[0].writer.draw_batches(wishes, temperature=batch[0].temperature, history=True)
