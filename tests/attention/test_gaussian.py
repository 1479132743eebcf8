"""DRAW's filter banks against loops written straight from the paper's equations, and their symmetries."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from allograph.attention import GaussianAttention

seeds = st.integers(0, 2**31)


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def place(x: float, y: float, stride: float = 1.0, width: float = 0.05, intensity: float = 1.0) -> Tensor:
    """(1, 5): the centre (x, y), counted from 1 in pixels; stride and width in pixels."""
    return torch.tensor([[x, y, math.log(stride), math.log(width), math.log(intensity)]], dtype=torch.float64)


def attention(size: int, patch: int) -> GaussianAttention:
    return GaussianAttention(4, size, patch).double()


def filter_by_loop(centre: float, delta: float, sigma: float, count: int, size: int) -> list[list[float]]:
    """Equations 19 and 25 (20 and 26 for y): ``F[i, a] = exp(-(a - mu_i)^2 / 2 sigma^2) / Z``, counted from 1."""
    filters = []
    for i in range(1, count + 1):
        mu = centre + (i - count / 2 - 0.5) * delta
        bells = [math.exp(-((a - mu) ** 2) / (2 * sigma**2)) for a in range(1, size + 1)]
        filters.append([bell / sum(bells) for bell in bells])
    return filters


@given(seeds)
@settings(max_examples=25)
def test_reading_and_writing_are_the_papers_equations(seed: int) -> None:
    """Equations 21 to 29, in loops over pixels; numbers of the network are the network's own."""
    size, count = 6, 3
    module = attention(size, count)
    raw = some(5, seed=seed)
    module.linear.weight.data.zero_()
    module.linear.bias.data.copy_(raw)
    where = module(some(1, 4))

    def between(value: Tensor, low: float, high: float) -> float:
        return math.exp(math.log(low) + math.log(high / low) / (1 + math.exp(-value.item())))

    # Equations 22 to 24, with the bounds that keep strides, widths and intensities sane.
    center_x, center_y = ((size + 1) / 2 * (math.tanh(value) + 1) for value in raw[:2].tolist())
    delta = (size - 1) / (count - 1) * between(raw[2], 0.02, 2)
    sigma = between(raw[3], 0.3, 8) * size / 28
    gamma = math.exp(3 * math.tanh(raw[4].item()))
    along_x = filter_by_loop(center_x, delta, sigma, count, size)
    along_y = filter_by_loop(center_y, delta, sigma, count, size)

    image, patch = some(1, 1, size, size, seed=seed), some(1, 1, count, count, seed=seed + 1)
    read, written = torch.zeros(count, count).double(), torch.zeros(size, size).double()
    for i in range(count):
        for j in range(count):
            for b in range(size):
                for a in range(size):
                    weight = along_y[i][b] * along_x[j][a]
                    read[i, j] += gamma * weight * image[0, 0, b, a]
                    written[b, a] += weight * patch[0, 0, i, j] / gamma
    assert_close(module.read(image, where)[0, 0], read)
    assert_close(module.write(patch, where)[0, 0], written)


@given(seeds, st.integers(1, 6), st.integers(1, 5))
@settings(max_examples=40)
def test_writing_is_the_adjoint_of_reading_at_intensity_one(seed: int, size: int, patch: int) -> None:
    """<write(a), b> = <a, read(b)>, wherever the grid lies."""
    module, numbers = attention(size, patch), some(3, 5, seed=seed)
    where = torch.cat([size / 2 + size * numbers[:, :2], numbers[:, 2:4], torch.zeros(3, 1).double()], dim=1)
    a, b = some(3, 2, patch, patch, seed=seed + 1), some(3, 2, size, size, seed=seed + 2)
    assert_close((module.write(a, where) * b).sum(), (a * module.read(b, where)).sum())


@pytest.mark.parametrize(("column", "row"), [(1, 1), (3, 5), (6, 2)])
def test_a_narrow_filter_reads_and_writes_the_pixel_at_its_centre(column: int, row: int) -> None:
    module, image = attention(6, 1), some(1, 1, 6, 6)
    assert_close(module.read(image, place(column, row))[0, 0, 0, 0], image[0, 0, row - 1, column - 1])
    dot = torch.zeros(1, 1, 6, 6).double()
    dot[0, 0, row - 1, column - 1] = 1
    assert_close(module.write(torch.ones(1, 1, 1, 1).double(), place(column, row)), dot)


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("patch", [3, 4])
def test_a_centred_grid_reads_a_mirrored_image_as_the_mirrored_patch(size: int, patch: int) -> None:
    module, image = attention(size, patch), some(1, 1, size, size)
    for flipped in ((-1,), (-2,), (-1, -2)):
        for stride, width in ((1.0, 0.7), (0.6, 2.0), (3.0, 1.0)):
            where = place((size + 1) / 2, (size + 1) / 2, stride, width)
            assert_close(module.read(image.flip(flipped), where), module.read(image, where).flip(flipped))


def test_a_hidden_state_of_zero_looks_at_the_middle() -> None:
    where = attention(28, 5)(torch.zeros(1, 4).double())
    assert_close(where[:, :2], torch.full((1, 2), 14.5).double())
    assert 0.5 < where[0, 2].exp() * 4 / 27 < 1.1, "most of the image"


def test_intensity_scales_what_is_read_and_undoes_it_in_writing() -> None:
    module, image, patch = attention(6, 3), some(1, 1, 6, 6), some(1, 1, 3, 3)
    plain, bright = place(3, 4, width=1.0), place(3, 4, width=1.0, intensity=2.0)
    assert_close(module.read(image, bright), 2 * module.read(image, plain))
    assert_close(module.write(patch, bright), module.write(patch, plain) / 2)


def test_filters_sum_to_one_however_far_from_the_image() -> None:
    along_y, along_x = attention(6, 3).filters(place(500.0, -300.0, stride=20.0, width=0.3))
    for filters in (along_y, along_x):
        assert_close(filters.sum(dim=-1), torch.ones(1, 3).double())
