"""The likelihood table: what it says is what the model's own functions say."""

from __future__ import annotations

import json

import pytest
import torch

from allograph.config import model_from_config
from allograph.data import ConceptDataset, fixed_pairs
from allograph.evaluation.likelihood import Nats, evaluate_likelihood
from allograph.models import GenerativeModel, SequentialModel

SETTINGS = {"image_size": 20, "steps": 3, "bends": 2, "latent": 3, "hidden": 12, "patch": 6, "decision": 8}


@pytest.fixture(scope="module")
def model() -> SequentialModel:
    torch.manual_seed(0)
    return model_from_config({**SETTINGS, "encoder_width": 2, "embedding": 8, "control": 3, "field_size": 10}).eval()


def test_the_table_holds_what_the_model_says_of_the_same_pairs(model: SequentialModel, strokes: ConceptDataset) -> None:
    result = evaluate_likelihood(model, strokes, size=20, drawings=60, samples=7, bound_drawings=20, seed=3)
    pairs = fixed_pairs(strokes, 20, 60, seed=3)
    with torch.no_grad():
        energy = model.free_energy(pairs.target, pairs.context, generator=torch.Generator().manual_seed(3))
    # A new model has posterior = prior = N(0, I) and draws its latents from the generator's first numbers.
    assert result.free_energy.mean == pytest.approx(energy.total.mean().item(), rel=1e-5)
    assert result.free_energy.error == pytest.approx(energy.total.std().item() / 60**0.5, rel=1e-3)
    assert result.gain.mean == pytest.approx(result.free_energy_without.mean - result.free_energy.mean, rel=1e-5)
    assert len(result.kl) == 3
    assert result.drawings == 60
    assert result.bound_drawings == 20
    assert 1 <= result.effective_samples <= 7


def test_the_same_seed_gives_the_same_numbers(model: SequentialModel, strokes: ConceptDataset) -> None:
    one, two, other = (
        evaluate_likelihood(model, strokes, size=20, drawings=30, samples=2, bound_drawings=4, seed=seed).to_dict()
        for seed in (0, 0, 1)
    )
    for result in (one, two, other):
        del result["seconds"]
    assert one == two
    assert one["free_energy"] != other["free_energy"]
    assert json.loads(json.dumps(one)) == one


class BentCopies(GenerativeModel):
    """A model in which only bending is allowed, as a model of its own: p(x | x') of an untrained network is a copy."""

    def __init__(self, model: SequentialModel) -> None:
        super().__init__()
        self.inner = model

    def free_energy(self, x, context=None, *, generator=None):
        alone = torch.zeros(len(x), dtype=torch.bool)
        return self.inner.free_energy(x, context, ink=alone, generator=generator)

    def log_weights(self, x, context=None, *, samples, generator=None):
        return self.inner.log_weights(x, context, samples=samples, generator=generator)

    def sample(self, context=None, *, n=1, temperature=1.0, history=False, noise=None, generator=None):
        raise NotImplementedError


def test_a_right_exemplar_helps_and_a_wrong_one_does_not(model: SequentialModel, strokes: ConceptDataset) -> None:
    """Already before training the bent exemplar is a copy, and a drawing of the same symbol is nearer to it."""
    result = evaluate_likelihood(BentCopies(model), strokes, size=20, drawings=200, samples=1, bound_drawings=2)
    assert result.free_energy_wrong.mean > result.free_energy.mean + 3 * result.free_energy_wrong.error
    assert "gain by the exemplar" in result.table()


def test_a_mean_comes_with_its_standard_error() -> None:
    values = torch.tensor([1.0, 2.0, 3.0, 6.0])
    assert Nats.of(values) == Nats(3.0, pytest.approx(values.std().item() / 2))
    assert str(Nats(12.345, 0.678)) == "12.35 ± 0.68"
