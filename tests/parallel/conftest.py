"""A folder of few small pictures, and a preset of few weights, which uses random numbers wherever training can."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.pictures import draw_symbol

PRESET = """
[model]
kind = "bending"
image_size = 12
steps = 3
bends = 2
latent = 3
hidden = 8
patch = 5
control = 3
decision = 8
encoder_width = 2
embedding = 6
field_size = 6
[data]
images = "grey"
binarisation = "dynamic"
shift = 1
[training]
batch_size = 8
max_steps = 50
warmup_steps = 5
validate_every = 10
validation_pairs = 10
checkpoint_every = 5
precision = "float32"
"""


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five classes of seven drawings."""
    folder = tmp_path_factory.mktemp("data") / "letters"
    for name in range(5):
        for number in range(7):
            draw_symbol(folder / f"letter-{name}" / f"{number}.png", name % 3, (50 + 4 * number, 46 + 3 * name))
    return folder


@pytest.fixture(scope="session")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("preset") / "tiny.toml"
    path.write_text(PRESET)
    return path
