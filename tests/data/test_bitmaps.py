"""Packed bitmaps give back what was put in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from allograph.data import PackedBitmaps

images = st.tuples(st.integers(0, 5), st.integers(1, 13)).flatmap(
    lambda shape: arrays.arrays(np.uint8, (shape[0], shape[1], shape[1]), elements=st.integers(0, 1))
)


@given(images)
def test_unpacking_undoes_packing(pixels: np.ndarray) -> None:
    packed = PackedBitmaps.pack(pixels)
    assert len(packed) == len(pixels)
    np.testing.assert_array_equal(packed.unpack(np.arange(len(pixels))), pixels)


@given(images.filter(len), st.data())
def test_selecting_and_unpacking_take_indices_in_any_order(pixels: np.ndarray, data: st.DataObject) -> None:
    indices = data.draw(st.lists(st.integers(0, len(pixels) - 1)))
    packed = PackedBitmaps.pack(pixels)
    np.testing.assert_array_equal(packed.unpack(indices), pixels[np.array(indices, dtype=int)])
    np.testing.assert_array_equal(packed.select(indices).unpack(range(len(indices))), packed.unpack(indices))


def test_whatever_is_not_zero_is_ink() -> None:
    packed = PackedBitmaps.pack(np.array([[[0.0, 0.2], [-3.0, 0.0]]]))
    np.testing.assert_array_equal(packed.unpack([0]), [[[0, 1], [1, 0]]])


def test_eight_pixels_take_a_byte() -> None:
    assert PackedBitmaps.pack(np.zeros((7, 105, 105))).bits.nbytes == 7 * 1379


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_only_square_images_are_packed(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="N, side, side"):
        PackedBitmaps.pack(np.zeros(shape))


def test_bits_must_fit_the_side() -> None:
    with pytest.raises(ValueError, match="rows of 2 bytes"):
        PackedBitmaps(np.zeros((1, 3), dtype=np.uint8), side=4)
