"""Attention and canvases as graphs: reading from windows, writing to them, and the result of all steps.

Each function does what the method of its name does in `allograph.attention` and `allograph.canvas`; the attention is
any of its kinds.
"""

from __future__ import annotations

__all__ = ["grid_sample", "invert", "outline", "place", "read", "sample_points", "window", "write_all", "write_each"]

import functools
import math
import operator

import numpy as np

from allograph.attention import (
    Attention,
    GaussianAttention,
    SeparableTransformer,
    SeveralWindows,
    SpatialTransformer,
    WholeImage,
    WindowNetwork,
)
from allograph.attention.gaussian import LOG_INTENSITY, LOG_STRIDE, LOG_WIDTH
from allograph.export.graph import Graph, Value
from allograph.export.parts import linear


def place(g: Graph, attention: Attention, hidden: Value) -> Value:
    """Where a state looks, (..., numbers)."""
    if isinstance(attention, SeveralWindows):
        return g.concat(*(place(g, one, hidden) for one in _windows(attention)))
    assert isinstance(attention, GaussianAttention | SeparableTransformer | SpatialTransformer)
    raw = linear(g, attention.linear if isinstance(attention, GaussianAttention) else attention.network.linear, hidden)
    if isinstance(attention, SeparableTransformer):
        scale, shift = _scale_and_shift(attention.network, raw)
        return g.concat(scale, scale, shift) if attention.network.freedom == 3 else g.concat(scale, shift)
    if isinstance(attention, SpatialTransformer):
        return g.concat(*window(g, attention.network, raw))
    assert isinstance(attention, GaussianAttention)
    centre, stride, width, intensity = raw.split(2, 1, 1, 1)
    size, patch = attention.size, attention.patch
    centre = (size + 1) / 2 * (centre.tanh() + 1.0)
    stride = _between(stride, *LOG_STRIDE) + math.log(max(1, size - 1) / max(1, patch - 1))
    width = _between(width, *LOG_WIDTH) + math.log(size / 28)
    return g.concat(centre, stride, width, LOG_INTENSITY * intensity.tanh())


def window(g: Graph, network: WindowNetwork, raw: Value) -> list[Value]:
    """The six numbers of an affine window, row by row, each (..., 1)."""
    scale, shift = _scale_and_shift(network, raw)
    turn, shear = raw.slice(4, 6, -1).tanh().halves(-1)
    turn, shear = network.bounds.max_turn * turn, network.bounds.max_shear * shear
    cos, sin = g("Cos", turn), g("Sin", turn)
    (across, down), (x, y) = scale.halves(-1), shift.halves(-1)
    return [cos * across, (shear * cos - sin) * down, x, sin * across, (shear * sin + cos) * down, y]


def outline(g: Graph, attention: Attention, where: Value, steps: int) -> Value:
    """Windows to be shown, (rows, T, 2, 3); of several the upright one around them."""
    if isinstance(attention, SeveralWindows):
        each = [outline(g, one, at, steps) for one, at in _places(attention, where)]
        middle = [one.slice(2, 3, -1) for one in each]
        reach = [one.slice(0, 2, -1).abs().sum(-1, keep=True) for one in each]
        low = g("Min", *(m - r for m, r in zip(middle, reach, strict=True)))
        high = g("Max", *(m + r for m, r in zip(middle, reach, strict=True)))
        return g.concat((high - low) * 0.5 * g.constant(np.eye(2, dtype=np.float32)), (high + low) * 0.5)
    if isinstance(attention, WholeImage):
        identity = g.constant(np.eye(2, 3, dtype=np.float32))
        return identity.expand(where.length(0), steps, 1, 1)
    if isinstance(attention, SpatialTransformer):
        return where.reshape(0, 0, 2, 3)
    if isinstance(attention, GaussianAttention):
        centre, stride, _ = where.split(2, 1, 2)
        x, y = ((2.0 * centre - 1.0) / attention.size - 1.0).halves(-1)
        across = down = stride.exp() * (attention.patch / attention.size)
    else:
        across, down, x, y = where.split(1, 1, 1, 1)
    nothing = across * 0.0
    return g.concat(across, nothing, x, nothing, down, y).reshape(0, 0, 2, 3)


