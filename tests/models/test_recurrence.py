"""The loop over t: groups of steps are the steps, and steps that are computed again give the same gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import grad
from torch.autograd.graph import saved_tensors_hooks
from torch.testing import assert_close

from allograph.models import ModelConfig, recurrence
from models.small import small_config, small_draw, small_sequential, some_images, with_random_weights

CONFIGS = {
    "additive": small_sequential(context=True),
    "gated": small_sequential(context=True, canvas="gated", attention="gaussian"),
    "affine": small_sequential(attention="affine", prior="standard"),
    "inference": small_sequential(context=True, context_by="inference", heads=2),
    "bending": small_config(),
    "draw": small_draw(),
}
each_model = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


@each_model
@pytest.mark.parametrize("group", [1, 2])
def test_groups_of_steps_are_all_steps(config: ModelConfig, group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """T is 3 or 4: one group by itself, or groups of which the last may be shorter."""
    model = with_random_weights(config)
    x, context = given(config, model.conditional)
    noise = model.noise(3, generator=torch.Generator().manual_seed(0))
    found = []
    for size in (recurrence.GROUP, group):
        monkeypatch.setattr(recurrence, "GROUP", size)
        energy = model.infer(x, context, noise).free_energy
        drawn = model.sample(context, noise=noise[:, None] if model.conditional else noise[None])
        weights = list(model.parameters())
        found.append([energy.total, energy.kl, drawn.canvases, *grad(energy.total.sum(), weights, allow_unused=True)])
    for one, other in zip(*found, strict=True):
        assert_close(one, other, rtol=1e-10, atol=1e-10)


@each_model
def test_recomputed_steps_give_the_same_gradient_and_keep_less(config: ModelConfig) -> None:
    model = with_random_weights(config)
    x, context = given(config, model.conditional)
    noise, results, kept = model.noise(3), [], []
    for recompute in (False, True):
        model.recompute, sizes = recompute, []

        def keep(value: Tensor, sizes: list[int] = sizes) -> Tensor:
            sizes.append(value.numel())
            return value

        with saved_tensors_hooks(keep, lambda value: value):
            energy = model.infer(x, context, noise).free_energy.total.mean()
        results.append((energy, *grad(energy, list(model.parameters()))))
        kept.append(sum(sizes))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other) or (one - other).abs().max() < 1e-12 * one.abs().max()
    assert kept[1] < 0.7 * kept[0]


def given(config: ModelConfig, conditional: bool) -> tuple[Tensor, Tensor | None]:
    size = config.image_size
    return some_images(3, size=size), some_images(3, 2, size=size, seed=2) if conditional else None


def test_room_for_more_exemplars_changes_nothing() -> None:
    """Blank ones that are not there for sure are not recalled; all are inferred, in as many groups as there are."""
    model = with_random_weights(small_sequential(context=True, context_by="inference", heads=2))
    x, context = some_images(3), some_images(3, 2, seed=2)
    context[1] = 0
    noise, found = model.noise(3, generator=torch.Generator().manual_seed(0)), []
    for room in (None, 2, 5):
        model.room = room
        energy = model.infer(x, context, noise).free_energy.total
        found.append([energy, *grad(energy.sum(), list(model.parameters()))])
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert_close(one, other, rtol=1e-10, atol=1e-10)
