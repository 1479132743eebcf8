"""Sketches tell which images were in a data set, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.data import ConceptDataset, PackedBitmaps, Pictures
from allograph.data.sketches import SKETCH


def numbered(numbers: np.ndarray) -> ConceptDataset:
    """Pictures that spell their numbers."""
    values = np.zeros((len(numbers), 1, 4, 4), dtype=np.uint8)
    values[:, 0, 0] = np.asarray(numbers)[:, None] >> (8 * np.arange(4)) & 255
    return ConceptDataset.unlabelled("numbers", Pictures(values))


@given(train=st.integers(1, 300), seen=st.integers(0, 40), unseen=st.integers(0, 40), seed=st.integers(0, 99))
def test_the_overlap_is_the_share_of_images_seen(train: int, seen: int, unseen: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    known = random.permutation(train)
    seen = min(seen, train)
    other = random.permutation(np.concatenate([known[:seen], 1000 + np.arange(unseen)]))
    share = numbered(other).overlap(numbered(known).sketch())
    assert share == pytest.approx(seen / max(1, seen + unseen))


@given(st.permutations(list(range(30))))
def test_order_and_repetition_do_not_matter(order: list[int]) -> None:
    assert numbered(np.array(order)).sketch() == numbered(np.arange(30)).sketch()
    assert numbered(np.array(order * 2)).sketch() == numbered(np.arange(30)).sketch()


@pytest.mark.parametrize("seed", range(4))
def test_of_a_large_set_a_full_sketch_is_enough(seed: int) -> None:
    numbers = np.random.default_rng(seed).permutation(20_000)
    sketch = numbered(numbers[:8000]).sketch()
    assert len(sketch) == SKETCH and list(sketch) == sorted(set(sketch)) and sketch[0] >= 0 and sketch[-1] < 2**64
    assert numbered(numbers[7000:8000]).overlap(sketch) == 1
    assert numbered(numbers[8000:]).overlap(sketch) == 0
    half = numbered(numbers[6000:10000]).overlap(sketch)
    assert half == pytest.approx(0.5, abs=0.12)  # about 512 of them can be compared
    assert json.loads(json.dumps(sketch)) == list(sketch)


def test_nothing_comparable_is_no_overlap() -> None:
    empty = numbered(np.arange(0))
    assert empty.sketch() == () and empty.overlap(numbered(np.arange(5)).sketch()) == 0
    assert numbered(np.arange(5)).overlap(()) == 0


def test_bitmaps_are_known_again_as_pictures() -> None:
    bitmaps = np.random.default_rng(0).random((20, 9, 9)) < 0.5
    bits = ConceptDataset.unlabelled("bits", PackedBitmaps.pack(bitmaps, only_size=9))
    grey = ConceptDataset.unlabelled("grey", Pictures((bitmaps[:, None] * 255).astype(np.uint8)))
    assert bits.sketch() == grey.sketch()


def test_hashes_do_not_change_between_versions() -> None:
    assert numbered(np.array([7])).sketch() == (13435648307350579764,)
