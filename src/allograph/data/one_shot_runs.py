"""Runs of one-shot classification within an alphabet: one exemplar of each class by one person, tests by another.

Lake, Salakhutdinov, Tenenbaum, "Human-level concept learning through probabilistic program induction",
Science 350 (2015) 1332: 20 runs of 20 classes, two from each of ten evaluation alphabets; people err in 4.5 % of the
tests.
"""

from __future__ import annotations

__all__ = ["ClassificationRuns", "draw_runs", "load_lake_runs"]

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from allograph.data.concepts import ConceptDataset
from allograph.data.files import PublishedFile, data_folder, present
from allograph.data.omniglot import omniglot_bitmaps
from allograph.errors import AllographError
from allograph.runtime.files import explain_os_error

Indices = npt.NDArray[np.int64]

RUNS, WAYS = 20, 20
"""Number of runs, and of classes in each; each class has one test."""

# `content` covers all pixels and labels in the order of `_members`.
_ARCHIVE = PublishedFile(
    "all_runs.zip",
    "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/one-shot-classification/",
    md5="e8996daecdf12afeeb4a53a179f06b19",
    content="1706fa4e08873636f0df9dbbea189ee6",
)


@dataclass(frozen=True, eq=False)
class ClassificationRuns:
    """R runs of W classes, each with one exemplar, and N tests.

    dataset: the drawings. exemplars (R, W) and tests (R, N): their numbers. right (R, N): the class of each test, 0 to
    W - 1. Within a run all exemplars are by one person, all tests by another, and all are from one alphabet.
    """

    dataset: ConceptDataset
    exemplars: Indices
    tests: Indices
    right: Indices

    def __len__(self) -> int:
        return len(self.exemplars)

    @property
    def ways(self) -> int:
        """The number of classes of a run, W."""
        return self.exemplars.shape[1]

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over all drawings and their places."""
        digest = hashlib.sha256(self.dataset.fingerprint().encode())
        for part in (self.exemplars, self.tests, self.right):
            digest.update(f"{part.shape}".encode() + part.astype("<i8").tobytes())
        return digest.hexdigest()


def load_lake_runs(data_dir: str | Path | None = None, seen_as: str = "omniglot") -> ClassificationRuns:
    """Lake's 20 runs, from omniglot/all_runs.zip in the data directory, which is downloaded if absent.

    A model sees the drawings as those of "omniglot", "omniglot-28" or "omniglot-52" (`load_omniglot`). Every class of
    every run is its own concept; families are the runs; drawer 0 made the exemplars, drawer 1 the tests.

    Raises AllographError if the archive cannot be downloaded or opened, or is not the published one.
    """
    path = present(_ARCHIVE, data_folder("omniglot", data_dir))
    images: list[npt.NDArray[np.uint8]] = []
    right: list[list[int]] = []
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with zipfile.ZipFile(path) as archive:
            for run in range(1, RUNS + 1):
                classes = [f"run{run:02d}/training/class{number:02d}.png" for number in range(1, WAYS + 1)]
                items = [f"run{run:02d}/test/item{number:02d}.png" for number in range(1, WAYS + 1)]
                images += [_bitmap(archive.read(member)) for member in (*classes, *items)]
                lines = archive.read(f"run{run:02d}/class_labels.txt").decode().splitlines()
                class_of = dict(line.split() for line in lines)
                right.append([classes.index(class_of[item]) for item in items])
    except OSError as error:
        if error.errno is not None:  # otherwise a file that is not an image
            raise explain_os_error(error, f"cannot read {path}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError):
        pass
    digest.update(b"".join(image.tobytes() for image in images))
    digest.update(np.array(right, dtype="<i8").tobytes())
    if digest.hexdigest() != _ARCHIVE.content:
        raise AllographError(f"{path} is damaged or not Lake's runs: delete it and run again to download it again")
    return _runs_of(np.stack(images), np.array(right), seen_as)


def draw_runs(dataset: ConceptDataset, runs: int = RUNS, *, ways: int = WAYS, seed: int = 0) -> ClassificationRuns:
    """Runs like Lake's with other characters; run r depends only on (seed, r); alphabets take turns.

    For each run, two people who drew the same `ways` characters of its alphabet are chosen, and these characters; the
    tests have their own order.

    Raises AllographError if no alphabet has two such people.
    """
    if runs < 2 or ways < 2:
        raise AllographError("one-shot classification needs at least 2 runs of 2 classes")
    pools = [pool for family in range(len(dataset.family_names)) if (pool := _pool(dataset, family, ways)) is not None]
    if not pools:
        raise AllographError(
            f"no alphabet of '{dataset.name}' has two people who drew the same {ways} characters: use omniglot"
        )
    exemplars, tests, right = [], [], []
    for run in range(runs):
        random = np.random.Generator(np.random.Philox(key=(seed, run)))
        drawn = pools[run % len(pools)]  # (characters, people): an index, or -1
        able = [person for person in range(drawn.shape[1]) if _shared(drawn, person, ways).any()]
        first = random.choice(able)
        second = random.choice(np.flatnonzero(_shared(drawn, first, ways)))
        both = np.flatnonzero((drawn[:, [first, second]] >= 0).all(axis=1))
        characters, order = random.choice(both, ways, replace=False), random.permutation(ways)
        exemplars.append(drawn[characters, first])
        tests.append(drawn[characters, second][order])
        right.append(order)
    return ClassificationRuns(dataset, np.stack(exemplars), np.stack(tests), np.stack(right))


def _pool(dataset: ConceptDataset, family: int, ways: int) -> Indices | None:
    """For each character of an alphabet and each person one drawing, or -1; None if too few people share enough
    characters."""
    characters = np.flatnonzero(dataset.family == family)
    indices = np.flatnonzero(np.isin(dataset.concept, characters))
    people, person = np.unique(dataset.drawer[indices], return_inverse=True)
    drawn = np.full((len(characters), len(people)), -1, dtype=np.int64)
    drawn[np.searchsorted(characters, dataset.concept[indices]), person.reshape(-1)] = indices
    return drawn if any(_shared(drawn, person, ways).any() for person in range(len(people))) else None


def _shared(drawn: Indices, person: int, ways: int) -> npt.NDArray[np.bool_]:
    """The other people who drew enough of this person's characters."""
    common = ((drawn >= 0) & (drawn[:, [person]] >= 0)).sum(axis=0) >= ways
    common[person] = False
    return common


