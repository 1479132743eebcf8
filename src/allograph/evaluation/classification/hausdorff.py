"""The modified Hausdorff distance between drawings: a pixel classifier without any learning."""

from __future__ import annotations

__all__ = ["hausdorff_distances"]

from itertools import product

import numpy as np
import numpy.typing as npt

from allograph.data import ClassificationRuns

Points = npt.NDArray[np.float64]


def hausdorff_distances(runs: ClassificationRuns) -> npt.NDArray[np.float64]:
    """Distances between every test and every exemplar of each run, (runs, tests, ways), in pixels.

        max(mean_a min_b |a - b|, mean_b min_a |a - b|)    a and b the places of the ink of the one and of the other

    Dubuisson, Jain, "A modified Hausdorff distance for object matching", ICPR 1994.
    It compares the ink of the stored drawings, each with the mean of its ink in the middle, as in Lake et al., whose
    error on their 20 runs is 38.8 %. A drawing without ink is infinitely far from all others.
    """
    from scipy.spatial import KDTree

    distances = np.full((*runs.tests.shape, runs.ways), np.inf)
    for run in range(len(runs)):
        tests, exemplars = ([_ink(runs, index) for index in part[run]] for part in (runs.tests, runs.exemplars))
        test_trees, exemplar_trees = ([KDTree(points) for points in part] for part in (tests, exemplars))
        for i, j in product(range(len(tests)), range(len(exemplars))):
            if len(tests[i]) and len(exemplars[j]):
                there, _ = exemplar_trees[j].query(tests[i])
                back, _ = test_trees[i].query(exemplars[j])
                distances[run, i, j] = max(np.mean(there), np.mean(back))
    return distances


def _ink(runs: ClassificationRuns, index: int) -> Points:
    """The places of a drawing's ink relative to their mean, (n, 2)."""
    points = np.argwhere(runs.dataset.images.pixels([index])[0, 0] >= 128).astype(np.float64)
    return points - points.mean(axis=0) if len(points) else points
