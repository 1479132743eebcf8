"""The morphology of masks is scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from allograph.imaging.masks import dilated, eroded, opened


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 2), (40, 31)])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_masks_grow_and_shrink_as_scipys_do(share: float, shape: tuple[int, int], steps: int) -> None:
    mask = np.random.default_rng(0).random(shape) < share
    before = mask.copy()
    assert np.array_equal(dilated(mask, steps), ndimage.binary_dilation(mask, iterations=steps))
    assert np.array_equal(eroded(mask, steps), ndimage.binary_erosion(mask, iterations=steps))
    assert np.array_equal(opened(mask, steps), ndimage.binary_opening(mask, iterations=steps))
    assert np.array_equal(mask, before)
