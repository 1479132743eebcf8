"""The sequential model against its plain reference, and the invariants that any correct one keeps."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from allograph.bounds import importance_weighted_bound
from allograph.models import SequentialModel
from models.reference import ReferenceSequential
from models.small import small_config, small_model


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---------------------------------------------------------------- batched = step by step (invariant 8)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_free_energy_equals_the_step_by_step_reference(
    model: SequentialModel, images: Tensor, context: Tensor, count: int
) -> None:
    shown = context[:, :count] if count else None
    blank = torch.zeros_like(context[:, :1])
    result = model.free_energy(images, shown, generator=generator(3))
    noise = model.noise(len(images), generator=generator(3))
    distortion, kl = ReferenceSequential(model).free_energy(images, blank if shown is None else shown, noise)
    torch.testing.assert_close(result.distortion, distortion, rtol=1e-11, atol=1e-9)
    torch.testing.assert_close(result.kl, kl, rtol=1e-10, atol=1e-11)


def test_gradients_equal_those_of_the_reference(model: SequentialModel, images: Tensor, context: Tensor) -> None:
    shared = [p for name, p in model.named_parameters() if not name.startswith("core.")]  # the LSTMCell has copies
    result = model.free_energy(images, context, generator=generator(3)).total.mean()
    ours = torch.autograd.grad(result, shared)
    distortion, kl = ReferenceSequential(model).free_energy(images, context, model.noise(6, generator=generator(3)))
    theirs = torch.autograd.grad((distortion + kl.sum(dim=1)).mean(), shared)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-9)


def test_samples_equal_the_reference_at_every_step(model: SequentialModel, context: Tensor) -> None:
    noise = torch.randn(6, 3, 4, 3, generator=generator(5), dtype=torch.float64)
    drawings = model.sample(context, noise=noise, temperature=0.7, history=True)
    logits, _, _ = ReferenceSequential(model).run(
        None, context.repeat_interleave(3, dim=0), noise.flatten(0, 1), temperature=0.7
    )
    torch.testing.assert_close(drawings.canvases.flatten(0, 1), logits, rtol=1e-10, atol=1e-10)
    last = model.sample(context, noise=noise, temperature=0.7)
    assert last.canvases.shape == (6, 3, 1, 1, 9, 9)
    torch.testing.assert_close(last.logits, drawings.logits, rtol=1e-12, atol=1e-12)


# ---------------------------------------------------------------- KL and bounds (invariants 1, 4, 5)


def test_kl_is_zero_where_the_posterior_is_the_prior(images: Tensor) -> None:
    model = small_model(prior="standard")
    with torch.no_grad():
        model.posterior.output.weight.zero_()
        model.posterior.output.bias.zero_()
    kl = model.free_energy(images, generator=generator()).kl
    assert kl.shape == (6, 4)
    assert torch.equal(kl, torch.zeros_like(kl))


def test_mean_log_weight_is_minus_the_free_energy(model: SequentialModel, images: Tensor, context: Tensor) -> None:
    """The sampled log ratio meets the analytic KL, summed over all T and all latent dimensions."""
    draws = 4000
    with torch.no_grad():
        sampled = -model.log_weights(images[:2], context[:2], samples=draws, generator=generator(1))
        many_x, many_c = images[:2].repeat_interleave(draws, 0), context[:2].repeat_interleave(draws, 0)
        analytic = model.free_energy(many_x, many_c, generator=generator(2)).total.unflatten(0, (2, draws)).T
    error = (sampled.var(dim=0) / draws + analytic.var(dim=0) / draws).sqrt()
    assert ((sampled.mean(dim=0) - analytic.mean(dim=0)).abs() < 4 * error).all()


def test_the_bound_does_not_rise_with_more_samples(model: SequentialModel, images: Tensor) -> None:
    values = []
    for samples in (1, 5, 50):
        bounds = [
            importance_weighted_bound(model, images, samples=samples, generator=generator(seed)).value.mean()
            for seed in range(12)
        ]
        values.append(torch.stack(bounds).mean())
    assert values[0] > values[1] > values[2]


def test_probabilities_of_all_tiny_images_sum_to_one() -> None:
    """p(x) of all 2^4 images of 2 x 2 pixels, each by importance sampling with the posterior of that image."""
    draws = 10_000
    model = small_model(image_size=2, patch=3, steps=2, bends=1, latent=2, field_size=3)
    with torch.no_grad():
        # A posterior a little wider than the prior keeps the weights bounded, so the estimate's error is honest.
        model.posterior.output.weight.mul_(0.2)
        model.prior.output.weight.mul_(0.2)
        model.posterior.output.bias[model.config.latent :] = 0.3
        model.prior.output.bias.zero_()
        everything = ((torch.arange(16)[:, None] >> torch.arange(4)) & 1).double().view(16, 1, 2, 2)
        context = everything[torch.tensor([9])].expand(16, 1, 1, 2, 2)
        weights = model.log_weights(everything, context, samples=draws, generator=generator()).exp()
    error = (weights.var(dim=0) / draws).sum().sqrt()
    assert error < 0.025
    assert abs(weights.mean(dim=0).sum() - 1) < 4 * error


# ---------------------------------------------------------------- latents matter, context matters (invariants 2, 6)


def test_every_latent_moves_the_drawing(model: SequentialModel, images: Tensor, context: Tensor) -> None:
    """The gradient of log p(x | z) with respect to z_1..z_T, the last included: through the noise, at given scales."""
    noise = torch.randn(6, 1, 4, 3, generator=generator(), dtype=torch.float64).requires_grad_()
    drawings = model.sample(context, noise=noise)
    log_prob = model.likelihood.log_prob(drawings.logits[:, 0], images).sum()
    (gradient,) = torch.autograd.grad(log_prob, noise)
    assert (gradient.abs().amax(dim=(0, 1)) > 1e-6).all()


def test_sampling_without_context_depends_on_noise_alone(model: SequentialModel, context: Tensor) -> None:
    noise = model.noise(3, generator=generator(9))[None]
    without = model.sample(None, noise=noise)
    blank = model.sample(torch.zeros_like(context[:1, :1]), noise=noise)
    assert torch.equal(without.logits, blank.logits)
    shown = model.sample(context[:1], noise=noise)
    assert (shown.logits - without.logits).abs().max() > 1e-3


def test_the_order_of_exemplars_does_not_matter(model: SequentialModel, images: Tensor, context: Tensor) -> None:
    one = model.free_energy(images, context, generator=generator()).total
    two = model.free_energy(images, context.flip(1), generator=generator()).total
    torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-10)


def test_images_of_a_batch_do_not_mix(model: SequentialModel, images: Tensor, context: Tensor) -> None:
    whole = model.free_energy(images, context, generator=generator(4)).total
    changed = images.clone()
    changed[3:] = 1 - changed[3:]
    other = model.free_energy(changed, context, generator=generator(4)).total
    torch.testing.assert_close(whole[:3], other[:3], rtol=1e-12, atol=1e-10)
    assert ((whole - other)[3:].abs() > 1e-3).all()


def test_temperature_zero_draws_the_same_thing_each_time(model: SequentialModel, context: Tensor) -> None:
    cold = model.sample(context, n=4, temperature=0.0, generator=generator()).logits
    warm = model.sample(context, n=4, temperature=1.0, generator=generator()).logits
    torch.testing.assert_close(cold, cold[:, :1].expand_as(cold), rtol=1e-12, atol=1e-12)
    assert warm.std(dim=1).max() > 1e-3


def test_a_new_model_begins_as_a_copy_with_no_information_in_the_latents(images: Tensor) -> None:
    model = SequentialModel(small_config(bells=(1.0,))).double()
    alone = torch.zeros(6, dtype=torch.bool)
    own = model.free_energy(images, images[:, None], ink=alone, generator=generator())
    other = model.free_energy(images, images.roll(1, dims=0)[:, None], ink=alone, generator=generator())
    assert own.kl.abs().max() < 1e-12
    assert own.distortion.mean() < other.distortion.mean() - 5


def test_bending_alone_writes_no_ink_beside_an_exemplar_and_pays_for_none(images: Tensor, context: Tensor) -> None:
    model = small_model()
    noise = torch.randn(6, 1, 4, 3, generator=generator(), dtype=torch.float64)
    given, bent = (model.sample(context, noise=noise, ink=ink).logits for ink in (True, False))
    assert (bent - given).abs().max() > 1e-3
    assert (bent >= model.canvas.empty).all()  # the copy only adds
    without = [model.sample(None, noise=noise[:1], ink=ink).logits for ink in (True, False)]
    assert torch.equal(*without)
    later = noise.clone()
    later[:, :, model.config.bends :] += 1.0  # latents of the ink steps have no effect
    assert torch.equal(model.sample(context, noise=later, ink=False).logits, bent)
    grown = model.sample(context, noise=noise, ink=False, history=True)
    assert grown.canvases.shape[2] == grown.write_windows.shape[2] == model.config.bends  # no step that does nothing
    logits, _, _ = ReferenceSequential(model).run(None, context, noise[:, 0], ink_beside=False)
    torch.testing.assert_close(grown.canvases[:, 0], logits[:, : model.config.bends], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(grown.logits[:, 0], logits[:, -1], rtol=1e-10, atol=1e-10)

    ink = torch.tensor([True, False, True, False, False, True])
    mixed = model.free_energy(images, context, ink=ink, generator=generator(3))
    noise = model.noise(6, generator=generator(3))
    for beside in (True, False):
        distortion, kl = ReferenceSequential(model).free_energy(images, context, noise, ink_beside=beside)
        torch.testing.assert_close(mixed.distortion[ink == beside], distortion[ink == beside], rtol=1e-10, atol=1e-9)
        torch.testing.assert_close(mixed.kl[ink == beside], kl[ink == beside], rtol=1e-10, atol=1e-10)
    assert (mixed.kl[~ink][:, model.config.bends :] == 0).all()


def test_latent_scales_are_bounded_so_nothing_overflows(model: SequentialModel, images: Tensor) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(30)
    result = model.free_energy(images, images[:, None], generator=generator())
    assert torch.isfinite(result.total).all()
    assert math.isfinite(result.kl.max().item())
