"""The bending model against its plain reference, and what it does with ink. See also test_family."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from allograph.likelihoods import LikelihoodConfig
from allograph.models import BendingModel
from models.reference_bending import ReferenceBending
from models.small import small_config, small_model, some_images


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---------------------------------------------------------------- batched = step by step (invariant 8)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_free_energy_equals_the_step_by_step_reference(
    model: BendingModel, images: Tensor, context: Tensor, count: int
) -> None:
    shown = context[:, :count] if count else None
    blank = torch.zeros_like(context[:, :1])
    result = model.free_energy(images, shown, generator=generator(3))
    noise = model.noise(len(images), generator=generator(3))
    distortion, kl = ReferenceBending(model).free_energy(images, blank if shown is None else shown, noise)
    torch.testing.assert_close(result.distortion, distortion, rtol=1e-11, atol=1e-9)
    torch.testing.assert_close(result.kl, kl, rtol=1e-10, atol=1e-11)


def test_gradients_equal_those_of_the_reference(model: BendingModel, images: Tensor, context: Tensor) -> None:
    shared = [p for name, p in model.named_parameters() if not name.startswith("core.")]  # the LSTMCell has copies
    result = model.free_energy(images, context, generator=generator(3)).total.mean()
    ours = torch.autograd.grad(result, shared)
    distortion, kl = ReferenceBending(model).free_energy(images, context, model.noise(6, generator=generator(3)))
    theirs = torch.autograd.grad((distortion + kl.sum(dim=1)).mean(), shared)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-9)


def test_samples_equal_the_reference_at_every_step(model: BendingModel, context: Tensor) -> None:
    noise = torch.randn(6, 3, 4, 3, generator=generator(5), dtype=torch.float64)
    drawings = model.sample(context, noise=noise, temperature=0.7, history=True)
    logits, _ = ReferenceBending(model).run(
        None, context.repeat_interleave(3, dim=0), noise.flatten(0, 1), temperature=0.7
    )
    torch.testing.assert_close(drawings.canvases.flatten(0, 1), logits, rtol=1e-10, atol=1e-10)
    last = model.sample(context, noise=noise, temperature=0.7)
    assert last.canvases.shape == (6, 3, 1, 1, 9, 9)
    torch.testing.assert_close(last.parameters, drawings.parameters, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "likelihood", [LikelihoodConfig("learned-gaussian"), LikelihoodConfig("gaussian", 3, scale=0.3)]
)
@pytest.mark.parametrize("count", [0, 2])
def test_pictures_equal_the_reference_too(likelihood: LikelihoodConfig, count: int) -> None:
    model = small_model(likelihood=likelihood)
    images = some_images(4, channels=likelihood.channels, size=9, levels=256)
    context = some_images(4, 2, channels=likelihood.channels, size=9, levels=256, seed=2)
    shown = context if count else torch.zeros_like(context[:, :1])
    noise = model.noise(4, generator=generator(3))
    result = model.infer(images, context if count else None, noise).free_energy
    distortion, kl = ReferenceBending(model).free_energy(images, shown, noise)
    torch.testing.assert_close(result.distortion, distortion, rtol=1e-10, atol=1e-9)
    torch.testing.assert_close(result.kl, kl, rtol=1e-10, atol=1e-11)
    shared = [p for name, p in model.named_parameters() if not name.startswith("core.")]
    ours = torch.autograd.grad(result.total.mean(), shared)
    theirs = torch.autograd.grad((distortion + kl.sum(dim=1)).mean(), shared)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-7, atol=1e-8)
    grown = model.sample(shown, noise=noise[:, None], history=True).canvases[:, 0]
    parameters, _ = ReferenceBending(model).run(None, shown, noise)
    torch.testing.assert_close(grown, parameters, rtol=1e-10, atol=1e-10)


# ---------------------------------------------------------------- copying, bending, writing ink


def test_a_new_model_begins_as_a_copy_with_no_information_in_the_latents(images: Tensor) -> None:
    torch.manual_seed(0)
    model = BendingModel(small_config(bells=(1.0,))).double()
    alone = torch.zeros(6, dtype=torch.bool)
    own = model.free_energy(images, images[:, None], ink=alone, generator=generator())
    other = model.free_energy(images, images.roll(1, dims=0)[:, None], ink=alone, generator=generator())
    assert own.kl.abs().max() < 1e-12
    assert own.distortion.mean() < other.distortion.mean() - 5


def test_bending_alone_writes_no_ink_beside_an_exemplar_and_pays_for_none(images: Tensor, context: Tensor) -> None:
    model = small_model()
    noise = torch.randn(6, 1, 4, 3, generator=generator(), dtype=torch.float64)
    given, bent = (model.sample(context, noise=noise, shown=shown).parameters for shown in (False, True))
    assert (bent - given).abs().max() > 1e-3
    assert (bent >= model.canvas.empty).all()  # the copy only adds
    without = [model.sample(None, noise=noise[:1], shown=shown).parameters for shown in (False, True)]
    assert torch.equal(*without)
    later = noise.clone()
    later[:, :, model.config.bends :] += 1.0  # latents of the ink steps have no effect
    assert torch.equal(model.sample(context, noise=later, shown=True).parameters, bent)
    grown = model.sample(context, noise=noise, shown=True, history=True)
    assert grown.canvases.shape[2] == grown.write_windows.shape[2] == model.config.bends  # no step that does nothing
    logits, _ = ReferenceBending(model, crisp=True).run(None, context, noise[:, 0], ink_beside=False)
    torch.testing.assert_close(grown.canvases[:, 0], logits[:, : model.config.bends], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(grown.parameters[:, 0], logits[:, -1], rtol=1e-10, atol=1e-10)

    ink = torch.tensor([True, False, True, False, False, True])
    mixed = model.free_energy(images, context, ink=ink, generator=generator(3))
    noise = model.noise(6, generator=generator(3))
    for beside in (True, False):
        distortion, kl = ReferenceBending(model).free_energy(images, context, noise, ink_beside=beside)
        torch.testing.assert_close(mixed.distortion[ink == beside], distortion[ink == beside], rtol=1e-10, atol=1e-9)
        torch.testing.assert_close(mixed.kl[ink == beside], kl[ink == beside], rtol=1e-10, atol=1e-10)
    assert (mixed.kl[~ink][:, model.config.bends :] == 0).all()
