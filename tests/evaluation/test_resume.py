"""A measurement that was stopped goes on: with nothing measured twice, and nothing of another measurement."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from allograph.data import ConceptDataset
from allograph.evaluation import evaluate_likelihood
from allograph.evaluation.likelihood.result import LikelihoodResult
from allograph.evaluation.resume import resumable
from allograph.models import BendingModel
from allograph.runtime.distributed import ALONE, Processes
from commands.family import small_bending


def squares(numbers: list[int], processes: Processes, asked: list[int], stop_at: int | None = None) -> list[int]:
    def square(number: int) -> int:
        if number == stop_at:
            raise KeyboardInterrupt
        asked.append(number)
        return number**2

    return processes.spread(square, numbers)


def test_nothing_is_asked_for_twice(tmp_path: Path) -> None:
    asked: list[int] = []
    with pytest.raises(KeyboardInterrupt), resumable(ALONE, tmp_path / "one.json", {"seed": 0}) as processes:
        assert squares([5, 6], processes, asked) == [25, 36]
        squares([5, 6, 7, 8], processes, asked, stop_at=7)
    assert asked == [5, 6, 5, 6]
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith(".one-")
    next(folder.glob("001-00001-*")).write_bytes(b"torn")
    with resumable(ALONE, tmp_path / "one.json", {"seed": 0}) as processes:
        assert squares([5, 6], processes, asked) == [25, 36]
        assert squares([5, 6, 7, 8], processes, asked) == [25, 36, 49, 64]
    assert asked == [5, 6, 5, 6, 6, 7, 8]
    assert not list(tmp_path.iterdir())


def test_what_another_measurement_found_is_not_taken(tmp_path: Path) -> None:
    asked: list[int] = []
    with pytest.raises(KeyboardInterrupt), resumable(ALONE, tmp_path / "one.json", {"seed": 0}) as processes:
        squares([5, 6], processes, asked, stop_at=6)
    with resumable(ALONE, tmp_path / "one.json", {"seed": 1}) as processes:
        squares([5, 6], processes, asked)
    with resumable(ALONE, tmp_path / "other.json", {"seed": 0}) as processes:
        squares([5, 6], processes, asked)
    assert asked == [5, 5, 6, 5, 6]
    with resumable(ALONE, tmp_path / "one.json", {"seed": 0}) as processes:
        squares([5, 6], processes, asked)
    assert asked == [5, 5, 6, 5, 6, 6]


def test_a_likelihood_that_was_stopped_is_that_of_one_that_was_not(strokes: ConceptDataset, tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BendingModel(small_bending()).eval()
    calls: list[int] = []

    def measure(processes: Processes, stop_after: int | None = None) -> LikelihoodResult:
        def progress(done: int, total: int) -> None:
            if len(calls) == stop_after:
                raise KeyboardInterrupt
            calls.append(done)

        result = evaluate_likelihood(
            model,
            strokes,
            size=model.config.image_size,
            drawings=200,
            samples=100,
            bound_drawings=12,
            progress=progress,
            processes=processes,
        )
        return dataclasses.replace(result, seconds=0.0)

    whole = measure(ALONE)
    parts = len(calls)
    calls.clear()
    with pytest.raises(KeyboardInterrupt), resumable(ALONE, tmp_path / "one.json", {}) as processes:
        measure(processes, stop_after=5)
    calls.clear()
    with resumable(ALONE, tmp_path / "one.json", {}) as processes:
        assert measure(processes) == whole
    assert len(calls) == parts - 5
