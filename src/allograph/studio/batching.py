"""One model, many clients: what they ask for together goes through the model in one batch."""

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
    """What one client asked for; jobs whose `kind` is equal can share a batch."""

    writer: Writer
    wishes: tuple[SampleRequest, ...]
    temperature: float
    done: asyncio.Future[list[SampleBatch]]

    @property
    def kind(self) -> tuple[object, ...]:
        return self.writer.sha256, len(self.wishes[0].exemplars), self.temperature


class Batcher:
    """A thread of its own for the models, which are busy one batch at a time.

    While a batch is in the model, what comes in the meantime waits, and goes into the next one together: an idle server
    answers at once, a busy one in larger batches.

    Args:
        rows: drawings in one batch, at most (one client's may be more).
    """

    def __init__(self, rows: int) -> None:
        self._most = max(1, rows // BATCH_SIZE)
        self._waiting: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="allograph-model")
        self._working: asyncio.Task[None] | None = None
        self.batches = self.jobs = 0

    async def draw(self, writer: Writer, wishes: Sequence[SampleRequest], temperature: float) -> list[SampleBatch]:
        """The block of each wish, with every step's canvas."""
        job = _Job(writer, tuple(wishes), temperature, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await job.done

    async def run(self, work: Callable[[], Result]) -> Result:
        """Something else that a model does, between two batches."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        while self._waiting:
            batch = self._next_batch()
            if not batch:
                continue
            first = batch[0]
            wishes = [wish for job in batch for wish in job.wishes]
            self.batches, self.jobs = self.batches + 1, self.jobs + len(batch)

            def draw(first: _Job = first, wishes: list[SampleRequest] = wishes) -> list[SampleBatch]:
                return first.writer.draw_batches(wishes, temperature=first.temperature, history=True)

            try:
                blocks = iter(await self.run(draw))
            except Exception as error:
                for job in batch:
                    if not job.done.done():
                        job.done.set_exception(error)
                continue
            for job in batch:
                own = [next(blocks) for _ in job.wishes]
                if not job.done.done():
                    job.done.set_result(own)

    def _next_batch(self) -> list[_Job]:
        """The job that waits longest and those of its kind, as many as fit, without those nobody waits for any more."""
        batch: list[_Job] = []
        left: deque[_Job] = deque()
        count = 0
        for job in self._waiting:
            if job.done.done():
                continue
            if not batch or (job.kind == batch[0].kind and count + len(job.wishes) <= self._most):
                batch.append(job)
                count += len(job.wishes)
            else:
                left.append(job)
        self._waiting = left
        return batch
