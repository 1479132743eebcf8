"""Partial results of a measurement, kept in a hidden folder beside its record so that a stopped one can continue.

For the record DIR/NAME.json, DIR/.NAME-DIGEST/ holds the result of every finished part; DIGEST covers everything that
these results depend on. The folder is removed once the record is written.
"""

from __future__ import annotations

__all__ = ["resumable"]

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from allograph.runtime.distributed import Processes

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class _Resumable(Processes):
    """Processes that keep the results of the parts that they have spread, and compute no part twice."""

    folder: Path = Path()
    calls: Iterator[int] = field(default_factory=itertools.count)

    def spread(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """See `Processes.spread`. Results must be readable by `torch.load` without pickles: tensors, numbers, text, and
        tuples, lists and dictionaries of these."""
        call = next(self.calls)

        def resumed(place: int) -> R:
            path = self.folder / f"{call:03d}-{place:05d}-of-{len(items)}.pt"
            return _cached(path, lambda: work(items[place]))

        return super().spread(resumed, range(len(items)))


@contextmanager
def resumable(processes: Processes, record: Path, about: Mapping[str, Any]) -> Iterator[Processes]:
    """The same processes, which within this context keep results beside the path of ``record``, and reuse those of an
    earlier call with an equal ``about``.

    The results are deleted at the end of the context, unless it ends with an exception.
    """
    from importlib.metadata import version

    things = {**about, "versions": [version("allograph"), version("torch")]}
    digest = hashlib.sha256(json.dumps(things, sort_keys=True, default=str).encode()).hexdigest()[:16]
    folder = record.with_name(f".{record.stem}-{digest}")
    yield _Resumable(**asdict(processes), folder=folder)
    if processes.first:
        shutil.rmtree(folder, ignore_errors=True)


def _cached(path: Path, work: Callable[[], R]) -> R:
    import torch

    from allograph.runtime.files import atomic_write

    if path.exists():
        with suppress(Exception):  # a damaged result is computed again
            return torch.load(path, weights_only=True)
    result = work()
    atomic_write(path, lambda file: torch.save(result, file), overwrite=True)
    return result
