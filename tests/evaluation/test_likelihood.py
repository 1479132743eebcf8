"""The likelihood table: what it says is what the model's own functions say."""

from __future__ import annotations

import json
import math
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from allograph.bounds import ImageNoise, importance_weighted_bound
from allograph.config import model_from_config
from allograph.data import ConceptDataset, fixed_pairs
from allograph.data.pictures import Pictures
from allograph.errors import AllographError
from allograph.evaluation.likelihood import estimate as likelihood
from allograph.evaluation.likelihood.estimate import evaluate_likelihood
from allograph.evaluation.likelihood.result import LikelihoodResult, Nats
from allograph.models import BendingModel, Drawings, GenerativeModel, Inference
from allograph.models.linear import LinearConfig, LinearModel
from evaluation.small import BENDING, untrained_bending

SEQUENTIAL = {"image_size": 8, "steps": 2, "latent": 2, "hidden": 8, "patch": 4, "decision": 4, "encoder_width": 2}


@pytest.fixture(scope="module")
def model() -> BendingModel:
    return untrained_bending()


@pytest.fixture(scope="module")
def linear() -> LinearModel:
    """Five latents of an 8 x 8 image, random; its posterior is exact, so every log weight is log p(x)."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = LinearModel(LinearConfig(image_size=8, latent=5)).eval()
        model.loading.normal_()
        model.tighten()
    return model


def pictures(count: int = 30, channels: int = 1) -> ConceptDataset:
    values = np.random.default_rng(0).integers(0, 256, (count, channels, 8, 8), dtype=np.uint8)
    return ConceptDataset.unlabelled("grey", Pictures(values))


def grey_model(**changes: Any) -> GenerativeModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return model_from_config({"kind": "sequential", **SEQUENTIAL, **changes}).eval()


def measure(model: GenerativeModel, dataset: ConceptDataset, size: int = 8, **changes: Any) -> LikelihoodResult:
    settings = {"samples": 3, "bound_drawings": 5, **changes}
    return evaluate_likelihood(model, dataset, size=size, **settings)


def test_the_table_holds_what_the_model_says_of_the_same_pairs(model: BendingModel, strokes: ConceptDataset) -> None:
    result = measure(model, strokes, 20, drawings=60, samples=7, bound_drawings=20, seed=3)
    pairs = fixed_pairs(strokes, 20, 60, seed=3)
    noise = ImageNoise(model.noise_shape, pairs.target, torch.Generator().manual_seed(3)).rows(range(60), 1)
    with torch.no_grad():
        energy = model.infer(pairs.target, pairs.context, noise).free_energy
        without = model.infer(pairs.target, None, noise).free_energy
    given = result.given
    assert given is not None
    assert given.free_energy.mean == pytest.approx(energy.total.mean().item(), rel=1e-5)
    assert given.free_energy.error == pytest.approx(energy.total.std().item() / 60**0.5, rel=1e-3)
    assert given.distortion.mean + given.kl.mean == pytest.approx(given.free_energy.mean)
    assert given.kl_per_step == pytest.approx(energy.kl.mean(dim=0).tolist(), rel=1e-4, abs=1e-6)
    assert result.without.free_energy.mean == pytest.approx(without.total.mean().item(), rel=1e-5)
    gain = without.total - energy.total
    assert result.gain is not None
    assert result.gain.mean == pytest.approx(gain.mean().item(), rel=1e-4)
    assert result.gain.error == pytest.approx(gain.std().item() / 60**0.5, rel=1e-3)
    bound = importance_weighted_bound(
        model, pairs.target[:20], pairs.context[:20], samples=7, generator=torch.Generator().manual_seed(3)
    )
    error = bound.value.std().item() / 20**0.5
    assert given.bound == Nats(pytest.approx(bound.value.mean().item(), rel=1e-6), pytest.approx(error, rel=1e-6))
    assert given.effective_samples == pytest.approx(bound.effective_samples.mean().item())
    assert (result.images, result.bound_images, result.contexts, result.binarisation) == (60, 20, 1, "binary")
    assert "gain by the exemplar" in result.table()


def test_the_figures_do_not_depend_on_the_memory_there_is(
    model: BendingModel, strokes: ConceptDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure(model, strokes, 20, drawings=30)
    monkeypatch.setattr(likelihood, "_ROWS", {"cpu": 14})
    parts = measure(model, strokes, 20, drawings=30)
    for one, other in ((whole.without, parts.without), (whole.given, parts.given)):
        assert one is not None and other is not None
        assert one.free_energy.mean == pytest.approx(other.free_energy.mean, rel=1e-5)
        assert one.bound.mean == pytest.approx(other.bound.mean, rel=1e-5)


def test_the_same_seed_gives_the_same_numbers(model: BendingModel, strokes: ConceptDataset) -> None:
    one, two, other = (measure(model, strokes, 20, drawings=30, seed=seed).to_dict() for seed in (0, 0, 1))
    for result in (one, two, other):
        del result["seconds"]
    assert one == two
    assert one["given"]["free_energy"] != other["given"]["free_energy"]
    assert json.loads(json.dumps(one, allow_nan=False)) == one


class BentCopies(GenerativeModel):
    """A model in which only bending is allowed, as a model of its own: p(x | x') of an untrained network is a copy."""

    def __init__(self, model: BendingModel) -> None:
        super().__init__()
        self.inner, self.likelihood, self.config = model, model.likelihood, model.config

    @property
    def noise_shape(self) -> tuple[int, int]:
        return self.inner.noise_shape

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor, *, ink: Tensor | None = None) -> Inference:
        return self.inner.infer(x, context, noise, ink=torch.zeros(len(x), dtype=torch.bool))

    def initialise(self, mean: Tensor) -> None:
        raise NotImplementedError

    def _draw(self, context: Tensor | None, noise: Tensor, **how: Any) -> Drawings:
        raise NotImplementedError


