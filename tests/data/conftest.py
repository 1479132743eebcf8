"""Real data of several publishers, where this machine has it, and a network that is down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pooch
import pytest
import requests


@pytest.fixture(scope="session")
def published(data_dir: Path) -> Callable[[str], Path]:
    """The directory with the real data, when it has the folder asked for; else the test skips."""

    def directory(folder: str) -> Path:
        if not (data_dir / folder).is_dir():
            pytest.skip(f"{data_dir} has no folder {folder}")
        return data_dir

    return directory


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Downloads fail, and are written down."""
    asked: list[dict[str, object]] = []

    def retrieve(url: str, known_hash: str, **where: object) -> None:
        asked.append({"url": url, "known_hash": known_hash, **where})
        raise requests.ConnectionError("no route to host\nsecond line")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    return asked
