"""The paper's sequential model against its plain step-by-step reference, in every combination of its parts."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from allograph.attention import AttentionKind, WindowBounds, read, write
from allograph.likelihoods import LikelihoodConfig
from allograph.models import SequentialConfig, SequentialModel
from allograph.models.cells import Gaussian
from models.reference_sequential import ReferenceSequential
from models.small import small_sequential, some_images, with_random_weights

_PARTS = itertools.product(
    get_args(AttentionKind), ("additive", "gated"), ("standard", "learned"), (False, True), (0, 4)
)
COMBINATIONS: dict[str, dict[str, Any]] = {
    f"{attention}-{canvas}-{prior}{'-context' * context}{'-embedding' * bool(embedding)}": {
        "attention": attention,
        "canvas": canvas,
        "canvas_channels": 2,
        "prior": prior,
        "context": context,
        "embedding": embedding,
    }
    for attention, canvas, prior, context, embedding in _PARTS
}
COMBINATIONS |= {
    f"{attention}-{prior}-by-inference": {
        "context": True,
        "attention": attention,
        "prior": prior,
        "context_by": "inference",
    }
    for attention, prior in itertools.product(("none", "gaussian", "stretch", "affine"), ("standard", "learned"))
}
COMBINATIONS |= {
    f"{attention}-{canvas}-three-windows{'-by-inference' * (by == 'inference')}": {
        "attention": attention,
        "windows": 3,
        "canvas": canvas,
        "canvas_channels": 2,
        "context": True,
        "context_by": by,
    }
    for attention, canvas, by in itertools.product(
        ("gaussian", "stretch", "affine"), ("additive", "gated"), ("attention", "inference")
    )
}
COMBINATIONS["other-patch-read"] = {"attention": "affine", "patch": 3, "read_patch": 4, "context": True}
COMBINATIONS["colour"] = {
    "context": True,
    "canvas_channels": 4,
    "likelihood": LikelihoodConfig("gaussian", channels=3, scale=0.5),
}
each_combination = pytest.mark.parametrize("parts", COMBINATIONS.values(), ids=COMBINATIONS.keys())


def model_of(parts: dict[str, Any]) -> SequentialModel:
    model = with_random_weights(small_sequential(**parts))
    assert isinstance(model, SequentialModel)
    return model


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shown(model: SequentialModel, batch: int, seed: int = 2) -> Tensor | None:
    """Two exemplars for each image, where the model looks at any."""
    return some_images(batch, 2, channels=model.likelihood.channels, seed=seed) if model.conditional else None


@each_combination
def test_free_energy_and_gradients_equal_the_step_by_step_reference(parts: dict[str, Any]) -> None:
    model = model_of(parts)
    x, context = some_images(3, channels=model.likelihood.channels), shown(model, 3)
    noise = model.noise(3, generator=generator(3))
    result = model.infer(x, context, noise).free_energy
    distortion, kl = ReferenceSequential(model).free_energy(x, context, noise)
    assert kl.shape == (3, 3)
    assert_close(result.distortion, distortion, rtol=1e-10, atol=1e-9)
    assert_close(result.kl, kl, rtol=1e-9, atol=1e-10)
    weights = dict(model.named_parameters())
    ours = torch.autograd.grad(result.total.mean(), list(weights.values()))
    theirs = torch.autograd.grad((distortion + kl.sum(dim=1)).mean(), list(weights.values()))
    for name, one, other in zip(weights, ours, theirs, strict=True):
        assert_close(one, other, rtol=1e-7, atol=1e-8, msg=lambda text, name=name: f"{name}: {text}")


@each_combination
def test_samples_equal_the_reference_at_every_step(parts: dict[str, Any]) -> None:
    model = model_of(parts)
    context = shown(model, 2)
    noise = torch.randn(2 if model.conditional else 1, 2, 3, 2, generator=generator(5), dtype=torch.float64)
    drawings = model.sample(context, noise=noise, temperature=0.7, history=True)
    repeated = None if context is None else context.repeat_interleave(2, dim=0)
    parameters, _ = ReferenceSequential(model).run(None, repeated, noise.flatten(0, 1), temperature=0.7)
    assert_close(drawings.canvases.flatten(0, 1), parameters, rtol=1e-9, atol=1e-10)
    last = model.sample(context, noise=noise, temperature=0.7)
    assert last.canvases.shape == drawings.canvases[:, :, -1:].shape
    assert_close(last.parameters, drawings.parameters)
    assert last.write_windows.shape == (*noise.shape[:2], 3, 2, 3)
    assert last.read_windows.shape == (*noise.shape[:2], 3 if model.conditional else 0, 2, 3)


def test_without_exemplar_a_conditional_model_sees_a_blank_one() -> None:
    model, x = model_of({"context": True}), some_images(3)
    noise = model.noise(3, generator=generator(3))
    distortion, kl = ReferenceSequential(model).free_energy(x, torch.zeros(3, 1, 1, 6, 6).double(), noise)
    result = model.infer(x, None, noise).free_energy
    assert_close(result.distortion, distortion)
    assert_close(result.kl, kl)


def test_the_windows_drawn_are_those_read_and_written() -> None:
    """Only pixels within a write window change; only pixels of the exemplar within a read window matter."""
    model = model_of({"context": True, "embedding": 0, "attention": "affine", "bounds": WindowBounds(0.2, 0.5)})
    context = torch.ones(1, 1, 1, 6, 6).double().requires_grad_()
    drawings = model.sample(context, noise=torch.randn(1, 1, 3, 2, generator=generator(6), dtype=torch.float64))
    empty = model.canvas.observe(model.canvas.first[None])
    changed = (drawings.parameters[0] - empty).abs() > 1e-12
    written = write(torch.ones(3, 1, 3, 3).double(), drawings.write_windows[0, 0], 6).sum(dim=0, keepdim=True) > 0
    assert torch.equal(changed, written)
    (mattered,) = torch.autograd.grad(drawings.parameters.sum(), context, retain_graph=True)
    seen = read(context[0].expand(3, -1, -1, -1), drawings.read_windows[0, 0].detach(), 3).sum()
    (reached,) = torch.autograd.grad(seen, context)
    assert torch.equal(mattered != 0, reached != 0)
    for pixels in (written, reached):
        assert pixels.any()
        assert not pixels.all()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"steps": 0}, {"latent": 0}, {"hidden": 0}, {"patch": 0}, {"canvas_channels": 0}),
        {"embedding": -1},
        *({"context": True, "context_by": "inference", "embedding": length} for length in (0, 6)),
        {"heads": 0},
        {"windows": 0},
        {"attention": "none", "windows": 2},
        {"read_patch": -1},
    ],
)
def test_sizes_that_cannot_be_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{list(wrong)[-1]} = "):
        SequentialConfig(**wrong)


def test_blank_exemplars_beside_others_are_not_recalled() -> None:
    model = model_of({"context": True, "context_by": "inference"})
    x, context, noise = some_images(3), some_images(3, 2, seed=2), model.noise(3, generator=generator(3))
    with_blanks = torch.cat([torch.zeros_like(context[:, :1]), context], dim=1)
    total = model.infer(x, context, noise).free_energy.total
    assert_close(model.infer(x, with_blanks, noise).free_energy.total, total)
    blank = model.infer(x, torch.zeros_like(context), noise).free_energy.total
    assert_close(model.infer(x, None, noise).free_energy.total, blank)
    assert not torch.isclose(blank, total).any()


def test_an_exemplar_of_many_drawings_is_inferred_once() -> None:
    """Where no gradient is wanted; the bound is the same, for less work than exemplars that differ."""
    model = model_of({"context": True, "context_by": "inference"})
    x, several, noise = some_images(5), some_images(5, seed=2)[:, None], model.noise(5, generator=generator(0))
    same = several[[0, 1, 0, 0, 1]]
    expected = model.infer(x, same, noise).free_energy.total.detach()
    model.requires_grad_(False)  # whose hooks the counter cannot set

    def work(context: Tensor) -> tuple[int, Tensor]:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            total = model.infer(x, context, noise).free_energy.total
        return counter.get_total_flops(), total

    (few, found), (many, _) = work(same), work(several)
    assert_close(found, expected)
    assert few < many


def test_exemplars_of_one_image_serve_all_its_samples() -> None:
    """Several rows of noise for each image see the same as that image repeated."""
    model = model_of({"context": True, "context_by": "inference"})
    x, context, noise = some_images(2), some_images(2, 3, seed=2), model.noise(6, generator=generator(3))
    together = model.infer(x, context, noise).log_weight
    alone = model.infer(x.repeat_interleave(3, dim=0), context.repeat_interleave(3, dim=0), noise).log_weight
    assert_close(together, alone)


GUIDED = {
    "attention": {"context": True, "attention": "stretch"},
    "whole": {"context": True, "attention": "none", "embedding": 4},
    "inference": {"context": True, "context_by": "inference"},
}


@pytest.mark.parametrize("parts", GUIDED.values(), ids=GUIDED.keys())
def test_guidance_of_one_is_the_model_itself(parts: dict[str, Any]) -> None:
    """Approached from both sides, for one itself takes the shorter way."""
    model = model_of(parts)
    context, noise = some_images(2, 2, seed=2), torch.randn(2, 2, 3, 2, generator=generator(5), dtype=torch.float64)
    plain = model.sample(context, noise=noise, temperature=0.7)
    for guidance in (1 - 1e-9, 1 + 1e-9):
        drawn = model.sample(context, noise=noise, temperature=0.7, guidance=guidance)
        assert_close(drawn.canvases, plain.canvases, rtol=1e-6, atol=1e-6)
        assert_close(drawn.read_windows, plain.read_windows, rtol=1e-6, atol=1e-6)
    assert not torch.allclose(model.sample(context, noise=noise, guidance=2.0).canvases, plain.canvases)


@pytest.mark.parametrize("guidance", [0.5, 2.5])
@pytest.mark.parametrize("parts", GUIDED.values(), ids=GUIDED.keys())
def test_guided_steps_follow_the_equations(parts: dict[str, Any], guidance: float) -> None:
    """Every z_t lies where two models say, one shown the exemplar and one shown none, both having drawn z_<t; the
    drawing is what these z draw unguided."""
    model, temperature = model_of(parts), 0.7
    context, eps = some_images(2, 2, seed=2), torch.randn(2, 3, 2, generator=generator(5), dtype=torch.float64)
    x, steps, z = some_images(2, seed=4), model.config.steps, torch.zeros_like(eps)

    def priors_along(given: Tensor | None) -> Gaussian:
        """``p(z_t | z_<t, x')`` of all steps: what inference says with the noise that makes it draw these z."""
        noise = torch.zeros_like(z)
        for t in range(steps):
            found = model.infer(x, given, noise)
            (posterior,) = found.posterior
            noise[:, t] = (z[:, t] - posterior.mean[:, t]) / posterior.log_std[:, t].exp()
        found = model.infer(x, given, noise)
        assert_close(found.latents[0], z)
        return found.prior[0]

    with torch.no_grad():
        for t in range(steps):
            (mean, log_std), (blank, blank_log_std) = priors_along(context), priors_along(None)
            spread = torch.minimum(log_std.exp(), log_std.exp() ** guidance * blank_log_std.exp() ** (1 - guidance))
            z[:, t] = (blank + guidance * (mean - blank) + temperature * spread * eps)[:, t]
        prior = priors_along(context)
        alone = model.sample(context, noise=((z - prior.mean) / prior.log_std.exp())[:, None])
        drawn = model.sample(context, noise=eps[:, None], temperature=temperature, guidance=guidance)
    assert_close(drawn.canvases, alone.canvases)
    assert_close(drawn.write_windows, alone.write_windows)


def test_guidance_without_exemplars_or_a_learned_prior_is_refused() -> None:
    for parts in ({"context": False}, {"context": True, "prior": "standard"}):
        with pytest.raises(ValueError, match="guidance = 2"):
            model_of(parts).sample(guidance=2.0)


def test_what_is_inferred_without_gradient_leaves_gradients_in_bfloat16() -> None:
    """Weights that were cast to bfloat16 for the exemplar, without gradient, are cast again for the target."""
    model = model_of({"context": True, "context_by": "inference"}).float()
    x, context, noise = some_images(4).float(), some_images(4, 2, seed=2).float(), model.noise(4)

    def gradient(enabled: bool) -> Tensor:
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            model.infer(x, context, noise).free_energy.total.mean().backward()
        return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])

    full, low = gradient(False), gradient(True)
    assert full.shape == low.shape
    assert torch.nn.functional.cosine_similarity(full, low, dim=0) > 0.99