def test_a_right_exemplar_helps_and_a_wrong_one_does_not(model: BendingModel, strokes: ConceptDataset) -> None:
    """Already before training the bent exemplar is a copy, and a drawing of the same symbol is nearer to it."""
    result = measure(BentCopies(model), strokes, 20, drawings=200, samples=1, bound_drawings=2)
    assert result.given is not None and result.wrong is not None
    assert result.wrong.mean > result.given.free_energy.mean + 3 * result.wrong.error


@given(st.lists(st.integers(0, 4), min_size=2, max_size=40))
def test_a_wrong_exemplar_is_of_another_concept_and_serves_once(concepts: list[int]) -> None:
    concept = torch.tensor(concepts)
    others = likelihood._others(concept)
    if 2 * max(concepts.count(one) for one in concepts) > len(concepts):
        assert others is None
    else:
        assert others is not None
        assert (concept[others] != concept).all()
        assert sorted(others.tolist()) == list(range(len(concepts)))


def test_there_is_no_wrong_exemplar_where_all_are_of_one_concept(model: BendingModel, strokes: ConceptDataset) -> None:
    one = measure(model, strokes.select([0]), 20)
    assert one.wrong is None
    assert one.given is not None
    assert "another concept" not in one.table()
    assert "gain by the exemplar" in one.table()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_an_unconditional_model_is_measured_alone_and_meets_the_closed_form(
    linear: LinearModel, precision: Literal["float32", "float64"]
) -> None:
    dataset = pictures()
    result = measure(linear, dataset, precision=precision, samples=10, bound_drawings=30)
    x = fixed_pairs(dataset, 8, 30, contexts=0).target
    with torch.no_grad():
        exact = -linear.log_likelihood(x.double())
    assert result.given is result.wrong is result.gain is result.bound_gain is None
    assert (result.contexts, result.precision) == (0, precision)
    close = 1e-5 if precision == "float32" else 1e-7
    assert result.without.bound.mean == pytest.approx(exact.mean().item(), rel=close)
    assert result.without.effective_samples == pytest.approx(10, rel=1e-3)
    assert result.exact is not None
    assert result.exact.mean == pytest.approx(exact.mean().item(), rel=1e-7)
    assert "exact" in result.table()
    assert result.without.bits_per_dimension is None, "a density has none"
    assert "not dequantised" in result.note
    assert "exemplar" not in result.table()


