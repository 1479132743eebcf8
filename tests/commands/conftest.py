"""A small real model in a real weights file, and pictures of symbols to hand in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import allograph
from allograph import weights
from allograph.generation.generator import Writer
from allograph.models import BendingModel
from commands.family import small_bending
from commands.pictures import draw_symbol


@pytest.fixture(scope="session")
def model() -> BendingModel:
    """An untrained model whose parameters are large enough that its drawings differ."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = BendingModel(small_bending()).eval()
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="session")
def card() -> dict[str, Any]:
    return {"data": {"name": "none"}, "temperature": 0.9}


@pytest.fixture(scope="session")
def weights_file(model: BendingModel, card: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    weights.save(path, model, card)
    return path


@pytest.fixture(scope="session")
def writer(weights_file: Path) -> Writer:
    return allograph.load(weights_file)


@pytest.fixture
def symbols(tmp_path: Path) -> list[Path]:
    """Two pictures in a folder of their own."""
    return [draw_symbol(tmp_path / "in" / f"{name}.png", kind) for kind, name in enumerate(("ka", "tho"))]


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """A folder with two classes, of two exemplars and one."""
    folder = tmp_path / "few"
    draw_symbol(folder / "ka" / "a.png", 0)
    draw_symbol(folder / "ka" / "b.png", 0, (70, 60))
    draw_symbol(folder / "tho" / "a.png", 1)
    return folder
