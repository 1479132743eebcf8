"""Distances, blurs and centre lines on small rasters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from allograph.imaging.shapes import distance_transform, prune, signed_distance, smoothed
from allograph.imaging.widths import stroke_width


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 18),
    st.sampled_from([0.02, 0.2, 0.97]),
)
def test_distances_within_a_reach_are_exact(seed: int, height: int, width: int, reach: int, ink: float) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < ink
    exact = ndimage.distance_transform_edt(~mask) if mask.any() else np.inf
    wanted = np.minimum(exact, reach).astype(np.float32) * np.ones_like(mask)
    assert np.array_equal(distance_transform(mask, reach), wanted)
    if mask.any() and not mask.all():
        signed = np.maximum(signed_distance(mask), 0.5 - reach)
        assert signed_distance(mask, reach) == pytest.approx(signed, abs=1e-6)


def test_a_long_reach_is_exact_too() -> None:
    mask = np.zeros((300, 320), bool)
    mask[150, 160] = True
    assert np.array_equal(distance_transform(mask, 140), np.minimum(distance_transform(mask), 140))


@pytest.mark.parametrize(("spread", "shape"), [(2.0, (61, 64)), (3.6, (120, 131)), (7.2, (201, 240))])
def test_a_wide_blur_is_the_gaussian_one(spread: float, shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, bool)
    mask[shape[0] // 3, 20:-20] = mask[20:-20, shape[1] // 2] = True
    field = distance_transform(mask)
    inner = (slice(int(3 * spread), -int(3 * spread)),) * 2  # beyond the rim each goes on in its own way
    assert smoothed(field, spread)[inner] == pytest.approx(ndimage.gaussian_filter(field, spread)[inner], abs=0.05)


def test_spurs_go_and_strokes_stay() -> None:
    line, depth = np.zeros((60, 60), bool), np.full((60, 60), 1.0)
    line[30, 5:55] = True
    depth[30, 5:55] = 6.0
    for k in range(1, 7):  # from the middle of the stroke to its edge
        line[30 - k, 30] = True
        depth[30 - k, 30] = 6.0 - k
    line[31:56, 15] = True  # a stroke of its own that ends as thick as it was
    depth[31:56, 15] = 6.0
    pruned = prune(line, depth)
    assert not pruned[24:29, 30].any()
    assert pruned[30, 5:55].all()
    assert pruned[31:56, 15].all()


@pytest.mark.parametrize("pen", [1, 8, 13, 14, 27, 40, 80])
def test_the_width_of_strokes_is_right_in_large_pictures(pen: int) -> None:
    y, x = np.mgrid[:700, :900] - np.array([350.2, 450.4])[:, None, None]
    for degrees in (0.0, 3.0, 17.0, 45.0, 90.0):
        across, along = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        mask = (abs(x * across + y * along) <= pen / 2) & (abs(y * across - x * along) <= 300)
        assert stroke_width(mask) == pytest.approx(pen, abs=max(1.5, 0.08 * pen))


@pytest.mark.parametrize("pen", [3, 5, 7, 12])
def test_slanting_strokes_are_as_wide_as_upright_ones(pen: int) -> None:
    y, x = np.mgrid[:105, :105] - 52.3
    for degrees in range(0, 91, 9):
        across, along = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        mask = (abs(x * across + y * along) <= pen / 2) & (abs(y * across - x * along) <= 40)
        covered = mask.sum() / 80  # what its pixels make it
        assert stroke_width(mask) == pytest.approx(covered, rel=0.06), degrees


def test_a_dot_is_as_wide_as_it_is() -> None:
    y, x = np.mgrid[:40, :40] - 20
    assert stroke_width(np.hypot(x, y) <= 8) == pytest.approx(16, abs=1)
