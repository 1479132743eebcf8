"""The weights that ship: what a user gets, checked on real drawings that they have not been trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from allograph import load, weights
from allograph.data import ConceptDataset, Splits, fixed_pairs, load_dataset, split
from allograph.errors import AllographError
from allograph.evaluation import default_critic, drawings_of, from_exemplars
from allograph.evaluation.leakage import held_out_part
from allograph.evaluation.likelihood.estimate import evaluate_likelihood
from allograph.generation.generator import Writer


def shipped(name: str) -> Writer:
    if name not in weights.known_names():
        pytest.skip(f"the package holds no weights {name}")
    return load(name)


@pytest.fixture(scope="module", params=["omniglot", "omniglot-bending"])
def writer(request: pytest.FixtureRequest) -> Writer:
    return shipped(request.param)


@pytest.fixture(scope="module")
def splits(omniglot: ConceptDataset) -> Splits:
    return split(omniglot, "30-20")


@pytest.mark.slow
def test_the_weights_were_trained_on_the_background_alphabets_alone(writer: Writer, splits: Splits) -> None:
    assert writer.card["data"]["fingerprint"] == splits.train.fingerprint()
    assert writer.card["settings"]["data"]["split"] == "30-20"
    assert all(ancestor.get("split") == "30-20" for ancestor in writer.card["data"].get("ancestors", []))
    assert writer.model.config.image_size >= 50


@pytest.mark.slow
def test_the_default_weights_learned_from_all_alphabets_and_no_figure_of_omniglot_is_theirs(
    omniglot: ConceptDataset, splits: Splits, data_dir: Path
) -> None:
    writer, own = shipped(weights.DEFAULT), split(omniglot, "all")
    assert writer.card["data"]["fingerprint"] == own.train.fingerprint()
    assert [ancestor["split"] for ancestor in writer.card["data"]["ancestors"]] == ["30-20"] * 5
    for part in ("validation", "test"):
        with pytest.raises(AllographError, match="several splits of omniglot"):
            held_out_part(writer.card, "omniglot", part, data_dir=str(data_dir))
    size = writer.model.config.image_size
    result = from_exemplars(
        drawings_of(writer), own.validation, default_critic(), size=size, trials=3, setting="across"
    )
    assert result.ratio.recognizability.value > 0.85
    assert 0.8 < result.ratio.diversity.value < 1.25


def test_an_exemplar_lowers_the_free_energy_and_a_wrong_one_raises_it(writer: Writer, splits: Splits) -> None:
    size = writer.model.config.image_size
    result = evaluate_likelihood(writer.model, splits.validation, size=size, drawings=256, samples=1, bound_drawings=2)
    assert result.gain is not None and result.given is not None and result.wrong is not None
    assert result.gain.mean > 2 * result.gain.error > 0
    assert result.wrong.mean > result.given.free_energy.mean + 5


@pytest.mark.slow
def test_drawings_are_recognised_and_differ_as_real_ones_do(writer: Writer, splits: Splits) -> None:
    size = writer.model.config.image_size
    result = from_exemplars(drawings_of(writer), splits.validation, default_critic(), size=size, trials=3)
    assert result.ratio.recognizability.value > 0.85
    assert 0.8 < result.ratio.diversity.value < 1.25


def moved_by_latents(writer: Writer, splits: Splits, context: torch.Tensor | None, *, ink: bool = True) -> torch.Tensor:
    """The largest gradient of log p(x | z) with respect to each of z_1..z_T."""
    model, x = writer.model, fixed_pairs(splits.validation, writer.model.config.image_size, 4).target
    noise = model.noise(4, generator=torch.Generator().manual_seed(0))[:, None].requires_grad_()
    if ink:
        drawn = model.sample(context, noise=noise if context is not None else noise[:1])
        log_prob = model.likelihood.log_prob(drawn.parameters[:, 0], x[: len(drawn.parameters)]).sum()
    else:
        log_prob = model.infer(x, context, noise[:, 0], ink=torch.zeros(4, dtype=torch.bool)).log_likelihood.sum()
    return torch.autograd.grad(log_prob, noise)[0].abs().amax(dim=(0, 1, 3))


def test_every_latent_matters_with_an_exemplar_and_without(splits: Splits) -> None:
    writer = shipped(weights.DEFAULT)
    context = fixed_pairs(splits.validation, writer.model.config.image_size, 4).context
    for given in (context, None):
        assert (moved_by_latents(writer, splits, given) > 0).all()


def test_every_latent_matters_where_an_exemplar_is_bent(splits: Splits) -> None:
    """Of bending alone those of the bends."""
    writer = shipped("omniglot-bending")
    context = fixed_pairs(splits.validation, writer.model.config.image_size, 4).context
    for given, ink in ((context, True), (context, False), (None, True)):
        moved = moved_by_latents(writer, splits, given, ink=ink)
        used = writer.model.config.steps if ink else writer.model.config.bends
        assert (moved[:used] > 0).all()
        assert (moved[used:] == 0).all()


def test_a_writer_can_be_used_and_then_trained(writer: Writer) -> None:
    """Drawing happens in inference mode; nothing that it leaves behind may stand in training's way."""
    exemplar = torch.zeros(1, 1, 1, 52, 52)
    exemplar[..., 10:40, 25:27] = 1
    writer.draw(exemplar, writer.model.noise(2)[None])
    energy = writer.model.free_energy(exemplar[:, 0], exemplar).total.sum()
    energy.backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in writer.model.parameters())
    writer.model.zero_grad(set_to_none=True)


@pytest.fixture(scope="module", params=["omniglot-28-fewshot", weights.ALPHABETS])
def small(request: pytest.FixtureRequest) -> Writer:
    """Weights of the images of Generative Matching Networks."""
    return shipped(request.param)


@pytest.fixture(scope="module")
def small_splits(data_dir) -> Splits:
    return load_dataset("omniglot-28", data_dir, "30-20")


def test_the_small_weights_were_trained_on_the_background_alphabets_alone(small: Writer, small_splits: Splits) -> None:
    assert small.card["data"]["fingerprint"] == small_splits.train.fingerprint()
    assert small.card["settings"]["data"]["split"] == "30-20"


def test_the_small_weights_know_what_they_are_given(small: Writer, small_splits: Splits) -> None:
    """Exemplars of a symbol lower its free energy, more of them more; those of another symbol, or characters of another
    alphabet, raise it."""
    kind = small.card.exemplars
    result = evaluate_likelihood(
        small.model,
        small_splits.validation,
        size=28,
        contexts=(1, 5),
        exemplars=kind,
        drawings=256,
        samples=1,
        bound_drawings=2,
    )
    assert result.gain is not None and result.given is not None and result.wrong is not None
    if kind == "concept":
        assert result.gain.mean > 2 * result.gain.error > 0
        assert result.given.free_energy.mean < result.fewer[0].given.free_energy.mean
    assert result.wrong.mean > result.given.free_energy.mean + (15 if kind == "concept" else 0.2)


@pytest.mark.slow
def test_written_drawings_are_recognised_and_differ_as_real_ones_do(small_splits: Splits) -> None:
    """Not bent but written, stroke by stroke."""
    writer = shipped("omniglot-28-fewshot")
    result = from_exemplars(drawings_of(writer), small_splits.validation, default_critic(), size=28, trials=3)
    assert result.ratio.recognizability.value > 0.9
    assert 0.85 < result.ratio.diversity.value < 1.2
