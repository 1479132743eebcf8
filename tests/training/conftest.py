"""The data of tiny runs."""

from __future__ import annotations

import pytest

from allograph.data import Splits, load_dataset


@pytest.fixture(scope="session")
def strokes_splits() -> Splits:
    """The data set "strokes": it takes seconds to make."""
    return load_dataset("strokes")
