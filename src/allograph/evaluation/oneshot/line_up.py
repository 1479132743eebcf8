"""Exemplars, people's drawings and a model's, side by side, for tests that see shapes alone."""

from __future__ import annotations

__all__ = ["LineUp", "ShapesResult", "described", "halves", "line_ups", "shapes_of"]

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from allograph.data.resizing import coverage, ink
from allograph.errors import AllographError
from allograph.evaluation.drawing import check_drawings
from allograph.runtime.distributed import Processes

if TYPE_CHECKING:
    from allograph.data import ConceptDataset
    from allograph.evaluation.oneshot.resampling import Unit
    from allograph.evaluation.shown import ShownDrawings

Indices = npt.NDArray[np.int64]

_DRAWINGS = 20
"""Largest number of real drawings of a character, those of Omniglot."""

_PER_EXEMPLAR = 10
"""One of this many drawings is an exemplar."""


@dataclass(frozen=True)
class LineUp:
    """Drawings of one character, centred and thresholded alike: ink 1 on 0.

    Attributes:
        concept: the number of the character in the data set.
        exemplars: one or a few real drawings.
        people, others: as many further real drawings each; no drawing is in two sets.
        generated: the model's drawings after each exemplar.
        rendered: the ``others``, read and rendered again with nothing generated; none if the model's images are the
            data's.
        refused: number of drawings that could not be read and were left unchanged.
    """

    concept: int
    exemplars: UInt8[Tensor, "E S S"]
    people: UInt8[Tensor, "n S S"]
    others: UInt8[Tensor, "n S S"]
    generated: UInt8[Tensor, "E n S S"]
    rendered: UInt8[Tensor, "m S S"]
    refused: int

    def after_exemplars(self, kind: str) -> UInt8[Tensor, "E n S S"]:
        """The drawings of a kind that stand beside each exemplar."""
        drawings = getattr(self, kind)
        return drawings if drawings.ndim == 4 else drawings.expand(len(self.exemplars), *drawings.shape)


@dataclass(frozen=True)
class ShapesResult:
    """The fields that the results of all tests on line-ups share.

    Attributes:
        size: side in pixels of what is seen.
        characters, exemplars, drawings: number of characters, of exemplars of each (the most), and of drawings of each
            kind beside every exemplar (the most).
        resampled: the units that the bootstrap of the standard errors resamples.
        refused: number of drawings that could not be read and were left unchanged.
    """

    data: str
    data_fingerprint: str
    size: int
    characters: int
    exemplars: int
    drawings: int
    resampled: Unit
    seed: int
    refused: int

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    @property
    def notes(self) -> list[str]:
        """Lines for the end of a table."""
        left = f"note: {self.refused} drawings could not be read; they were left unchanged"
        return [left] if self.refused else []


def described(dataset: ConceptDataset, shown: list[LineUp], size: int, unit: Unit, seed: int) -> dict[str, Any]:
    """The fields of a `ShapesResult`."""
    return {
        "data": dataset.name,
        "data_fingerprint": dataset.fingerprint(),
        "size": size,
        "characters": len(shown),
        "exemplars": max(len(one.exemplars) for one in shown),
        "drawings": max(len(one.people) for one in shown),
        "resampled": unit,
        "seed": seed,
        "refused": sum(one.refused for one in shown),
    }


def line_ups(
    draw: ShownDrawings,
    dataset: ConceptDataset,
    *,
    size: int,
    characters: int | None,
    seed: int,
    progress: Callable[[int, int], None],
    processes: Processes,
) -> list[LineUp]:
    """The drawings of every character, or of ``characters`` characters chosen at random, as images of ``size`` pixels.

    Every tenth of a character's up to 20 drawings (but at least one) is an exemplar; the others are divided evenly. The
    model makes as many drawings after each exemplar as are in one of the halves, as `allograph write` shows them. Which
    drawing is what depends on (seed, character). ``progress`` is called with the numbers of finished and of all
    characters; several ``processes`` each take their share.

    Raises:
        AllographError: fewer than four characters have three drawings; drawings would have to be enlarged.
    """
    side = draw.writer.model.config.image_size if draw.direct else dataset.side
    if size > side:
        raise AllographError(f"the drawings are {side} x {side} pixels: use --size {side} or less")
    chosen = _characters(dataset, characters, seed)

    def shown(place: int) -> dict[str, Tensor | int]:
        rng = np.random.Generator(np.random.Philox(key=(seed, chosen[place])))
        drawings = rng.permutation(dataset.images_of(chosen[place]))[:_DRAWINGS]
        first = max(1, len(drawings) // _PER_EXEMPLAR)
        each = (len(drawings) - first) // 2
        images = dataset.drawings(drawings[: first + 2 * each], side)
        exemplars, people, others = images.split([first, each, each])
        before = draw.refused
        generated = draw(exemplars, each, int(rng.integers(2**31)))
        check_drawings(generated, (first, each, *images.shape[1:]))
        rendered = others[:0] if draw.direct else draw.again(others)
        kinds = {"exemplars": exemplars, "people": people, "others": others, "rendered": rendered}
        found = {name: shapes_of(part[:, 0], size) for name, part in kinds.items()}
        found["generated"] = shapes_of(generated.flatten(0, 2), size).unflatten(0, (first, each))
        progress(place + 1, len(chosen))
        return {**found, "refused": draw.refused - before}

    parts = processes.spread(shown, range(len(chosen)))
    return [LineUp(concept, **part) for concept, part in zip(chosen, parts, strict=True)]  # pyright: ignore[reportArgumentType]


def _characters(dataset: ConceptDataset, most: int | None, seed: int) -> list[int]:
    eligible = np.flatnonzero(dataset.drawings_per_concept >= 3)
    if most is not None and most < len(eligible):
        eligible = np.sort(np.random.default_rng(seed).choice(eligible, most, replace=False))
    if len(eligible) < 4:
        raise AllographError(f"{dataset.name}: this needs four characters of three drawings each")
    return eligible.tolist()


def shapes_of(drawings: Float[Tensor, "n side side"], size: int) -> UInt8[Tensor, "n size size"]:
    """Ink or not, where a pixel is half ink or more; the box around the ink in the middle; then made smaller, as data
    sets are (`allograph.data.resizing.ink`). So neither grey edges nor the place tell drawings apart."""
    bitmaps = (drawings >= 0.5).to(torch.uint8)
    for number, bitmap in enumerate(bitmaps):
        rows, columns = bitmap.any(1).nonzero(), bitmap.any(0).nonzero()
        if len(rows):
            spans = (rows[0] + rows[-1], columns[0] + columns[-1])
            moves = [int(len(bitmap) - 1 - span) // 2 for span in spans]
            bitmaps[number] = bitmap.roll(moves, (0, 1))
    return ink(coverage(bitmaps.numpy(), size))[:, 0].to(torch.uint8)


def halves(dataset: ConceptDataset, line_ups: list[LineUp], seed: int) -> tuple[Indices, Indices]:
    """The places of the line-ups in two halves without a common alphabet; of a single alphabet, without a common
    character. Alphabets are drawn at random and take turns."""
    families = dataset.family[[one.concept for one in line_ups]]
    groups = families if len(np.unique(families)) > 1 else np.arange(len(line_ups))
    drawn = np.random.default_rng(seed).permutation(np.unique(groups))
    first, second = (np.flatnonzero(np.isin(groups, drawn[start::2])) for start in (0, 1))
    return first, second