def test_float32_and_float64_measure_the_same_latents(model: BendingModel, strokes: ConceptDataset) -> None:
    single, double = (
        measure(model, strokes, 20, drawings=20, precision=precision).without for precision in ("float32", "float64")
    )
    assert single.free_energy.mean == pytest.approx(double.free_energy.mean, rel=1e-5)
    assert single.bound.mean == pytest.approx(double.bound.mean, rel=1e-5)
    assert next(model.parameters()).dtype == torch.float32, "the model itself stays as it is"


def test_grey_images_are_no_likelihood_for_a_bernoulli_model_until_they_are_binarised() -> None:
    grey, black = (measure(grey_model(), pictures(), binarisation=how) for how in ("none", "threshold"))
    assert "cross entropy" in grey.note
    assert grey.note in grey.table()
    assert grey.without.bits_per_dimension is None
    assert (black.note, black.binarisation) == ("", "threshold")
    bits = black.without.bits_per_dimension
    assert bits is not None
    assert bits.mean == pytest.approx(black.without.bound.mean / (64 * math.log(2)))
    assert bits.error == pytest.approx(black.without.bound.error / (64 * math.log(2)))


@pytest.mark.parametrize("kind", ["categorical", "logistic", "logistic-mixture"])
def test_images_of_more_levels_than_the_model_knows_are_rounded_and_that_is_said(kind: str) -> None:
    all_levels, sixteen = (
        measure(grey_model(likelihood={"kind": kind, "levels": levels, "components": 2}), pictures())
        for levels in (256, 16)
    )
    assert all_levels.note == ""
    assert all_levels.without.bits_per_dimension is not None
    assert "16 levels" in sixteen.note
    assert sixteen.without.bits_per_dimension is None
    values = np.random.default_rng(0).integers(0, 16, (30, 1, 8, 8), dtype=np.uint8) * 17
    of_sixteen = ConceptDataset.unlabelled("grey", Pictures(values))
    whole = measure(grey_model(likelihood={"kind": kind, "levels": 16, "components": 2}), of_sixteen)
    assert whole.note == "", "nothing is rounded"


def test_the_density_of_a_gaussian_is_compared_with_densities_alone() -> None:
    result = measure(grey_model(likelihood={"kind": "gaussian"}), pictures())
    assert "only with densities of the same kind" in result.note
    assert result.without.bits_per_dimension is None


def test_dynamic_binarisation_belongs_to_the_seed() -> None:
    means = [
        measure(grey_model(), pictures(), binarisation="dynamic", seed=seed).without.bound.mean for seed in (0, 0, 1)
    ]
    assert means[0] == means[1] != means[2]


def test_colour_is_measured_in_bits_over_all_channels() -> None:
    colour = {"likelihood": {"kind": "logistic", "channels": 3}}
    result = measure(grey_model(**colour), pictures(channels=3))
    bits = result.without.bits_per_dimension
    assert bits is not None
    assert bits.mean == pytest.approx(result.without.bound.mean / (3 * 64 * math.log(2)))
    assert "3 colours" in result.table()
    with pytest.raises(AllographError, match="grey or black and white, but the model's images are in colour"):
        measure(grey_model(**colour), pictures())


def test_what_cannot_be_measured_is_refused(linear: LinearModel) -> None:
    with pytest.raises(AllographError, match="--contexts 0"):
        measure(linear, pictures(), contexts=1)
    with pytest.raises(AllographError, match="two images"):
        measure(linear, pictures(1))
    broken = LinearModel(linear.config)
    torch.nn.init.constant_(broken.mean, math.nan)
    with pytest.raises(AllographError, match="no finite likelihood"):
        measure(broken, pictures())


