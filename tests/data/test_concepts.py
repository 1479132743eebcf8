"""Data sets of concepts: selection keeps content and names, the fingerprint sees every change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float

from allograph.data import ConceptDataset, PackedBitmaps, Pictures

COUNTS = (3, 1, 4, 0, 2)


@pytest.fixture(scope="module")
def dataset() -> ConceptDataset:
    """Ten drawings of five concepts in mixed order; the pixels of each spell its number."""
    concept = np.random.default_rng(0).permutation(np.repeat(np.arange(5), COUNTS))
    images = np.unpackbits(np.arange(1, 11, dtype=np.uint8)[:, None], axis=1)[:, :, None] * np.ones(8, dtype=np.uint8)
    return ConceptDataset(
        name="test",
        images=PackedBitmaps.pack(images),
        concept=concept,
        drawer=np.arange(10) + 100,
        concept_names=tuple("abcde"),
        family_names=("one", "two", "three"),
        family=np.array([0, 0, 1, 2, 2]),
    )


def test_images_of_a_concept_are_all_of_its_drawings(dataset: ConceptDataset) -> None:
    assert dataset.drawings_per_concept.tolist() == list(COUNTS)
    for concept in range(5):
        np.testing.assert_array_equal(dataset.images_of(concept), np.flatnonzero(dataset.concept == concept))


def test_rank_and_at_are_inverse(dataset: ConceptDataset) -> None:
    np.testing.assert_array_equal(dataset.at(dataset.concept, dataset.rank), np.arange(len(dataset)))
    assert dataset.at([[0], [2]], [[0, 1], [3, 0]]).shape == (2, 2)


@given(chosen=st.lists(st.integers(0, 4), unique=True))
def test_selected_concepts_keep_drawings_names_and_families(dataset: ConceptDataset, chosen: list[int]) -> None:
    part = dataset.select(chosen)
    assert part.concept_names == tuple("abcde"[concept] for concept in chosen)
    for new, old in enumerate(chosen):
        assert part.family_names[part.family[new]] == dataset.family_names[dataset.family[old]]
        mine, theirs = part.images_of(new), dataset.images_of(old)
        np.testing.assert_array_equal(part.drawer[mine], dataset.drawer[theirs])
        np.testing.assert_array_equal(part.images.unpack(mine), dataset.images.unpack(theirs))
    assert set(part.family_names) == {dataset.family_names[dataset.family[old]] for old in chosen}


def test_selecting_all_concepts_of_a_sorted_data_set_changes_nothing(strokes: ConceptDataset) -> None:
    assert strokes.select(np.arange(strokes.concepts)).fingerprint() == strokes.fingerprint()


@given(chosen=st.lists(st.integers(0, 9), unique=True))
def test_selected_drawings_keep_their_concepts(dataset: ConceptDataset, chosen: list[int]) -> None:
    part = dataset.select_drawings(chosen)
    names = [part.concept_names[concept] for concept in part.concept]
    assert names == [dataset.concept_names[dataset.concept[index]] for index in chosen]
    assert set(part.concept_names) == set(names)
    np.testing.assert_array_equal(part.images.unpack(range(len(part))), dataset.images.unpack(chosen))


def test_nothing_is_selected_twice(dataset: ConceptDataset) -> None:
    with pytest.raises(ValueError, match="twice"):
        dataset.select([1, 2, 1])
    with pytest.raises(ValueError, match="twice"):
        dataset.select_drawings([5, 5])


def test_equal_content_has_an_equal_fingerprint(dataset: ConceptDataset) -> None:
    same = replace(dataset, name="another name", concept=dataset.concept.astype(np.int32).copy())
    assert same.fingerprint() == dataset.fingerprint()


def test_every_change_of_content_changes_the_fingerprint(dataset: ConceptDataset) -> None:
    bits = dataset.images.bits.copy()
    bits[4, 2] ^= 1
    changed = [
        replace(dataset, images=PackedBitmaps(bits, 8)),
        replace(dataset, concept=np.roll(dataset.concept, 1)),
        replace(dataset, drawer=dataset.drawer[::-1].copy()),
        replace(dataset, concept_names=tuple("abcdf")),
        replace(dataset, family_names=("one", "two", "drei")),
        replace(dataset, family=np.array([0, 0, 1, 2, 1])),
    ]
    assert len({dataset.fingerprint(), *(other.fingerprint() for other in changed)}) == 7


def test_the_fingerprint_does_not_change_between_versions() -> None:
    tiny = ConceptDataset("t", PackedBitmaps.pack(np.eye(3)[None]), [0], [7], ("ß",), ("f",), [0])  # type: ignore[arg-type]
    assert tiny.fingerprint() == "a9fc8d05fc9bed05f7ce647088f6f56a97b58048148341d0e13105f5c679bd1d"


@pytest.mark.parametrize(
    "changes",
    [
        {"concept": np.zeros(3)},
        {"drawer": np.zeros(11)},
        {"concept": np.full(10, 5)},
        {"concept": np.full(10, -1)},
        {"family": np.zeros(4)},
        {"family": np.full(5, 3)},
    ],
)
def test_labels_that_fit_nothing_are_refused(dataset: ConceptDataset, changes: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"need as many|must lie in"):
        replace(dataset, **changes)


@pytest.mark.parametrize("size", [28, 52, 105])
def test_drawings_are_binary_and_square(strokes: ConceptDataset, size: int) -> None:
    drawings = strokes.drawings([3, 1, 2, 3], size)
    assert isinstance(drawings, Float[torch.Tensor, f"4 1 {size} {size}"])
    assert set(drawings.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(drawings[0], drawings[3])


def test_drawings_at_their_own_size_are_the_bitmaps(strokes: ConceptDataset) -> None:
    drawings = strokes.drawings([0, 9], strokes.side)
    np.testing.assert_array_equal(drawings[:, 0].numpy(), strokes.images.unpack([0, 9]))


def test_unlabelled_images_are_concepts_of_their_own() -> None:
    plain = ConceptDataset.unlabelled("plain", Pictures(np.zeros((4, 3, 5, 5), dtype=np.uint8)))
    assert (plain.concepts, plain.channels, plain.side, plain.binary) == (4, 3, 5, False)
    assert (plain.drawings_per_concept == 1).all()
    assert plain.select([2, 0]).concept_names == ("2", "0")


def test_pictures_have_fingerprints_of_their_values_and_channels() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (6, 1, 8, 8), dtype=np.uint8)
    changed = grey.copy()
    changed[5, 0, 7, 7] ^= 1
    stores = [
        Pictures(grey),
        Pictures(changed),
        Pictures(grey.reshape(2, 3, 8, 8)),
        PackedBitmaps.pack(grey[:, 0]),
        PackedBitmaps.pack(grey[:, 0], only_size=8),
    ]
    prints = [ConceptDataset.unlabelled("p", images).fingerprint() for images in stores]
    assert len(set(prints)) == 5
    assert ConceptDataset.unlabelled("q", Pictures(grey.copy())).fingerprint() != prints[0]  # the family's name
    assert ConceptDataset.unlabelled("p", Pictures(grey.copy())).fingerprint() == prints[0]
