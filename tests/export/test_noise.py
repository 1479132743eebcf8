"""The counter-based generator of noise; `tests/studio/test_site.py` holds the browser's to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from allograph.generation.noise import normal, philox, text_of

KNOWN = [  # of the authors' library Random123, file kat_vectors
    ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 2, (2**32 - 1,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0xA4093822, 0x299F31D0),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("key", "counter", "numbers"), KNOWN)
def test_the_published_numbers(key: tuple[int, int], counter: tuple[int, ...], numbers: tuple[int, ...]) -> None:
    assert tuple(philox(key, np.array([counter], np.uint32))[0]) == numbers


def test_numbers_are_normal_and_those_of_different_texts_unrelated() -> None:
    one, other = normal("a", 200_000), normal("b", 200_000)
    assert stats.kstest(one, "norm").pvalue > 0.01
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.01
    assert abs(np.corrcoef(one[::2], one[1::2])[0, 1]) < 0.01


def test_the_first_numbers_do_not_depend_on_how_many_there_are() -> None:
    assert np.array_equal(normal("x", 1001)[:7], normal("x", 7))
    assert normal("x", 0).shape == (0,)


def test_a_text_names_its_parts_one_by_one() -> None:
    assert text_of(("write", 1, "ab", 2)) == "write\n1\nab\n2"
    assert text_of(("write", 11)) != text_of(("write", 1, 1))
