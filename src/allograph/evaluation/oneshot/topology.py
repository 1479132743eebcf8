"""The topology of drawings: do they have as many parts, holes, ends and crossings as their exemplar?"""

from __future__ import annotations

__all__ = ["Agreement", "TopologyResult", "picture_of", "topology_test"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from allograph.evaluation.oneshot.line_up import LineUp, ShapesResult, described, line_ups
from allograph.evaluation.oneshot.points import Estimate
from allograph.evaluation.oneshot.resampling import counts_of, resampled_by, units_of
from allograph.evaluation.pictures import Column, drawing_sheet
from allograph.imaging.topology import topology_of
from allograph.runtime.distributed import ALONE, Processes

if TYPE_CHECKING:
    from PIL import Image

    from allograph.data import ConceptDataset
    from allograph.evaluation.shown import ShownDrawings

KINDS = ("people", "rendered", "generated")

_ROWS = 8


@dataclass(frozen=True)
class Agreement:
    """How often drawings have as many parts as a given one, as many holes, parts and holes both, as many ends, as many
    crossings, and all four; 0 to 1."""

    parts: Estimate
    holes: Estimate
    both: Estimate
    ends: Estimate
    crossings: Estimate
    all: Estimate

    @property
    def shares(self) -> tuple[Estimate, ...]:
        """All numbers, in order."""
        return (self.parts, self.holes, self.both, self.ends, self.crossings, self.all)


@dataclass(frozen=True)
class TopologyResult(ShapesResult):
    """The result of the task `topology`.

    Attributes:
        people, generated: drawings by people and by the model, against their exemplar.
        rendered: drawings by people, only read and rendered again, against the exemplar; kept: against themselves, as
            they were before. Both are None if the model's images are the data's.
    """

    people: Agreement
    rendered: Agreement | None
    kept: Agreement | None
    generated: Agreement
    task: str = "topology"

    def table(self) -> str:
        """A table to print."""
        head = (
            f"drawings with as many as the exemplar, in %, {self.size} px; {self.characters} characters, "
            f"{self.exemplars} exemplars each, {self.drawings} drawings of each kind after an exemplar; {self.data}; "
            f"errors: bootstrap over {self.resampled}"
        )
        names = ("parts", "holes", "parts and holes", "ends", "crossings", "all four")
        lines = [head, f"{'':32}" + "".join(f"{name:>17}" for name in names)]
        for name, agreement in (
            ("people", self.people),
            ("real, only rendered again", self.rendered),
            ("generated", self.generated),
            ("rendered again, as before", self.kept),
        ):
            if agreement is not None:
                cells = [f"{100 * share.value:.1f} ± {100 * share.error:.1f}" for share in agreement.shares]
                lines.append(f"{name:32}" + "".join(f"{cell:>17}" for cell in cells))
        return "\n".join([*lines, *self.notes])


def topology_test(
    draw: ShownDrawings,
    dataset: ConceptDataset,
    *,
    size: int,
    characters: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> tuple[TopologyResult, list[LineUp]]:
    """Compare the counts of `topology_of` of drawings with those of the exemplar after which they were made.

    People's drawings after an exemplar are their other drawings of the character; they are the reference, since people
    do not always agree either. Standard errors are those for other alphabets (for other characters, where there are few
    alphabets): bootstrap. Returns the line-ups, too.

    Raises:
        AllographError: see `line_ups`.
    """
    shown = line_ups(draw, dataset, size=size, characters=characters, seed=seed, progress=progress, processes=processes)
    concepts = np.asarray([one.concept for one in shown])
    unit = resampled_by(dataset, concepts)
    counts = counts_of(units_of(dataset, concepts, unit), seed)
    found = processes.spread(lambda place: _agreeing_of(shown[place]), range(len(shown)))

    def agreement(kind: str) -> Agreement | None:
        if kind not in found[0]:
            return None
        agreed = counts @ np.asarray([one[kind] for one in found], float)
        values = agreed[:, :-1] / agreed[:, -1:]
        return Agreement(*(Estimate.bootstrap(column) for column in values.T))

    fields: dict[str, Any] = described(dataset, shown, size, unit, seed)
    fields |= {kind: agreement(kind) for kind in (*KINDS, "kept")}
    result = TopologyResult(
        **fields,
    )
    return result, shown


def _agreeing_of(one: LineUp) -> dict[str, list[int]]:
    """For one character and each kind: how many drawings agree with their references in each of the six ways, and how
    many drawings there are."""
    given = _counted(one.exemplars)[:, None]
    compared = {"people": (_counted(one.people), given), "generated": (_counted(one.generated), given)}
    if len(one.rendered):
        rendered = _counted(one.rendered)
        compared |= {"rendered": (rendered, given), "kept": (rendered, _counted(one.others))}
    found = {}
    for kind, (drawn, beside) in compared.items():
        parts, holes, ends, crossings = np.moveaxis(drawn == beside, -1, 0)
        ways = (parts, holes, parts & holes, ends, crossings, parts & holes & ends & crossings, np.ones_like(parts))
        found[kind] = [int(way.sum()) for way in ways]
    return found


def _counted(drawings: Tensor) -> npt.NDArray[np.int64]:
    """Parts, holes, ends and crossings of drawings (..., S, S): (..., 4)."""
    masks = drawings.flatten(0, -3).numpy() > 0
    return np.asarray([topology_of(mask) for mask in masks]).reshape(*drawings.shape[:-2], 4)


def picture_of(shown: Sequence[LineUp], seed: int) -> Image.Image:
    """Exemplars with their four counts; people's drawings; these only rendered again; the model's."""
    rows = [shown[place] for place in np.random.default_rng(seed).permutation(len(shown))[:_ROWS]]
    exemplars = torch.stack([one.exemplars[:1, None] for one in rows]).float()
    columns = [
        Column(
            "given",
            exemplars,
            True,
            notes=[" ".join(map(str, topology_of(one.exemplars[0].numpy() > 0))) for one in rows],
        )
    ]
    kinds = {"people": "people", "rendered": "people, rendered again", "generated": "the model"}
    for kind, title in kinds.items():
        few = min(len(one.after_exemplars(kind)[0]) for one in rows)
        if few:
            drawings = torch.stack([one.after_exemplars(kind)[0][:few, None] for one in rows])
            columns.append(Column(title, drawings.float()))
    return drawing_sheet(columns, _ROWS)
