"""Data sets by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from allograph.data import load_dataset, loading
from allograph.errors import AllographError


def test_omniglot_is_divided_as_asked(data_dir: Path) -> None:
    splits = load_dataset("omniglot", data_dir, split="45-5")
    assert len(splits.test.family_names) == 5


def test_strokes_are_divided_by_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_STROKE_DRAWINGS", 1)
    splits = load_dataset("strokes", seed=3)
    families = [set(part.family_names) for part in (splits.train, splits.validation, splits.test)]
    assert [len(part) for part in families] == [16, 2, 2]
    assert len(set.union(*families)) == 20


def test_an_unknown_name_names_the_known_ones() -> None:
    with pytest.raises(AllographError, match="'omniglott': give omniglot or strokes, or a folder"):
        load_dataset("omniglott")
