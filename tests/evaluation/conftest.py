"""Drawings that need no download: stroke symbols made on the spot, in two alphabets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from allograph.data import ConceptDataset, stroke_concepts
from allograph.evaluation import Critic, default_critic


@pytest.fixture(scope="session")
def symbols() -> ConceptDataset:
    """40 symbols by 20 writers, the first 16 of one alphabet and the other 24 of a second."""
    dataset = stroke_concepts(40, 20, seed=3)
    return replace(dataset, family_names=("first", "second"), family=np.repeat([0, 1], [16, 24]))


@pytest.fixture(scope="session")
def critic() -> Critic:
    """The critic that ships."""
    return default_critic()
