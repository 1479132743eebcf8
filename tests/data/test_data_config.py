"""What a preset may say of its data."""

from __future__ import annotations

import pytest

from allograph.config import DataConfig, from_dict
from allograph.errors import AllographError


def test_contexts_are_numbers_of_exemplars_or_none_ever() -> None:
    assert from_dict(DataConfig, {"contexts": 0}).contexts == (0,)
    for wrong in ((), (0, 1), (-1,)):
        with pytest.raises(AllographError, match="each at least 1, or only 0"):
            from_dict(DataConfig, {"contexts": wrong})


@pytest.mark.parametrize("key", ["binarisation", "images"])
def test_a_choice_names_the_known_ones(key: str) -> None:
    with pytest.raises(AllographError, match=f"{key} = 'wrong' is not one of '(none|symbols)', "):
        from_dict(DataConfig, {key: "wrong"})


def test_a_shift_is_no_less_than_nothing() -> None:
    with pytest.raises(AllographError, match="shift = -1 is too small"):
        from_dict(DataConfig, {"shift": -1})
