"""DRAW against its plain step-by-step reference, and what its error image is for."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch.testing import assert_close

from allograph.attention import AttentionKind
from allograph.likelihoods import LikelihoodConfig
from allograph.models import DrawConfig, DrawModel
from models.reference_sequential import ReferenceDraw
from models.small import small_draw, some_images, with_random_weights

each_attention = pytest.mark.parametrize("attention", get_args(AttentionKind))
each_encoder = pytest.mark.parametrize("error_image", [False, True])
COLOUR = LikelihoodConfig("gaussian", channels=3, scale=0.5)


def model_of(**parts: object) -> DrawModel:
    model = with_random_weights(small_draw(**parts))
    assert isinstance(model, DrawModel)
    return model


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@each_attention
@each_encoder
@pytest.mark.parametrize("likelihood", [LikelihoodConfig(), COLOUR], ids=["bernoulli", "colour"])
def test_free_energy_and_gradients_equal_the_step_by_step_reference(
    attention: AttentionKind, error_image: bool, likelihood: LikelihoodConfig
) -> None:
    model = model_of(attention=attention, error_image=error_image, likelihood=likelihood)
    x, noise = some_images(3, channels=likelihood.channels), model.noise(3, generator=generator(3))
    result = model.infer(x, None, noise).free_energy
    distortion, kl = ReferenceDraw(model).free_energy(x, noise)
    assert kl.shape == (3, 3)
    assert_close(result.distortion, distortion, rtol=1e-10, atol=1e-9)
    assert_close(result.kl, kl, rtol=1e-9, atol=1e-10)
    weights = dict(model.named_parameters())
    ours = torch.autograd.grad(result.total.mean(), list(weights.values()), materialize_grads=True)
    theirs = torch.autograd.grad((distortion + kl.sum(dim=1)).mean(), list(weights.values()), materialize_grads=True)
    for name, one, other in zip(weights, ours, theirs, strict=True):
        assert_close(one, other, rtol=1e-7, atol=1e-8, msg=lambda text, name=name: f"{name}: {text}")


@each_attention
def test_samples_equal_the_reference_at_every_step(attention: AttentionKind) -> None:
    model = model_of(attention=attention)
    noise = torch.randn(2, 2, 3, 2, generator=generator(5), dtype=torch.float64)
    drawings = model.sample(noise=noise, temperature=0.7, history=True)
    parameters, _ = ReferenceDraw(model).run(None, noise.flatten(0, 1), temperature=0.7)
    assert_close(drawings.canvases.flatten(0, 1), parameters, rtol=1e-9, atol=1e-10)
    last = model.sample(noise=noise, temperature=0.7)
    assert last.canvases.shape == drawings.canvases[:, :, -1:].shape
    assert_close(last.parameters, drawings.parameters)
    assert last.write_windows.shape == (2, 2, 3, 2, 3)
    assert last.read_windows.shape == (2, 2, 0, 2, 3)


@each_encoder
def test_only_with_its_error_image_does_the_canvas_feed_back_into_the_posterior(error_image: bool) -> None:
    model, x = model_of(error_image=error_image), some_images(3)
    noise = model.noise(3, generator=generator(3))
    before = model.infer(x, None, noise).posterior[0].mean
    with torch.no_grad():
        model.sprite.weight.mul_(2)
    after = model.infer(x, None, noise).posterior[0].mean
    assert torch.equal(before[:, 0], after[:, 0])  # nothing is written yet
    assert torch.equal(before, after) != error_image


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"latent": 0}, {"hidden": 0}, {"read_patch": 0}, {"patch": 0}])
def test_sizes_that_cannot_be_are_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} = "):
        DrawConfig(**wrong)  # type: ignore[arg-type]
