"""What all tests share: a cache directory of their own, and real data where this machine has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from allograph.data import ConceptDataset, load_omniglot, stroke_concepts

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"

# The same examples on every run, however busy the machine is.
settings.register_profile("allograph", derandomize=True, deadline=None, max_examples=50, database=None)
settings.load_profile("allograph")


@pytest.fixture(scope="session", autouse=True)
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh ALLOGRAPH_CACHE for the session, so that tests neither see nor change what the user has cached."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLOGRAPH_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The directory with the real data: ALLOGRAPH_DATA, else shared/data beside the repository; else the test skips."""
    folder = Path(os.environ.get("ALLOGRAPH_DATA") or _BESIDE_THE_REPOSITORY)
    if not (folder / "omniglot" / "images_background.zip").exists():
        pytest.skip(f"Omniglot's archives are not in {folder}/omniglot: set ALLOGRAPH_DATA")
    return folder


@pytest.fixture(scope="session")
def omniglot(data_dir: Path, cache_directory: Path) -> ConceptDataset:
    """All of the real Omniglot."""
    return load_omniglot(data_dir)


@pytest.fixture(scope="session")
def strokes() -> ConceptDataset:
    """40 symbols of two scripts by six writers, made on the spot."""
    return stroke_concepts(40, 6, seed=0)
