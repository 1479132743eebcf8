"""The same network for images and patches of another size and for another number of steps: training can start with
small images and few steps, and continue with large ones and many.

Windows are given as shares of the image, so looking, deciding and remembering do not change. Weights with an extent in
pixels are resampled linearly: ``R(m, n)`` maps n samples to m, and its rows sum to 1. Maps that are written become
``R(m, n) w R(m, n)'``. Weights that read become ``R(n, m)' w R(n, m)``, as if the input were resampled to its former
extent.

All steps share their weights but for the exemplar attention, which knows how near the exemplar's step t' is to the
step t: b[t, t'], of pairs of steps that the source has not, is the mean of b over its pairs that are as far apart.
"""

from __future__ import annotations

__all__ = ["resized"]

import dataclasses
import math

import torch
from torch import Tensor
from torch.nn import functional as F

from allograph.models.base import GenerativeModel
from allograph.models.encoders import ImageEncoder
from allograph.models.sequential import SequentialModel


@torch.no_grad()
def resized(source: GenerativeModel, target: GenerativeModel) -> None:
    """Gives ``target`` the weights of ``source``.

    Raises ValueError: their configurations differ in more than ``image_size``, ``patch`` and ``steps`` of a sequential
    model with windows; or they differ in ``patch`` and attention reads the exemplars.
    """
    tensors = source.state_dict()
    if source.config != target.config:
        if not (isinstance(source, SequentialModel) and isinstance(target, SequentialModel)):
            raise ValueError("the networks are of different kinds, or of a kind that has one size")
        tensors |= _resampled(source, target, tensors)
    target.load_state_dict(tensors)


def _resampled(source: SequentialModel, target: SequentialModel, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    before, now = source.config, target.config
    sizes = {name: getattr(now, name) for name in ("image_size", "patch", "read_patch", "steps")}
    if now.attention == "none" or dataclasses.replace(before, **sizes) != now:
        raise ValueError("the networks differ in more than image_size, patch and steps")
    read_before, read_now = (config.read_patch or config.patch for config in (before, now))
    if now.context and not source.infers_context and read_before != read_now:
        raise ValueError("glimpses of exemplars feed the whole network, so their patch must stay as it is")
    size, patch, channels = now.image_size, now.patch, now.windows * source.likelihood.channels
    changed = {"canvas.first": _written(tensors["canvas.first"], size)}
    for key in ("sprite.weight", "sprite.bias"):
        sprites = tensors[key].unflatten(0, (-1, before.patch, before.patch)).movedim((1, 2), (-2, -1))
        changed[key] = _written(sprites, patch).movedim((-2, -1), (1, 2)).flatten(0, 2)
    glimpse = channels * read_before**2
    read, rest = tensors["posterior.inputs.weight"].tensor_split([glimpse], dim=1)
    changed["posterior.inputs.weight"] = torch.cat([_reading(read, channels, read_now), rest], dim=1)
    for name, encoder in target.named_modules():
        if isinstance(encoder, ImageEncoder):
            key = f"{name}.linear.weight"
            changed[key] = _reading(tensors[key], encoder.channels, encoder.side)
    if "recall.order" in tensors:
        changed["recall.order"] = _with_steps(tensors["recall.order"], now.steps)
    return changed


def _with_steps(order: Tensor, steps: int) -> Tensor:
    """The biases (heads, T, T) of the exemplar attention for another number of steps."""
    before = order.shape[-1]
    by_distance = torch.stack([order.diagonal(apart, 1, 2).mean(1) for apart in range(1 - before, before)], 1)
    t = torch.arange(steps, device=order.device)
    longer = by_distance[:, (t - t[:, None]).clamp(1 - before, before - 1) + before - 1]
    longer[:, :before, :before] = order[:, :steps, :steps]
    return longer


def _resampling(to: int, of: int, like: Tensor) -> Tensor:
    """The matrix ``R(to, of)``."""
    one = torch.eye(of, dtype=like.dtype, device=like.device)
    return F.interpolate(one[None, None], (to, of), mode="bilinear", antialias=True)[0, 0]


def _written(maps: Tensor, side: int) -> Tensor:
    """Written maps (..., n, n), resampled to (..., side, side)."""
    matrix = _resampling(side, maps.shape[-1], maps)
    return matrix @ maps @ matrix.T


def _reading(weight: Tensor, channels: int, side: int) -> Tensor:
    """Weights (units, channels * n * n) that read maps, resampled for maps of another side."""
    before = math.isqrt(weight.shape[1] // channels)
    matrix = _resampling(before, side, weight)
    return (matrix.T @ weight.unflatten(1, (channels, before, before)) @ matrix).flatten(1)
