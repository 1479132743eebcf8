"""What is true of every member of the family, each in a tiny instance: the invariants of any correct model."""

from __future__ import annotations

import copy
import inspect
import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from allograph import weights
from allograph.bounds import importance_weighted_bound
from allograph.likelihoods import LikelihoodConfig
from allograph.models import MODELS, GenerativeModel
from models.members import MEMBERS, images, random_model
from models.small import float64, with_random_weights

each_member = pytest.mark.parametrize("name", MEMBERS)
each_binary = pytest.mark.parametrize(
    "name",
    [name for name, member in MEMBERS.items() if getattr(member.config, "likelihood", None) == LikelihoodConfig()],
)
each_conditional = pytest.mark.parametrize(
    "name", [name for name, member in MEMBERS.items() if with_random_weights(member.config).conditional]
)
each_unconditional = pytest.mark.parametrize(
    "name", [name for name, member in MEMBERS.items() if not with_random_weights(member.config).conditional]
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def exemplars(model: GenerativeModel, batch: int, seed: int = 2) -> Tensor | None:
    """Two for each image, for a model that takes any."""
    return images(model, batch, 2, seed=seed) if model.conditional else None


def layers(model: GenerativeModel, names: tuple[str, ...]) -> list[Tensor]:
    """The parameters that make up these layers; there are some, or the table is wrong."""
    parameters = dict(model.named_parameters())
    found = [[p for key, p in parameters.items() if key == name or key.startswith(f"{name}.")] for name in names]
    assert all(found)
    return [parameter for part in found for parameter in part]


# ---------------------------------------------------------------- KL and bounds (invariants 1, 4, 5)


@each_member
def test_kl_is_zero_where_the_posterior_is_the_prior(name: str) -> None:
    member, model = MEMBERS[name], random_model(name)
    with torch.no_grad():
        for parameter in layers(model, member.posterior + member.prior):
            parameter.zero_()
        if member.top_down:  # a guess so wide that its product with the prior is the prior
            for i, latent in enumerate(member.config.latents):  # type: ignore[union-attr]
                model.get_parameter(f"guesses.{i}.bias")[latent:] = 100.0
    x, context = images(model, 3), exemplars(model, 3)
    result = model.infer(x, context, model.noise(3, generator=generator()))
    assert_close(result.kl, torch.zeros_like(result.kl), rtol=0, atol=1e-7 if member.top_down else 0)
    assert_close(result.log_weight, result.log_likelihood, rtol=0, atol=1e-2 if member.top_down else 1e-10)


@each_member
@torch.no_grad()
def test_the_sampled_log_ratio_meets_the_analytic_kl(name: str) -> None:
    """Summed over all steps, layers and dimensions: the mean of -log w is the free energy."""
    model, draws = random_model(name), 3000
    result = model.infer(images(model, 2), exemplars(model, 2), model.noise(2 * draws, generator=generator(1)))
    assert result.kl.shape == (2 * draws, sum(z.shape[1] for z in result.latents))
    assert sum(z.shape[1] * z.shape[2] for z in result.latents) == model.noise_shape[0] * model.noise_shape[1]
    apart = (-result.log_weight - result.free_energy.total).unflatten(0, (2, draws))
    error = apart.std(dim=1) / draws**0.5
    assert ((apart.mean(dim=1)).abs() < 4 * error).all()
    assert (error < 0.1 * result.kl.sum(dim=1).unflatten(0, (2, draws)).mean(dim=1)).all(), "or it says nothing"


@each_member
def test_the_bound_is_the_free_energy_at_one_sample_and_falls_with_more(name: str) -> None:
    model, repeats = random_model(name), 300
    x, context = images(model, 1).expand(repeats, -1, -1, -1), exemplars(model, 1)
    context = None if context is None else context.expand(repeats, -1, -1, -1, -1)
    with torch.no_grad():
        energy = model.free_energy(x, context, generator=generator(7)).total
    values = [
        importance_weighted_bound(model, x, context, samples=samples, generator=generator(8), chunk=3000).value
        for samples in (1, 4, 16)
    ]
    error = ((energy.var() + values[0].var()) / repeats).sqrt()
    assert (energy.mean() - values[0].mean()).abs() < 4 * error
    for fewer, more in itertools.pairwise(values):
        assert (fewer - more).mean() > 3 * (fewer - more).std() / repeats**0.5


@each_binary
@torch.no_grad()
def test_probabilities_of_all_tiny_images_sum_to_one(name: str) -> None:
    """p(x) of all 2^4 images of 2 x 2 pixels, each by importance sampling with the posterior of that image."""
    member, draws = MEMBERS[name], 4000
    smaller = {"steps": 2, "latent": 2} if hasattr(member.config, "steps") else {}
    model = with_random_weights(replace(member.config, image_size=2, **smaller))
    for parameter in layers(model, member.posterior + member.prior):
        parameter.mul_(0.2 if parameter.ndim > 1 else 0)
    # A posterior a little wider than the prior keeps the weights bounded, so the estimate's error is honest.
    for parameter in layers(model, member.posterior):
        if parameter.ndim == 1:
            parameter[len(parameter) // 2 :] = 1.5 if member.top_down else 0.2
    everything = ((torch.arange(16)[:, None] >> torch.arange(4)) & 1).double().view(16, 1, 2, 2)
    context = everything[9].expand(16, 1, 1, 2, 2) if model.conditional else None
    probabilities = model.log_weights(everything, context, samples=draws, generator=generator()).exp()
    error = (probabilities.var(dim=0) / draws).sum().sqrt()
    assert error < 0.025
    assert abs(probabilities.mean(dim=0).sum() - 1) < 4 * error
    assert probabilities.mean(dim=0).max() > 2 * probabilities.mean(dim=0).min(), "a model that says something"


# ---------------------------------------------------------------- latents and contexts (invariants 2, 6)


@each_member
def test_every_latent_moves_the_drawing(name: str) -> None:
    """The gradient of log p(x | z) with respect to every z_t, the last included: through the noise, at given scales."""
    model = random_model(name)
    x, context = images(model, 4), exemplars(model, 4)
    noise = torch.randn((4 if model.conditional else 1, 4, *model.noise_shape), generator=generator()).double()
    drawings = model.sample(context, noise=noise.requires_grad_())
    log_prob = model.likelihood.log_prob(drawings.parameters, x).sum()
    (gradient,) = torch.autograd.grad(log_prob, noise)
    assert (gradient.abs().amax(dim=(0, 1)) > 1e-6).all()


@each_member
def test_drawing_takes_noise_and_context_and_nothing_else(name: str) -> None:
    model = random_model(name)
    asked = set(inspect.signature(model.sample).parameters) - {"shown", "guidance"}  # how to draw, of some kinds
    assert asked == {"context", "n", "temperature", "history", "noise", "generator"}
    x, context = images(model, 2), exemplars(model, 2)
    noise = torch.randn((2 if model.conditional else 1, 3, *model.noise_shape), generator=generator(4)).double()
    before = torch.get_rng_state()
    first = model.sample(context, noise=noise)
    model.free_energy(1 - x, context, generator=generator(5))
    again, drawn = model.sample(context, noise=noise), model.sample(context, n=3, generator=generator(6))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.parameters, again.parameters)
    assert drawn.parameters.shape == first.parameters.shape
    assert torch.equal(drawn.parameters, model.sample(context, n=3, generator=generator(6)).parameters)
    assert not torch.equal(drawn.parameters, first.parameters)
    grown = model.sample(context, noise=noise, history=True)
    assert_close(grown.parameters, first.parameters)
    assert grown.canvases.shape[2] == max(1, grown.write_windows.shape[2])


@each_member
def test_temperature_zero_draws_the_same_thing_each_time(name: str) -> None:
    model = random_model(name)
    context = exemplars(model, 2)
    cold, warm = (model.sample(context, n=4, temperature=t, generator=generator()).parameters for t in (0.0, 1.0))
    assert_close(cold, cold[:, :1].expand_as(cold))
    assert warm.std(dim=1).max() > 1e-3


@each_unconditional
def test_a_model_without_context_refuses_one(name: str) -> None:
    model = random_model(name)
    x, context = images(model, 2), images(model, 2, 1)
    for use in (
        lambda: model.free_energy(x, context),
        lambda: model.log_weights(x, context, samples=2),
        lambda: model.sample(context),
    ):
        with pytest.raises(ValueError, match="takes no context"):
            use()


@each_conditional
def test_without_context_a_conditional_model_depends_on_noise_alone(name: str) -> None:
    model = random_model(name)
    noise, context = model.noise(3, generator=generator(9))[None], images(model, 1, 2)
    without = model.sample(None, noise=noise)
    blank = model.sample(torch.zeros_like(context[:, :1]), noise=noise)
    assert torch.equal(without.parameters, blank.parameters)
    shown = model.sample(context, noise=noise)
    assert (shown.parameters - without.parameters).abs().max() > 1e-3


@each_conditional
def test_the_order_of_exemplars_does_not_matter(name: str) -> None:
    model = random_model(name)
    x, context = images(model, 4), images(model, 4, 3, seed=2)
    one = model.free_energy(x, context, generator=generator()).total
    two = model.free_energy(x, context[:, [2, 0, 1]], generator=generator()).total
    other = model.free_energy(x, context[:, [0, 1, 1]], generator=generator()).total
    assert_close(one, two)
    assert (one - other).abs().min() > 1e-6
    noise = model.noise(4, generator=generator(1))[:, None]
    assert_close(model.sample(context, noise=noise).canvases, model.sample(context.flip(1), noise=noise).canvases)


# ---------------------------------------------------------------- batches and precision (invariant 8)


@each_member
def test_several_draws_for_an_image_are_those_of_the_image_repeated(name: str) -> None:
    model = random_model(name)
    x, context, noise = images(model, 3), exemplars(model, 3), model.noise(12, generator=generator(3))
    together = model.infer(x, context, noise)
    repeated = None if context is None else context.repeat_interleave(4, dim=0)
    apart = model.infer(x.repeat_interleave(4, dim=0), repeated, noise)
    assert_close(together.log_likelihood, apart.log_likelihood)
    assert_close(together.log_weight, apart.log_weight)
    assert_close(together.kl, apart.kl)
    each = model.log_weights(x, context, samples=4, generator=generator(3))
    assert_close(each, apart.log_weight.view(3, 4).T)


@each_member
def test_images_of_a_batch_do_not_mix(name: str) -> None:
    model = random_model(name)
    x, context = images(model, 4), exemplars(model, 4)
    whole = model.free_energy(x, context, generator=generator(4)).total
    changed = x.clone()
    changed[2:] = 1 - changed[2:]
    other = model.free_energy(changed, context, generator=generator(4)).total
    assert_close(whole[:2], other[:2])
    assert ((whole - other)[2:].abs() > 1e-3).all()


@each_member
@torch.no_grad()
def test_float32_agrees_with_float64(name: str) -> None:
    model = random_model(name)
    single = copy.deepcopy(model).float()
    x, context, noise = images(model, 4), exemplars(model, 4), model.noise(4, generator=generator(3))
    exact = model.infer(x, context, noise)
    near = single.infer(x.float(), None if context is None else context.float(), noise.float())
    assert near.log_weight.dtype == near.kl.dtype == torch.float32
    assert_close(near.kl.double(), exact.kl, rtol=1e-3, atol=1e-3)
    assert_close(near.log_weight.double(), exact.log_weight, rtol=1e-3, atol=1e-3)
    drawings = model.sample(context, noise=noise[:, None] if model.conditional else noise[None])
    noise, context = noise.float(), None if context is None else context.float()
    others = single.sample(context, noise=noise[:, None] if model.conditional else noise[None])
    assert_close(others.canvases.double(), drawings.canvases, rtol=1e-3, atol=1e-3)


@each_member
def test_nothing_overflows_where_weights_are_large(name: str) -> None:
    model = random_model(name).float()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(30)
    context = exemplars(model, 4)
    result = model.free_energy(
        images(model, 4).float(), None if context is None else context.float(), generator=generator()
    )
    assert torch.isfinite(result.total).all()
    assert torch.isfinite(result.kl).all()


# ---------------------------------------------------------------- training, files


@each_member
def test_every_parameter_has_a_part_in_the_free_energy(name: str) -> None:
    model = random_model(name)
    model.free_energy(images(model, 4), exemplars(model, 4), generator=generator()).total.mean().backward()
    without = [key for key, p in model.named_parameters() if p.numel() and (p.grad is None or not p.grad.any())]
    assert not without


@each_member
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_training_steps_are_finite(name: str, precision: torch.dtype) -> None:
    torch.manual_seed(0)
    config = MEMBERS[name].config
    model = MODELS[config.kind][1](config)
    x, context = images(model, 8).float(), exemplars(model, 8)
    context = None if context is None else context.float()
    model.initialise(x.mean(dim=0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16):
            loss = model.free_energy(x, context, generator=generator()).total.mean()
        assert loss.dtype == torch.float32
        loss.backward()
        for key, parameter in model.named_parameters():
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all(), key
        optimizer.step()
        losses.append(loss.item())
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    assert losses[-1] < losses[0]


@each_member
def test_a_weights_file_gives_the_same_model_back(name: str, tmp_path: Path) -> None:
    # Made in float32, as a loaded one is: what is computed once is not rounded from float64.
    model = type(random_model(name))(MEMBERS[name].config)
    model.load_state_dict(random_model(name).state_dict())
    weights.save(tmp_path / "model.safetensors", model, {"what": name})
    loaded = weights.load(tmp_path / "model.safetensors")
    assert type(loaded.model) is type(model)
    assert loaded.model.config == model.config
    assert loaded.card == {"what": name}
    x, context = images(model, 3).float(), exemplars(model, 3)
    context = None if context is None else context.float()
    one, two = (m.free_energy(x, context, generator=generator(1)).total for m in (model, loaded.model))
    assert torch.equal(one, two)
    content = (tmp_path / "model.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["allograph"])["config"]["kind"] == model.config.kind


@each_unconditional
def test_before_training_the_drawing_of_no_noise_is_near_the_mean_image(name: str) -> None:
    torch.manual_seed(0)
    config = MEMBERS[name].config
    with float64():
        model = MODELS[config.kind][1](config)
    size, channels = config.image_size, model.likelihood.channels
    mean = torch.linspace(0.2, 0.9, size).double().expand(channels, size, size)

    def off() -> float:
        drawing = model.sample(temperature=0.0).parameters[0, 0]
        return (model.likelihood.mean(drawing) - mean).square().mean().item()

    before = off()
    model.initialise(mean)
    assert off() < 0.3 * before