def test_the_progress_ends_at_its_total(model: BendingModel, strokes: ConceptDataset) -> None:
    seen: list[tuple[int, int]] = []
    measure(model, strokes, 20, drawings=10, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == 3 * 10 + 2 * 3 * 5
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_mean_comes_with_its_standard_error() -> None:
    values = torch.tensor([1.0, 2.0, 3.0, 6.0])
    assert Nats.of(values) == Nats(3.0, pytest.approx(values.std().item() / 2))
    assert str(Nats(12.345, 0.678)) == "12.35 ± 0.68"


def test_several_numbers_of_exemplars_are_one_table_on_the_same_images(
    model: BendingModel, strokes: ConceptDataset
) -> None:
    settings = {"drawings": 40, "samples": 3, "bound_drawings": 10, "seed": 2}
    result = measure(model, strokes, 20, contexts=(4, 0, 1, 2), **settings)
    assert result.contexts == 4 and [fewer.contexts for fewer in result.fewer] == [1, 2]
    for fewer in result.fewer:
        alone = measure(model, strokes, 20, contexts=fewer.contexts, **settings)
        assert not alone.fewer and alone.contexts == fewer.contexts
        assert alone.given is not None and alone.gain is not None
        assert fewer.given.free_energy.mean == pytest.approx(alone.given.free_energy.mean, rel=1e-5)
        assert fewer.given.bound.mean == pytest.approx(alone.given.bound.mean, rel=1e-5)
        assert fewer.gain.mean == pytest.approx(alone.gain.mean, rel=1e-3, abs=1e-3)
        assert alone.without.bound.mean == pytest.approx(result.without.bound.mean, rel=1e-5)
    rows = [line.split()[0] for line in result.table().splitlines()[3:7]]
    assert rows == ["0", "1", "2", "4"]
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["fewer"][1]["contexts"] == 2
    with pytest.raises(AllographError, match="takes numbers of 0 and more"):
        measure(model, strokes, 20, contexts=(1, -1))


@pytest.mark.parametrize("attention", ["none", "affine"])
def test_the_order_of_exemplars_does_not_matter(strokes: ConceptDataset, attention: str) -> None:
    sequential = {"kind": "sequential", **SEQUENTIAL, "image_size": 20, "context": True, "attention": attention}
    for table in (sequential, BENDING):
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            model = model_from_config(table).eval()
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        pairs = fixed_pairs(strokes, 20, 6, contexts=4)
        bounds = [
            importance_weighted_bound(
                model, pairs.target, pairs.context[:, order], samples=2, generator=torch.Generator().manual_seed(0)
            ).value
            for order in ([0, 1, 2, 3], [2, 0, 3, 1], [0, 1])
        ]
        torch.testing.assert_close(bounds[0], bounds[1], rtol=1e-4, atol=1e-3)
        assert not torch.isclose(bounds[0], bounds[2]).any(), "which exemplars they are does"


def test_a_new_symbol_is_measured_given_others_of_its_alphabet(model: BendingModel, strokes: ConceptDataset) -> None:
    result = measure(model, strokes, 20, samples=1, bound_drawings=5, contexts=3, exemplars="family")
    pairs = fixed_pairs(strokes, 20, 240, contexts=3, exemplars="family")
    noise = ImageNoise(model.noise_shape, pairs.target, torch.Generator().manual_seed(0)).rows(range(240), 1)
    with torch.no_grad():
        energy = model.infer(pairs.target, pairs.context, noise).free_energy.total
    assert result.given is not None and result.exemplars == "family"
    assert result.given.free_energy.mean == pytest.approx(energy.mean().item(), rel=1e-5)
    assert "given 3 others" in result.table() and "another family" in result.table()


def test_an_image_among_its_exemplars_is_said_to_be(model: BendingModel, strokes: ConceptDataset) -> None:
    """With repeats the figures are of the pairs that are drawn so, and the table says it."""
    result = measure(model, strokes, 20, samples=1, bound_drawings=5, contexts=[1, 3], exemplars="repeats")
    pairs = fixed_pairs(strokes, 20, 240, contexts=3, exemplars="repeats")
    noise = ImageNoise(model.noise_shape, pairs.target, torch.Generator().manual_seed(0)).rows(range(240), 1)
    with torch.no_grad():
        energy = model.infer(pairs.target, pairs.context, noise).free_energy.total
    assert result.given is not None and result.exemplars == "repeats"
    assert result.given.free_energy.mean == pytest.approx(energy.mean().item(), rel=1e-5)
    assert "drawn with replacement, itself among them" in result.table()
    assert "given 3 of another concept" in result.table()
