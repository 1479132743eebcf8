"""What the tests of models share: a small model with each kind of prior, images and exemplars."""

from __future__ import annotations

import pytest
import torch

from allograph.models import BendingModel
from models.small import small_model


@pytest.fixture(params=["learned", "standard"])
def model(request: pytest.FixtureRequest) -> BendingModel:
    return small_model(prior=request.param)


@pytest.fixture
def images() -> torch.Tensor:
    """Six binary images, ink about a third: (6, 1, 9, 9)."""
    return (torch.rand(6, 1, 9, 9, generator=torch.Generator().manual_seed(1)) < 0.3).double()


@pytest.fixture
def context() -> torch.Tensor:
    """Two exemplars for each: (6, 2, 1, 9, 9)."""
    return (torch.rand(6, 2, 1, 9, 9, generator=torch.Generator().manual_seed(2)) < 0.3).double()
