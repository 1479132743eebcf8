"""The embedding that measures diversity: its loss, that it sees no label, and that copies have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from allograph import AllographError
from allograph.data import ConceptDataset
from allograph.evaluation import CriticConfig, SimCLRTraining, default_embedding, train_simclr
from allograph.evaluation.critics.critic import varied
from allograph.evaluation.critics.simclr import contrastive_loss

SMALL = CriticConfig(size=16, widths=(8, 16))
SHORT = SimCLRTraining(steps=8, images=24, hidden=16, projection=8, seed=3)


def test_the_loss_is_nt_xent() -> None:
    one, other = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    views = [*one, *other]
    terms = []
    for i, view in enumerate(views):
        alike = {j: torch.cosine_similarity(view, views[j], dim=0) / 0.3 for j in range(10) if j != i}
        terms.append(-(alike[(i + 5) % 10] - torch.stack(list(alike.values())).logsumexp(0)))
    loss, accuracy = contrastive_loss(one, other, 0.3)
    assert torch.allclose(loss, torch.stack(terms).mean(), atol=1e-5)
    assert 0 <= accuracy <= 1
    assert contrastive_loss(one, one.clone(), 0.05)[1] == 1


def test_it_learns_without_labels_and_repeats(symbols: ConceptDataset) -> None:
    seen: list[float] = []
    before = torch.random.get_rng_state()
    train_simclr(symbols, replace(SHORT, steps=100), SMALL, report=lambda step, loss, accuracy: seen.append(accuracy))
    assert seen[-1] > 4 / 47
    again, other, unlabelled = (
        train_simclr(data, replace(SHORT, seed=seed), SMALL)
        for data, seed in (
            (symbols, 3),
            (symbols, 4),
            (replace(symbols, concept=np.random.default_rng(0).permutation(symbols.concept)), 3),
        )
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    first = train_simclr(symbols, SHORT, SMALL)
    assert first.fingerprint == again.fingerprint == unlabelled.fingerprint != other.fingerprint
    assert not first.training
    assert first.card["kind"] == "SimCLR"
    assert first.card["data_fingerprint"] == symbols.fingerprint()


def test_a_crop_shows_a_part_and_none_leaves_views_as_they_were(symbols: ConceptDataset) -> None:
    drawings = torch.zeros(40, 1, 32, 32)
    drawings[..., 8:24, 8:24] = 1
    plain, whole, part = (
        varied(drawings, torch.zeros(40), 32, torch.Generator().manual_seed(1), *crop) for crop in ((), (1.0,), (0.3,))
    )
    assert torch.equal(plain, whole)
    assert part.mean((1, 2, 3)).std() > 2 * plain.mean((1, 2, 3)).std()


def test_too_few_drawings_is_one_clear_line(symbols: ConceptDataset) -> None:
    with pytest.raises(AllographError, match="has 800 drawings, but a batch 900"):
        train_simclr(symbols, replace(SHORT, images=900), SMALL)


def test_what_ships_is_a_simclr_of_the_training_alphabets() -> None:
    embedding = default_embedding()
    assert embedding.card["kind"] == "SimCLR"
    assert embedding.card["characters"] == 868
    assert embedding.fingerprint == default_embedding().fingerprint
    assert not embedding.training