def read(g: Graph, attention: Attention, images: Value, where: Value) -> Value:
    """The patch of each image at its place, (rows, numbers), images (rows, channels, size, size)."""
    if isinstance(attention, SeveralWindows):
        return g.concat(*(read(g, one, images, at) for one, at in _places(attention, where)))
    if isinstance(attention, SpatialTransformer):
        return g("Flatten", grid_sample(g, images, where, attention.patch), axis=1)
    if isinstance(attention, GaussianAttention):
        down, across = _filters(g, attention, where)
        down = down * where.slice(4, 5, -1).exp().unsqueeze(2)
    else:
        points = _centres(g, attention.patch)
        shift, scale = where.slice(2, 4, -1).unsqueeze(2), where.slice(0, 2, -1).unsqueeze(2)
        across, down = _axes(g, _bilinear(g, scale * points + shift, attention.size))
    return g("Flatten", down.unsqueeze(1) @ images @ across.transpose(0, 2, 1).unsqueeze(1), axis=1)


def write_all(g: Graph, attention: Attention, patches: Value, where: Value) -> Value:
    """The sum of what all steps write, (rows, channels, size, size), of patches (rows, T, channels, patch, patch)."""
    if isinstance(attention, SeveralWindows):
        return functools.reduce(operator.add, (write_all(g, *each) for each in _apart(g, attention, patches, where)))
    if not isinstance(attention, SeparableTransformer | GaussianAttention):
        return write_each(g, attention, patches, where).sum(1)
    channels, size = patches.length(2), attention.size
    down, across = _writing(g, attention, where)  # (rows, T, patch, size)
    lines = patches @ across.unsqueeze(2)
    lines = lines.transpose(0, 2, 1, 3, 4).reshape(0, channels, -1, size)
    return down.transpose(0, 3, 1, 2).reshape(0, size, -1).unsqueeze(1) @ lines


def write_each(g: Graph, attention: Attention, patches: Value, where: Value) -> Value:
    """What each step writes, (rows, T, channels, size, size)."""
    if isinstance(attention, SeveralWindows):
        return functools.reduce(operator.add, (write_each(g, *each) for each in _apart(g, attention, patches, where)))
    if isinstance(attention, WholeImage):
        return patches
    if isinstance(attention, SpatialTransformer):
        return _write_affine(g, attention, patches, where)
    down, across = _writing(g, attention, where)
    return down.transpose(0, 1, 3, 2).unsqueeze(2) @ patches @ across.unsqueeze(2)


def grid_sample(g: Graph, images: Value, windows: Value, size: int) -> Value:
    """``image(A u + b)`` of windows (rows, 6) on a grid of size x size points u, zeros outside."""
    a, b, x, c, d, y = (number.unsqueeze(2) for number in windows.split(1, 1, 1, 1, 1, 1))
    centres = _centre(size)
    across = g.constant(np.broadcast_to(centres, (size, size))[..., None].copy())
    down = g.constant(np.broadcast_to(centres[:, None], (size, size))[..., None].copy())
    rows = ((part.unsqueeze(3) for part in row) for row in ((a, b, x), (c, d, y)))
    points = g.concat(*(p * across + q * down + r for p, q, r in rows))
    return _sampled(g, images, points)


def sample_points(g: Graph, images: Value, displacement: Value, size: int) -> Value:
    """``image(p + displacement(p))`` at all pixels p, of displacements (rows, size, size, 2)."""
    across, down = np.meshgrid(_centre(size), _centre(size))
    return _sampled(g, images, displacement + g.constant(np.stack([across, down], axis=-1)))


def _sampled(g: Graph, images: Value, points: Value) -> Value:
    return g("GridSample", images, points, mode="bilinear", padding_mode="zeros", align_corners=0)


def invert(g: Graph, windows: Value) -> Value:
    """The maps from image to window coordinates."""
    a, b, x, c, d, y = windows.split(1, 1, 1, 1, 1, 1)
    scale = 1.0 / (a * d - b * c)
    return g.concat(*(number * scale for number in (d, -b, b * y - d * x, -c, a, c * x - a * y)))


