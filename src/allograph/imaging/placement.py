"""The place of symbols in the images that models are trained on, and the width of the pen that drew them."""

from __future__ import annotations

__all__ = ["MNIST", "OMNIGLOT", "Placement"]

from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """Lengths are shares of the image's side.

    - `ink`: the longer side of the box around the ink
    - `centre`: the middle of that box, across and down; with `by_mass`, the centre of mass of the ink
    - `pen`: the width of the stroke
    """

    ink: float
    centre: float
    pen: float
    by_mass: bool = False


OMNIGLOT = Placement(ink=68 / 105, centre=51 / 105, pen=5 / 105)
"""Medians over 3,000 drawings drawn at random from the 30 background alphabets (`python -m
tests.imaging.measure_omniglot` prints them again). In 105ths, the longer side of the ink has mean 67.3 and standard
deviation 13.5; the box's centre varies less (5.4) than the centre of mass (6.3), so it is aligned; nine drawings out of
ten have strokes 5.0 wide."""

MNIST = Placement(ink=20 / 28, centre=14.5 / 28, pen=2.2 / 28, by_mass=True)
"""Digits were scaled to 20 of 28 pixels and shifted by their centre of mass (LeCun et al. 1998); the median stroke of
600 training digits is 2.2 pixels wide (a quarter are below 1.9, a quarter above 2.7)."""
