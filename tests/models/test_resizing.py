"""A network for images of another size or with more steps: what has an extent is resampled, all else is as it was."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from allograph import weights
from allograph.models import SequentialModel
from allograph.models.resizing import resized
from models.small import float64, small_model, small_sequential


def both(
    changes: dict[str, Any], image_size: int = 11, patch: int = 5, **settings: Any
) -> tuple[SequentialModel, SequentialModel]:
    """One of random weights, and the same for another size, in float64."""
    before = small_sequential(**settings)
    torch.manual_seed(1)
    with float64():
        source = SequentialModel(before)
        target = SequentialModel(dataclasses.replace(before, image_size=image_size, patch=patch, **changes))
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter)
    return source, target


def resample(maps: torch.Tensor, side: int) -> torch.Tensor:
    return F.interpolate(maps, (side, side), mode="bilinear", antialias=True)


@pytest.mark.parametrize("patch", [2, 5])
def test_what_is_read_acts_as_if_it_had_the_extent_it_had(patch: int) -> None:
    likelihood = dataclasses.replace(small_sequential().likelihood, channels=3)
    source, target = both({}, patch=patch, likelihood=likelihood)
    resized(source, target)
    glimpse, rest = torch.randn(2, 3, patch, patch).double(), torch.randn(2, 6 + 7).double()
    shrunk = resample(glimpse, source.config.patch)
    old, new = (
        model.posterior.inputs(torch.cat([seen.flatten(1), rest], dim=1))
        for model, seen in ((source, shrunk), (target, glimpse))
    )
    torch.testing.assert_close(new, old)


def test_embeddings_act_as_if_features_had_the_extent_they_had() -> None:
    source, target = both({}, image_size=20)
    resized(source, target)
    features = torch.randn(3, 8, 3, 3).double()
    old = source.encode_target.linear(resample(features, 1).flatten(1))
    torch.testing.assert_close(target.encode_target.linear(features.flatten(1)), old)


def test_what_is_written_is_resampled() -> None:
    source, target = both({"canvas_channels": 2}, canvas_channels=2)
    resized(source, target)
    hidden = torch.randn(4, 7).double()
    old, new = (model.sprite(hidden).unflatten(1, (2, model.config.patch, -1)) for model in (source, target))
    torch.testing.assert_close(new, resample(old, 5))
    torch.testing.assert_close(target.canvas.first[None], resample(source.canvas.first[None], 11))


def test_all_else_stays() -> None:
    source, target = both({}, image_size=6, patch=3)
    resized(source, target)
    for name, value in source.state_dict().items():
        torch.testing.assert_close(target.state_dict()[name], value, rtol=0, atol=0)
    source, target = both({})
    resized(source, target)
    now = target.state_dict()
    changed = {name for name, value in source.state_dict().items() if not torch.equal(value, now[name])}
    assert changed == {
        "canvas.first",
        "sprite.weight",
        "sprite.bias",
        "posterior.inputs.weight",
        "encode_target.linear.weight",
    }


def test_drawings_are_the_same_at_twice_the_size() -> None:
    source = weights.load("omniglot-28-fewshot").model
    assert isinstance(source, SequentialModel)
    target = SequentialModel(dataclasses.replace(source.config, image_size=56, patch=24))
    resized(source, target)
    noise = source.noise(16, generator=torch.Generator().manual_seed(0))[None]
    with torch.no_grad():
        small, large = (
            model.likelihood.mean(model.sample(None, noise=noise).parameters[0]) for model in (source, target)
        )
    inks = torch.stack([small.flatten(), resample(large, 28).flatten()])
    assert torch.corrcoef(inks)[0, 1] > 0.95


@pytest.mark.parametrize("changes", [{"hidden": 8}, {"latent": 4}, {"context": True}])
def test_networks_that_differ_in_more_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="differ in more"):
        resized(*both(changes))


def test_another_patch_is_refused_where_exemplars_are_read_by_attention() -> None:
    parts: dict[str, Any] = {"context": True, "context_by": "attention"}
    with pytest.raises(ValueError, match="patch must stay"):
        resized(*both({}, patch=5, **parts))
    resized(*both({}, patch=3, **parts))


@pytest.mark.parametrize("parts", [{"context": True, "context_by": "inference"}, {"canvas": "gated"}, {"windows": 2}])
def test_other_kinds_are_resized_too(parts: dict[str, Any]) -> None:
    source, target = both({}, patch=5, **parts)
    resized(source, target)
    assert target.sample(n=2).parameters.isfinite().all()


@pytest.mark.parametrize("parts", [{}, {"context": True, "context_by": "attention"}])
@pytest.mark.parametrize("steps", [2, 6])
def test_another_number_of_steps_begins_with_the_same_steps(steps: int, parts: dict[str, Any]) -> None:
    source, target = both({"steps": steps}, image_size=6, patch=3, **parts)
    resized(source, target)
    shared = min(steps, source.config.steps)
    noise = torch.randn(1, 2, 6, source.config.latent).double()
    context = torch.rand(1, 1, 1, 6, 6).double().round() if parts else None
    old, new = (
        model.sample(context, n=2, noise=noise[:, :, : model.config.steps], history=True).canvases
        for model in (source, target)
    )
    torch.testing.assert_close(new[:, :, :shared], old[:, :, :shared])


def test_steps_keep_their_distance_to_the_exemplars() -> None:
    source, target = both({"steps": 6}, image_size=6, patch=3, context=True, context_by="inference")
    resized(source, target)
    before, order = source.recall.order, target.recall.order
    assert torch.equal(order[:, :3, :3], before)
    torch.testing.assert_close(order[:, 4, 5], before.diagonal(1, 1, 2).mean(1))  # the exemplar's next step
    torch.testing.assert_close(order[:, 5, 0], before[:, 2, 0])  # as far before as any is known
    resized(target, source)
    assert torch.equal(source.recall.order, before)


def test_what_is_read_has_a_size_of_its_own() -> None:
    source, target = both({"read_patch": 6}, patch=5, read_patch=2)
    resized(source, target)
    assert (source.look_target.patch, target.look_target.patch, target.placing.patch) == (2, 6, 5)
    assert target.sample(n=2).parameters.isfinite().all()


def test_networks_of_one_size_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in more"):
        resized(*both({}, attention="none"))
    with pytest.raises(ValueError, match="different kinds"):
        resized(both({})[0], small_model())
