"""Smaller drawings keep their ink and every stroke."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from allograph.data import ConceptDataset
from allograph.data.resizing import coverage, ink, ink_threshold, neighbourhood_maximum

SIDE = 105
EIGHT_NEIGHBOURS = np.ones((3, 3))


def parts(pixels: np.ndarray) -> int:
    return ndimage.label(pixels, EIGHT_NEIGHBOURS)[1]


def draw_line(start: tuple[float, float], angle: float, length: float) -> np.ndarray:
    """A stroke five pixels wide on 105 x 105, cut off at the border."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.0
    along = np.clip((x - start[0]) * np.cos(angle) + (y - start[1]) * np.sin(angle), 0, length)
    distance = np.hypot(x - start[0] - along * np.cos(angle), y - start[1] - along * np.sin(angle))
    return (distance <= 2.5).astype(np.uint8)


def test_coverage_meets_a_plain_sum_over_pixels() -> None:
    bitmap = np.random.default_rng(0).integers(0, 2, (SIDE, SIDE)).astype(np.uint8)
    # At 30 pixels every target pixel is 3.5 source pixels wide: half pixels, counted on a grid twice as fine.
    fine = np.kron(bitmap, np.ones((2, 2)))
    expected = fine.reshape(30, 7, 30, 7).mean(axis=(1, 3))
    np.testing.assert_allclose(coverage(bitmap[None], 30)[0, 0].numpy(), expected, atol=1e-6)


@given(size=st.integers(8, 160), seed=st.integers(0, 2**32 - 1))
def test_coverage_keeps_the_amount_of_ink(size: int, seed: int) -> None:
    bitmap = (np.random.default_rng(seed).random((1, SIDE, SIDE)) < 0.1).astype(np.uint8)
    assert coverage(bitmap, size).mean().item() == pytest.approx(bitmap.mean(), abs=1e-6)


def test_coverage_is_not_shifted() -> None:
    bitmap = np.random.default_rng(0).integers(0, 2, (1, SIDE, SIDE)).astype(np.uint8)
    turned = coverage(np.ascontiguousarray(np.rot90(bitmap, 1, (1, 2))), 52)
    np.testing.assert_allclose(turned.numpy(), np.rot90(coverage(bitmap, 52).numpy(), 1, (2, 3)), atol=1e-6)


@given(x=st.integers(0, SIDE - 5), y=st.integers(0, SIDE - 5), size=st.integers(12, 130))
@settings(max_examples=150)
def test_the_smallest_dot_never_vanishes(x: int, y: int, size: int) -> None:
    bitmap = np.zeros((1, SIDE, SIDE), dtype=np.uint8)
    bitmap[0, y : y + 5, x : x + 5] = 1
    small = ink(coverage(bitmap, size))[0, 0].numpy()
    assert parts(small) == 1
    there = ndimage.center_of_mass(small)
    expected = (np.array([y, x]) + 2.5) * size / SIDE - 0.5
    assert np.abs(np.array(there) - expected).max() <= 0.75


@given(
    start=st.tuples(st.floats(10, 94), st.floats(10, 94)),
    angle=st.floats(0, 2 * np.pi),
    length=st.floats(5, 90),
    size=st.integers(20, 110),
)
@settings(max_examples=150)
def test_no_stroke_tears(start: tuple[float, float], angle: float, length: float, size: int) -> None:
    bitmap = draw_line(start, angle, length)[None]
    assert parts(ink(coverage(bitmap, size))[0, 0].numpy()) == 1


def test_nothing_comes_from_nothing() -> None:
    assert ink(coverage(np.zeros((2, SIDE, SIDE), dtype=np.uint8), 52)).sum() == 0


def test_threshold_is_a_half_except_for_tiny_images() -> None:
    assert ink_threshold(52) == ink_threshold(28) == 0.5
    assert 0.2 < ink_threshold(14) < ink_threshold(20) < 0.5


def test_neighbourhood_maximum_is_the_pooling_it_replaces() -> None:
    pixels = torch.randn(3, 1, 7, 9, generator=torch.Generator().manual_seed(0))
    before = pixels.clone()
    expected = torch.nn.functional.max_pool2d(pixels, 3, stride=1, padding=1)
    assert torch.equal(neighbourhood_maximum(pixels), expected)
    assert torch.equal(pixels, before)


@pytest.mark.parametrize("size", [28, 50, 52])
def test_omniglot_keeps_its_ink_and_its_strokes(omniglot: ConceptDataset, size: int) -> None:
    indices = np.arange(0, len(omniglot), 97)
    bitmaps = omniglot.images.unpack(indices)
    small = omniglot.drawings(indices, size)[:, 0].numpy()
    assert small.mean() == pytest.approx(bitmaps.mean(), rel=0.02)
    torn = sum(parts(after) > parts(before) for before, after in zip(bitmaps, small, strict=True))
    assert torn <= 1
