"""What every kind of attention keeps: identity, places, adjoints, sums over steps, finite numbers, precision."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from allograph.attention import Attention, AttentionKind, SeparableTransformer, SpatialTransformer, WindowBounds
from allograph.attention import attention_of as of_kind

KINDS: tuple[AttentionKind, ...] = get_args(AttentionKind)
SIZE, PATCH, FEATURES = 7, 4, 5
each_kind = pytest.mark.parametrize("kind", KINDS)
seeds = st.integers(0, 2**31)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def attention(kind: AttentionKind, size: int = SIZE, patch: int = PATCH) -> Attention:
    return of_kind(kind, FEATURES, size, patch, WindowBounds(min_scale=0.2, max_shift=0.8), 0.7).double()


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def places(module: Attention, *batch: int, seed: int = 0) -> Tensor:
    """Where a random network looks for random hidden states."""
    for index, parameter in enumerate(module.parameters()):
        parameter.data = some(*parameter.shape, seed=seed + index)
    return module(some(*batch, FEATURES, seed=seed + 10)).detach()


def decide(module: Attention, raw: Tensor) -> Tensor:
    """Where the network looks when its last layer says ``raw``."""
    linear = next((part for part in module.modules() if isinstance(part, nn.Linear)), None)
    if linear is None:
        return module(raw.new_zeros(1, FEATURES))
    linear.weight.data.zero_()
    linear.bias = nn.Parameter(raw[: linear.out_features].clone())
    return module(raw.new_zeros(1, FEATURES))


def whole(kind: AttentionKind, size: int) -> Tensor:
    """The place that is the whole image, pixel by pixel."""
    return torch.tensor(
        {
            "none": [[]],
            "gaussian": [[(size + 1) / 2, (size + 1) / 2, 0.0, -4.0, 0.0]],
            "zoom": [[1.0, 1, 0, 0]],
            "stretch": [[1.0, 1, 0, 0]],
            "affine": [[1.0, 0, 0, 0, 1, 0]],
        }[kind],
        dtype=torch.float64,
    )


@each_kind
@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_the_whole_image_in_a_window_of_its_size_is_the_identity(kind: AttentionKind, size: int) -> None:
    module, image = attention(kind, size, size), some(1, 3, size, size)
    assert_close(module.read(image, whole(kind, size)), image)
    assert_close(module.write(image, whole(kind, size)), image)


@each_kind
def test_places_have_the_numbers_and_patches_the_side_that_are_told(kind: AttentionKind) -> None:
    module = attention(kind)
    where = places(module, 2, 3)
    assert where.shape == (2, 3, module.numbers)
    assert module.numbers == {"none": 0, "gaussian": 5, "zoom": 4, "stretch": 4, "affine": 6}[kind]
    assert module.outline(where).shape == (2, 3, 2, 3)
    side = SIZE if kind == "none" else PATCH
    assert module.patch == side
    assert module.read(some(2, 3, SIZE, SIZE), where[:, 0]).shape == (2, 3, side, side)
    assert module.write(some(2, 3, side, side), where[:, 0]).shape == (2, 3, SIZE, SIZE)


@given(seeds)
@settings(max_examples=20)
@pytest.mark.parametrize("freedom", [3, 4])
def test_two_matrix_products_do_what_the_sampling_grid_does(freedom: int, seed: int) -> None:
    bounds = WindowBounds(min_scale=0.2, max_shift=0.8)
    products = SeparableTransformer(FEATURES, SIZE, PATCH, bounds, freedom=freedom).double()  # type: ignore[arg-type]
    grid = SpatialTransformer(FEATURES, SIZE, PATCH, bounds)
    where = places(products, 2, 3, seed=seed)
    assert (where[..., 0] == where[..., 1]).all() == (freedom == 3)
    window = products.outline(where).flatten(-2)
    image, patches = some(2, 2, SIZE, SIZE, seed=seed), some(2, 3, 2, PATCH, PATCH, seed=seed)
    assert_close(products.read(image, where[:, 0]), grid.read(image, window[:, 0]))
    assert_close(products.write(patches[:, 0], where[:, 0]), grid.write(patches[:, 0], window[:, 0]))
    assert_close(products.write_each(patches, where), grid.write_each(patches, window))
    assert_close(products.write_all(patches, where), grid.write_all(patches, window))


@each_kind
def test_what_all_steps_write_is_the_sum_of_what_each_writes(kind: AttentionKind) -> None:
    module = attention(kind)
    where = places(module, 2, 3)
    patches = some(2, 3, 2, module.patch, module.patch)
    one_by_one = torch.stack([module.write(patches[:, t], where[:, t]) for t in range(3)], dim=1)
    assert_close(module.write_each(patches, where), one_by_one)
    assert_close(module.write_all(patches, where), one_by_one.sum(dim=1))


@each_kind
@given(seed=seeds)
@settings(max_examples=10)
def test_reading_and_writing_are_linear(kind: AttentionKind, seed: int) -> None:
    module = attention(kind)
    where = places(module, 2, seed=seed)
    for do, side in ((module.read, SIZE), (module.write, module.patch)):
        one, two = some(2, 1, side, side, seed=seed), some(2, 1, side, side, seed=seed + 1)
        assert_close(do(2 * one - 3 * two, where), 2 * do(one, where) - 3 * do(two, where))


@each_kind
def test_the_outline_is_the_window_whose_samples_are_read(kind: AttentionKind) -> None:
    """An image of its own coordinates, read, shows where each sample was taken: at the pixel centres of the outline,
    which lie inside it."""
    module, size = attention(kind, 24, 3), 24
    raw = torch.tensor([-0.4, 0.1, 0.2, -0.3, 0.25, -0.2], dtype=torch.float64)
    where = decide(module, raw)
    centre = (2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1
    coordinates = torch.stack([centre.expand(size, size), centre[:, None].expand(size, size)])
    seen = module.read(torch.cat([coordinates, torch.ones(1, size, size).double()])[None], where)[0]
    taken = seen[:2] / seen[2]  # DRAW's intensity scales all alike
    inner = (2 * torch.arange(module.patch, dtype=torch.float64) + 1) / module.patch - 1
    v, u = torch.meshgrid(inner, inner, indexing="ij")
    outline = module.outline(where)[0]
    expected = (outline @ torch.stack([u, v, torch.ones_like(u)]).flatten(1)).view(2, *u.shape)
    assert expected.abs().max() <= 1 - 1 / size, "the window lies inside the image, or nothing can be said"
    assert_close(taken, expected, rtol=0, atol=1e-4)  # a pixel is 0.08


@each_kind
@given(raw=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=6, max_size=6))
@settings(max_examples=60)
@pytest.mark.parametrize("patch", [1, PATCH])
def test_no_numbers_make_anything_infinite(kind: AttentionKind, patch: int, raw: list[float]) -> None:
    module = attention(kind, patch=patch).float()
    where = decide(module, torch.tensor(raw))
    image = torch.rand(1, 1, SIZE, SIZE, generator=generator(0)).requires_grad_()
    sprites = torch.rand(1, 2, 1, module.patch, module.patch, generator=generator(1)).requires_grad_()
    steps = where[:, None].expand(-1, 2, -1)
    results = [
        module.read(image, where),
        module.write(sprites[:, 0], where),
        module.write_all(sprites, steps),
        module.write_each(sprites, steps),
        module.outline(where),
    ]
    torch.stack([result.square().sum() for result in results]).sum().backward()
    grown = [image.grad, sprites.grad, *(p.grad for p in module.parameters())]
    for value in [where, *results, *grown]:
        assert value is not None
        assert torch.isfinite(value).all()


@each_kind
def test_under_bfloat16_places_and_pixels_stay_in_float32(kind: AttentionKind) -> None:
    size, patch = 52, 12
    module = of_kind(kind, FEATURES, size, patch, WindowBounds(), 0.7)
    hidden = torch.randn(2, 3, FEATURES, generator=generator(0))
    image = torch.rand(2, 1, size, size, generator=generator(1))
    patches = torch.rand(2, 3, 1, module.patch, module.patch, generator=generator(2)).bfloat16()
    where = module(hidden).detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        near = module(hidden)
        half = [module.read(image, where[:, 0]), module.write_all(patches, where), module.write_each(patches, where)]
    assert near.dtype == torch.float32
    assert_close(near, where, rtol=0.02, atol=0.02 * size if kind == "gaussian" else 0.02)
    full = patches.float()
    exact = [module.read(image, where[:, 0]), module.write_all(full, where), module.write_each(full, where)]
    for one, other in zip(half, exact, strict=True):
        assert_close(one, other, rtol=1e-5, atol=1e-5)
