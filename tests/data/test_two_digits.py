"""Two digits on a canvas: the same for the same seed and place, and nothing but these digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.data import load_dataset
from allograph.data.two_digits import TwoDigits
from allograph.errors import AllographError

DIGITS = np.random.default_rng(0).integers(1, 256, (7, 5, 5), dtype=np.uint8)


@given(seed=st.integers(0, 2**64 - 1), count=st.integers(1, 30), side=st.integers(5, 12))
def test_a_picture_is_the_brighter_of_two_digits_where_they_lie(seed: int, count: int, side: int) -> None:
    images = TwoDigits.random(DIGITS, count, seed, side)
    expected = np.zeros((count, 1, side, side), dtype=np.uint8)
    for index in range(count):
        for digit, (row, column) in zip(images.chosen[index], images.corner[index], strict=True):
            for y in range(5):
                for x in range(5):
                    pixel = expected[index, 0, row + y, column + x]
                    expected[index, 0, row + y, column + x] = max(pixel, DIGITS[digit, y, x])
    np.testing.assert_array_equal(images.pixels(np.arange(count)), expected)


def test_a_picture_follows_from_seed_and_place_alone() -> None:
    few, many = TwoDigits.random(DIGITS, 5, 3, 12), TwoDigits.random(DIGITS, 50, 3, 12)
    np.testing.assert_array_equal(few.pixels(range(5)), many.pixels(range(5)))
    other = TwoDigits.random(DIGITS, 50, 4, 12)
    assert (many.pixels(range(50)) != other.pixels(range(50))).any(axis=(1, 2, 3)).mean() > 0.9


def test_every_digit_and_every_place_is_equally_likely() -> None:
    images = TwoDigits.random(DIGITS, 20_000, 0, 8)
    for drawn, choices in ((images.chosen, 7), (images.corner, 4)):
        share = np.bincount(drawn.reshape(-1), minlength=choices) / drawn.size
        assert len(share) == choices and np.abs(share - 1 / choices).max() < 0.01


def test_the_real_pictures_show_digits_of_their_own_part(published: Callable[[str], Path]) -> None:
    mnist = load_dataset("mnist", published("mnist"))
    one, other = (load_dataset("multi-mnist", published("mnist"), seed=seed) for seed in (0, 1))
    assert [len(part) for part in (one.train, one.validation, one.test)] == [50_000, 10_000, 10_000]
    assert one.train.fingerprint() != other.train.fingerprint()
    assert one.test.fingerprint() == other.test.fingerprint()
    for part, digits in ((one.train, mnist.train), (one.validation, mnist.validation), (one.test, mnist.test)):
        images = part.images
        assert isinstance(images, TwoDigits) and images.side == 64
        np.testing.assert_array_equal(images.digits, digits.images.pixels(np.arange(len(digits)))[:, 0])
        labels = np.sort(digits.concept[images.chosen[:200]], axis=1)
        names = [part.concept_names[concept] for concept in part.concept[:200]]
        assert names == [f"{first} and {second}" for first, second in labels]


def test_multi_mnist_64_is_the_same_pictures_at_their_own_size(published: Callable[[str], Path]) -> None:
    free, fixed = (load_dataset(name, published("mnist")).test for name in ("multi-mnist", "multi-mnist-64"))
    np.testing.assert_array_equal(free.images.pixels(range(9)), fixed.images.pixels(range(9)))
    assert (fixed.name, fixed.images.only_size) == ("multi-mnist-64", 64)
    assert fixed.fingerprint() != free.fingerprint()
    with pytest.raises(AllographError, match="'multi-mnist-64' is 64 x 64"):
        fixed.drawings([0], 40)
