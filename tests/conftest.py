"""What all tests share: their order, a cache directory of their own, and real data where this machine has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from allograph.data import ConceptDataset, load_omniglot, stroke_concepts
from allograph.runtime.threads import usable_cores

_MOST_WORKERS = 8
"""One takes some 1.5 GB, and the longest file bounds what more of them gain."""

_LONG_FILES = (
    "training/test_compiling.py",
    "studio/test_site.py",
    "parallel/test_training.py",
    "training/test_fit.py",
    "studio/test_page.py",
    "training/test_presets.py",
    "test_shipped.py",
    "docs/test_snippets.py",
)
"""The files that take longest, the longest first."""

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"

# The same examples on every run, however busy the machine is.
settings.register_profile("allograph", derandomize=True, deadline=None, max_examples=50, database=None)
settings.load_profile("allograph")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """As many workers as cores that this process may use."""
    return min(usable_cores(), _MOST_WORKERS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """A worker computes with one thread, and so do the processes that it starts: the cores have a worker each."""
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One process: slow tests at the end. Several workers: the long files first, so that no worker is left with one of
    them when the others have nothing more to do."""
    if hasattr(config, "workerinput"):
        folder = Path(__file__).parent
        places = {folder / name: place for place, name in enumerate(_LONG_FILES)}
        items.sort(key=lambda item: places.get(item.path, len(places)))
    else:
        items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session", autouse=True)
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh ALLOGRAPH_CACHE for the run, so that tests neither see nor change what the user has cached.

    Workers share it: what is cached there is written whole or not at all.
    """
    folder = tmp_path_factory.mktemp("cache")
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = tmp_path_factory.getbasetemp().parent / "cache"
        folder.mkdir(exist_ok=True)
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
