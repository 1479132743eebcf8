"""A picture of confusions: each wrongly classified test beside the exemplars of the right and the chosen class."""

from __future__ import annotations

__all__ = ["confusion_picture"]

from collections.abc import Sequence
from itertools import product

from PIL import Image, ImageDraw, ImageFont

from allograph.data import ClassificationRuns
from allograph.evaluation.classification.result import Chosen
from allograph.imaging.sheet import ACCENT, PAGE, paste_tile

_WRONG = (200, 70, 40)
_TEXT = (70, 68, 64)
_MOST = 240
"""Largest number of confusions on one picture, which shows the first ones."""

_COLUMNS = 4
_GAP, _BETWEEN, _MARGIN = 10, 34, 28
_HEAD, _CAPTION = 26, 24
_TITLES = ("test", "right class", "chosen")


def confusion_picture(wrong: Sequence[Chosen], runs: ClassificationRuns) -> Image.Image:
    """Return one picture of the wrong answers, with three tiles each: the test and, framed, the exemplars of its class
    and of the class that was chosen (`Chosen.answer`). Below are the run and the test, counted from 1, and the nats
    by which the chosen class was preferred.

    Raises ValueError if no answer is wrong.
    """
    if not wrong:
        raise ValueError("a picture of confusions needs one")
    shown, cell = wrong[:_MOST], runs.dataset.side
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    width, height = 3 * cell + 2 * _GAP, cell + _CAPTION
    size = 2 * _MARGIN + columns * (width + _BETWEEN) - _BETWEEN, 2 * _MARGIN + _HEAD + rows * (height + _GAP) - _GAP
    page = Image.new("RGB", size, PAGE)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(13)
    for column, (place, title) in product(range(columns), enumerate(_TITLES)):
        middle = _MARGIN + column * (width + _BETWEEN) + place * (cell + _GAP) + cell // 2
        draw.text((middle, _MARGIN), title, _TEXT, font, anchor="ma")
    for number, one in enumerate(shown):
        row, column = divmod(number, columns)
        left, top = _MARGIN + column * (width + _BETWEEN), _MARGIN + _HEAD + row * (height + _GAP)
        exemplars = runs.exemplars[one.run]
        indices = (runs.tests[one.run, one.item], exemplars[one.right], exemplars[one.answer])
        for place, (index, frame) in enumerate(zip(indices, (None, ACCENT, _WRONG), strict=True)):
            tile = Image.fromarray(255 - runs.dataset.images.pixels([index])[0, 0]).convert("RGB")
            paste_tile(page, tile, (left + place * (cell + _GAP), top, cell), frame)
        caption = f"run {one.run + 1}, test {one.item + 1}, by {-one.margin:.1f} nats"
        draw.text((left + width // 2, top + cell + 6), caption, _TEXT, font, anchor="ma")
    return page
