"""What a model's card may say where programs read it; everything else on it is for people, and free."""

from __future__ import annotations

__all__ = ["GUIDANCE", "TEMPERATURES", "check_card"]

from collections.abc import Mapping
from typing import Any

from allograph.errors import shown

TEMPERATURES = (0.0, 2.0)
"""From above the first to the second."""

GUIDANCE = (0.0, 10.0)
"""From the first to the second."""

_SEEDS = range(2**32)

_TRAINED_ON = {
    "name": str,
    "split": str,
    "images": str,
    "fingerprint": str,
    "seed": _SEEDS,
    "sketch": [range(2**64)],
}
_CARD = {
    "temperature": TEMPERATURES,
    "guidance": GUIDANCE,
    "data": {**_TRAINED_ON, "ancestors": [_TRAINED_ON]},
    "settings": {
        "data": {"exemplars": str, "images": str, "binarisation": str, "blank": (0.0, 1.0)},
        "training": {"seed": _SEEDS},
    },
}
"""Of each field that a program reads: text, integers from a range, numbers from one to another, a list, a table."""


def check_card(card: Mapping[str, Any]) -> None:
    """ValueError for the first field that is not what the programs that read it take."""
    _check(card, _CARD, "")


def _check(value: Any, kind: Any, key: str) -> None:
    if isinstance(kind, dict):
        _expect(isinstance(value, Mapping), key, value, "a table")
        for name in kind.keys() & value.keys():
            _check(value[name], kind[name], f"{key}.{name}" if key else name)
    elif isinstance(kind, list):
        _expect(isinstance(value, list), key, value, "a list")
        for item in value:
            _check(item, kind[0], key)
    elif isinstance(kind, range):
        _expect(type(value) is int and value in kind, key, value, f"an integer from {kind[0]} to {kind[-1]}")
    elif isinstance(kind, tuple):
        low, high = kind
        _expect(type(value) in (int, float) and low <= value <= high, key, value, f"a number from {low:g} to {high:g}")
    else:
        _expect(isinstance(value, str), key, value, "text")


def _expect(right: bool, key: str, value: Any, what: str) -> None:
    if not right:
        raise ValueError(f"card: {key} = {shown(value)} is not {what}")
