"""A share of a batch is those rows of the batch: the same pictures, the same noise, and gradients for all weights."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import torch

from allograph.config import Preset, from_dict, override
from allograph.data import PairBatch, load_dataset
from allograph.runtime.distributed import Processes
from allograph.training.module import Batches, Fitting
from commands.family import KINDS, build


def some_pairs(channels: int, size: int, count: int = 5) -> PairBatch:
    generator = torch.Generator().manual_seed(0)
    drawings = (torch.rand(count, 3, channels, size, size, generator=generator) < 0.3).float()
    places = torch.zeros(count, dtype=torch.long)
    return PairBatch(drawings[:, 0], drawings[:, 1:], places, places, places[:, None].expand(-1, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_of_shares_have_the_free_energies_of_the_whole(kind: str) -> None:
    model = build(kind)
    fitting = Fitting(model, Preset(model=model.config))
    pairs = some_pairs(model.likelihood.channels, model.config.image_size)
    whole = fitting.free_energy(pairs, torch.Generator().manual_seed(1)).total
    for rank in range(2):
        share = Processes(rank, 2).share_of(len(pairs))
        part = fitting.free_energy(pairs.rows(share.rows), torch.Generator().manual_seed(1), share).total
        torch.testing.assert_close(part, whole[share.rows], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_takes_part_in_every_step(kind: str) -> None:
    """Or the processes would wait for its gradient for ever."""
    model = build(kind)
    pairs = some_pairs(model.likelihood.channels, model.config.image_size)
    fitting = Fitting(model, Preset(model=model.config))
    fitting.free_energy(pairs, torch.Generator().manual_seed(1)).total.mean().backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("words", [["images=grey", "binarisation=dynamic", "shift=1"], ["augment=false"]])
def test_the_pictures_of_shares_are_those_of_the_batch(letters: Path, preset: Path, words: list[str]) -> None:
    chosen = from_dict(Preset, override(tomllib.loads(preset.read_text()), [f"data.{word}" for word in words]))
    splits = load_dataset(letters, images="grey")
    whole = Batches(splits, chosen, True).source.batch(3)
    for rank in range(4):
        share = Processes(rank, 4).share_of(8)
        part = Batches(splits, chosen, True).source.batch(3, share)
        for one, other in zip(vars(part).values(), vars(whole.rows(share.rows)).values(), strict=True):
            assert torch.equal(one, other)