def _runs_of(images: npt.NDArray[np.uint8], right: Indices, seen_as: str) -> ClassificationRuns:
    """The runs from packed bitmaps: the exemplars and then the tests of each run."""
    places = np.arange(len(images)).reshape(len(right), 2, -1)
    exemplars, tests = places[:, 0], places[:, 1]
    ways = exemplars.shape[1]
    concept = np.empty(len(images), dtype=np.int64)
    concept[exemplars] = np.arange(exemplars.size).reshape(exemplars.shape)
    concept[tests] = concept[np.take_along_axis(exemplars, right, axis=1)]
    names = tuple(f"run {run}" for run in range(1, len(right) + 1))
    dataset = ConceptDataset(
        name="omniglot-runs",
        images=omniglot_bitmaps(images, seen_as),
        concept=concept,
        drawer=np.isin(np.arange(len(images)), tests).astype(np.int64),
        concept_names=tuple(f"{name}/class {number}" for name in names for number in range(1, ways + 1)),
        family_names=names,
        family=np.repeat(np.arange(len(right)), ways),
    )
    return ClassificationRuns(dataset, exemplars, tests, right)


def _bitmap(content: bytes) -> npt.NDArray[np.uint8]:
    """The packed pixels of a drawing, ink = 1."""
    with Image.open(io.BytesIO(content)) as image:
        return np.packbits(np.asarray(image.convert("L")) < 128)