def _windows(attention: SeveralWindows) -> list[Attention]:
    return list(attention.windows)  # type: ignore[arg-type]


def _places(attention: SeveralWindows, where: Value) -> list[tuple[Attention, Value]]:
    """Each window, and where it is."""
    windows = _windows(attention)
    return list(zip(windows, where.split(*(one.numbers for one in windows)), strict=True))


def _apart(g: Graph, attention: SeveralWindows, patches: Value, where: Value) -> list[tuple[Attention, Value, Value]]:
    """Each window, its part of the patches (rows, T, layers, patch, patch), and where it is."""
    places = _places(attention, where)
    parts = g.several("Split", len(places), patches, axis=2)
    return [(one, part, at) for (one, at), part in zip(places, parts, strict=True)]


def _write_affine(g: Graph, attention: Attention, patches: Value, where: Value) -> Value:
    patch, size, channels = attention.patch, attention.size, patches.length(2)
    flat = g("Reshape", patches, g.shape([-1, channels, patch, patch]))
    written = grid_sample(g, flat, invert(g, where.reshape(-1, 6)), size)
    return written.reshape(where.length(0), where.length(1), channels, size, size)


def _scale_and_shift(network: WindowNetwork, raw: Value) -> tuple[Value, Value]:
    low, high = math.log(network.bounds.min_scale), math.log(network.bounds.max_scale)
    scales = 1 if network.freedom == 3 else 2
    scale = (low + (high - low) * raw.slice(0, scales, -1).sigmoid()).exp()
    return scale, network.bounds.max_shift * raw.slice(scales, scales + 2, -1).tanh()


def _between(raw: Value, low: float, high: float) -> Value:
    return low + (high - low) * raw.sigmoid()


def _centre(size: int) -> np.ndarray:
    return ((2 * np.arange(size) + 1) / size - 1).astype(np.float32)


def _centres(g: Graph, size: int) -> Value:
    return g.constant(_centre(size))


def _bilinear(g: Graph, points: Value, size: int) -> Value:
    """The weights of bilinear interpolation of ``size`` pixels at each place, zeros outside."""
    pixel = ((points + 1.0) * float(size) - 1.0) / 2.0
    distance = (pixel.unsqueeze(-1) - g.constant(np.arange(size, dtype=np.float32))).abs()
    return g("Relu", 1.0 - distance)


def _axes(g: Graph, kernels: Value, axis: int = 1) -> list[Value]:
    """The parts of x and of y."""
    return [g("Squeeze", part, g.integers([axis])) for part in kernels.halves(axis)]


def _writing(g: Graph, attention: Attention, where: Value) -> tuple[Value, Value]:
    """Kernels of y and of x, (rows, T, patch, size)."""
    if isinstance(attention, GaussianAttention):
        down, across = _filters(g, attention, where, axis=2)
        return down * (-where.slice(4, 5, -1)).exp().unsqueeze(3), across
    scale, shift = where.slice(0, 2, -1).unsqueeze(3), where.slice(2, 4, -1).unsqueeze(3)
    points = ((_centres(g, attention.size) - shift) / scale + 1.0) * float(attention.patch) / 2.0 - 0.5
    samples = g.constant(np.arange(attention.patch, dtype=np.float32)[:, None])
    across, down = _axes(g, g("Relu", 1.0 - (points.unsqueeze(3) - samples).abs()), 2)
    return down, across


def _filters(g: Graph, attention: GaussianAttention, where: Value, axis: int = 1) -> tuple[Value, Value]:
    """DRAW's, of y and of x, (..., patch, size)."""
    centre, stride, width, _ = (part.unsqueeze(-1) for part in where.split(2, 1, 1, 1))
    steps = np.arange(1, attention.patch + 1, dtype=np.float32) - attention.patch / 2 - 0.5
    middle = centre + g.constant(steps.astype(np.float32)) * stride.exp()
    pixels = g.constant(np.arange(1, attention.size + 1, dtype=np.float32))
    distance = (pixels - middle.unsqueeze(-1)) * (-width).exp().unsqueeze(-1)
    across, down = _axes(g, g("Softmax", -0.5 * distance * distance, axis=-1), axis)
    return down, across
