"""Pictures give back what was put in, in steps of 1/255 at every size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from jaxtyping import Float

from allograph.data import Images, PackedBitmaps, Pictures
from allograph.data.two_digits import TwoDigits

values = st.tuples(st.integers(1, 5), st.sampled_from([1, 3]), st.integers(1, 9)).flatmap(
    lambda shape: arrays.arrays(np.uint8, (*shape, shape[-1]))
)


@given(values, st.data())
def test_pixels_and_selection_take_indices_in_any_order(pixels: np.ndarray, data: st.DataObject) -> None:
    indices = data.draw(st.lists(st.integers(0, len(pixels) - 1)))
    pictures = Pictures(pixels)
    np.testing.assert_array_equal(pictures.pixels(indices), pixels[np.array(indices, dtype=int)])
    np.testing.assert_array_equal(pictures.select(indices).values, pictures.pixels(indices))


@given(values)
def test_at_the_stored_size_a_value_is_exactly_its_share_of_255(pixels: np.ndarray) -> None:
    n, channels, side, _ = pixels.shape
    drawings = Pictures(pixels).drawings(range(n), side)
    assert isinstance(drawings, Float[torch.Tensor, f"{n} {channels} {side} {side}"])
    np.testing.assert_array_equal(drawings.numpy(), pixels.astype(np.float32) / np.float32(255))


@given(values, st.integers(1, 20))
def test_at_other_sizes_values_are_rounded_area_averages(pixels: np.ndarray, size: int) -> None:
    drawings = Pictures(pixels).drawings(range(len(pixels)), size).numpy()
    # Every pixel in size parts, averaged over side of them: an area average by brute force.
    side = pixels.shape[-1]
    fine = pixels.repeat(size, axis=2).repeat(size, axis=3).astype(float)
    average = fine.reshape(*pixels.shape[:2], size, side, size, side).mean(axis=(3, 5))
    assert np.abs(drawings * 255 - average).max() <= 0.5 + 1e-3
    np.testing.assert_array_equal(drawings, (drawings * 255).round().astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 2, 4, 4), (2, 3, 4, 5)])
def test_only_square_grey_or_colour_pictures_are_held(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="1 or 3, side, side"):
        Pictures(np.zeros(shape, dtype=np.uint8))
    with pytest.raises(ValueError, match="float64"):
        Pictures(np.zeros((1, 1, 2, 2)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "images",
    [
        PackedBitmaps.pack(np.random.default_rng(0).random((6, 12, 12)) < 0.4),
        PackedBitmaps.pack(np.random.default_rng(0).random((6, 12, 12)) < 0.4, only_size=12),
        PackedBitmaps.pack(np.random.default_rng(0).random((6, 12, 12)) < 0.4, only_size=5),
        PackedBitmaps(np.random.default_rng(0).integers(0, 256, (6, 18), dtype=np.uint8), 12, 5, by_maximum=True),
        Pictures(np.random.default_rng(0).integers(0, 256, (6, 3, 12, 12), dtype=np.uint8)),
        TwoDigits.random(np.random.default_rng(0).integers(0, 256, (4, 5, 5), dtype=np.uint8), 6, seed=0, side=12),
    ],
)
def test_every_store_fills_the_role(images: Images) -> None:
    size = images.only_size or 7
    pixels = images.pixels([4, 1, 4])
    assert pixels.shape == (3, images.channels, images.side, images.side) and pixels.dtype == np.uint8
    assert not images.binary or set(np.unique(pixels)) <= {0, 255}
    drawings = images.drawings([4, 1, 4], size)
    assert drawings.shape == (3, images.channels, size, size) and drawings.dtype == torch.float32
    assert drawings.min() >= 0 and drawings.max() <= 1
    part = images.select([4, 1])
    assert len(images) == 6 and len(part) == 2
    np.testing.assert_array_equal(part.pixels([0, 1]), pixels[:2])
    assert torch.equal(part.drawings([0, 1], size), drawings[:2])
    assert list(images.select(range(6)).content()) == list(images.content()) != list(part.content())


def test_bitmaps_with_one_size_are_picked_and_never_averaged() -> None:
    bitmaps = (np.random.default_rng(0).random((3, 10, 10)) < 0.5).astype(np.uint8)
    own = PackedBitmaps.pack(bitmaps, only_size=10)
    np.testing.assert_array_equal(own.drawings([0, 1, 2], 10)[:, 0].numpy(), bitmaps)
    picked = PackedBitmaps.pack(bitmaps, only_size=4).drawings([2], 4)[0, 0].numpy()
    np.testing.assert_array_equal(picked, bitmaps[2][[0, 2, 5, 7]][:, [0, 2, 5, 7]])
    with pytest.raises(ValueError, match="at 10 pixels only"):
        own.drawings([0], 9)
    with pytest.raises(ValueError, match="cannot be seen at 11"):
        PackedBitmaps.pack(bitmaps, only_size=11)
