"""Random stroke symbols: each follows from (seed, concept, drawing) alone, and looks like a drawing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from allograph.data import ConceptDataset, stroke_concepts


def images(dataset: ConceptDataset, concept: int) -> np.ndarray:
    return dataset.images.unpack(dataset.images_of(concept))


def test_more_concepts_and_drawings_leave_the_others_as_they_are() -> None:
    small, large = stroke_concepts(3, 2, seed=5), stroke_concepts(22, 4, seed=5)
    for concept in range(3):
        np.testing.assert_array_equal(images(small, concept), images(large, concept)[:2])


def test_another_seed_makes_other_symbols() -> None:
    one, other = stroke_concepts(2, 2, seed=0), stroke_concepts(2, 2, seed=1)
    assert not (one.images.bits == other.images.bits).all(axis=1).any()


def test_all_drawings_differ(strokes: ConceptDataset) -> None:
    assert len({row.tobytes() for row in strokes.images.bits}) == len(strokes)


def test_labels_say_who_drew_what(strokes: ConceptDataset) -> None:
    assert strokes.concepts == 40 and (strokes.drawings_per_concept == 6).all()
    assert strokes.drawer[strokes.images_of(7)].tolist() == list(range(6))
    assert len(strokes.family_names) == 2 and strokes.family.tolist() == [0] * 20 + [1] * 20


def test_drawings_have_omniglot_s_ink_pen_and_place(strokes: ConceptDataset) -> None:
    pixels = strokes.images.unpack(np.arange(len(strokes)))
    shares = pixels.mean(axis=(1, 2))
    assert shares.min() > 0.005 and 0.04 < shares.mean() < 0.09
    # Nothing is cut off, and nothing is wider than a pen: pixels 5 away from paper are only where strokes cross.
    assert (
        not pixels[:, 0].any() and not pixels[:, -1].any() and not pixels[:, :, 0].any() and not pixels[:, :, -1].any()
    )
    depth = np.array([ndimage.distance_transform_edt(image).max() for image in pixels[::7]])
    assert 2 < np.median(depth) < 5
    centre = np.array([ndimage.center_of_mass(image) for image in pixels])
    assert np.abs(centre.mean(axis=0) - 52).max() < 4


def test_drawings_of_one_symbol_are_more_alike_than_of_two(strokes: ConceptDataset) -> None:
    def blurred(concept: int) -> np.ndarray:
        drawings = strokes.drawings(strokes.images_of(concept), 28)[:, 0].numpy()
        centred = [ndimage.shift(one, 13.5 - np.array(ndimage.center_of_mass(one)), order=1) for one in drawings]
        flat = ndimage.gaussian_filter(np.stack(centred), (0, 2, 2)).reshape(len(drawings), -1)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    features = np.stack([blurred(concept) for concept in range(20)])
    nearest = [
        int(np.argmax(features[:, 0] @ features[concept, drawing])) == concept
        for concept in range(20)
        for drawing in range(1, 6)
    ]
    # Chance is 0.05.
    assert np.mean(nearest) > 0.5


def test_any_side_shows_the_same_symbol() -> None:
    large, small = stroke_concepts(1, 1, seed=0), stroke_concepts(1, 1, seed=0, side=52)
    one, other = large.drawings([0], 52), small.drawings([0], 52)
    assert (one * other).sum() / (one + other).clamp(max=1).sum() > 0.75


@pytest.mark.parametrize(("concepts", "drawings"), [(0, 1), (1, 0)])
def test_an_empty_set_is_refused(concepts: int, drawings: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        stroke_concepts(concepts, drawings, seed=0)
