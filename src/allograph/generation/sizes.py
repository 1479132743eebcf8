"""The sizes of drawings, which differ as those of people's do.

Pictures of symbols are brought to one size before a model sees them, for a photo does not tell how large its maker
draws. So what a person would draw smaller or larger than the exemplar, the model draws nearly as large. Drawing k is
shown s_k times as large as the model made it, about its own middle and with the same pen:

    s_k = exp(m + tau d eps_k),   eps_k standard normal, tau the temperature.

m and d are on the card. With them, the sizes of drawings relative to their exemplars have the mean and the standard
deviation, in logarithms, that those of people's drawings have (`tools/ship.py`), if the picture has room: no drawing is
enlarged beyond its picture or the model's frame, so in a tight crop most are a little smaller.
"""

from __future__ import annotations

__all__ = ["size_noise", "sizes_of"]

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from allograph.generation.noise import normal, text_of


def size_noise(keys: Iterable[tuple[object, ...]]) -> Float[np.ndarray, " n"]:
    """eps_k of the drawing that each key names."""
    return np.array([normal(text_of(("size", *key)), 1)[0] for key in keys], np.float64)


def sizes_of(
    variation: tuple[float, float], noise: Float[np.ndarray, " n"], temperature: float
) -> Float[np.ndarray, " n"]:
    """s_k; ``variation`` is (m, d)."""
    mean, deviation = variation
    return np.exp(mean + temperature * deviation * noise)
