"""The model card: the fields that programs read are checked and typed; everything else is free text for people."""

from __future__ import annotations

__all__ = ["CARD_VERSION", "GUIDANCE", "TEMPERATURES", "ModelCard", "TrainedOn"]

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from allograph.errors import shown

if TYPE_CHECKING:
    from allograph.data import ExemplarKind, ImageKind

CARD_VERSION = 1
"""Version of the layout that training writes. Cards without a version are older; defaults fill what they lack."""

TEMPERATURES = (0.0, 2.0)
"""Allowed temperatures: above the first, up to the second."""

GUIDANCE = (0.0, 10.0)
"""Allowed guidance: from the first to the second."""

_SEEDS = range(2**32)
_COUNTS = range(2**16)

_TRAINED_ON = {
    "name": str,
    "split": str,
    "images": str,
    "fingerprint": str,
    "seed": _SEEDS,
    "sketch": [range(2**64)],
}
_CARD = {
    "version": range(CARD_VERSION + 1),
    "temperature": TEMPERATURES,
    "guidance": GUIDANCE,
    "size_variation": [(-1.0, 1.0)],
    "data": {**_TRAINED_ON, "ancestors": [_TRAINED_ON]},
    "settings": {
        "data": {"exemplars": str, "images": str, "binarisation": str, "blank": (0.0, 1.0), "contexts": [_COUNTS]},
        "training": {"seed": _SEEDS},
    },
}
"""Type of each field that a program reads: text, integers in a range, numbers in an interval, a list or a table."""


@dataclass(frozen=True)
class TrainedOn:
    """The training part of a data set; None if the card does not say.

    Attributes:
        name: name of the data set.
        split: its split; 30-20 if the card does not say.
        images: kind of the images, one of `allograph.imaging.spaces.IMAGES`.
        fingerprint: SHA-256 over all images.
        seed: seed of the training, which decided what was held out of a folder.
        sketch: hashes that recognise these images under another name (`ConceptDataset.overlap`).
    """

    name: str | None = None
    split: str = "30-20"
    images: str | None = None
    fingerprint: str | None = None
    seed: int = 0
    sketch: tuple[int, ...] | None = None

    @classmethod
    def of(cls, table: Mapping[str, Any], seed: int) -> TrainedOn:
        known: dict[str, Any] = {"seed": seed, **{key: table[key] for key in _TRAINED_ON if key in table}}
        if "sketch" in known:
            known["sketch"] = tuple(known["sketch"])
        return cls(**known)


@dataclass(frozen=True, eq=False)
class ModelCard(Mapping[str, Any]):
    """A model's card: a mapping of all its entries, with those that programs read as attributes.

    Attributes:
        table: all entries, as in the weights file.
        version: version of the card's layout; 0 if the card does not say.
        data: what the model was trained on last.
        ancestors: what its first weights were trained on.
        temperature, guidance: defaults for drawing.
        size_variation: mean and standard deviation of the logarithm of how much larger drawings are shown than the
            model made them (`allograph.generation.sizes`).
        exemplars: what the exemplars in training were to the targets.
        folder_images: kind as which the images of a folder were read.
        binarisation: binarisation of the training images.
        blank: share of the training without exemplars; None if the card does not say.
        contexts: the numbers of exemplars of a target in training.
    """

    table: Mapping[str, Any] = field(repr=False)
    version: int = 0
    data: TrainedOn = field(default_factory=TrainedOn, repr=False)
    ancestors: tuple[TrainedOn, ...] = field(default=(), repr=False)
    temperature: float = 1.0
    guidance: float = 1.0
    size_variation: tuple[float, float] = (0.0, 0.0)
    exemplars: ExemplarKind = "concept"
    folder_images: ImageKind = "symbols"
    binarisation: str = "none"
    blank: float | None = None
    contexts: tuple[int, ...] = (1,)

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> ModelCard:
        """The card of a weights file.

        Raises:
            ValueError: a field that programs read has the wrong type or value.
        """
        _check(table, _CARD, "")
        settings, data = table.get("settings", {}), table.get("data", {})
        drawn, seed = settings.get("data", {}), settings.get("training", {}).get("seed", 0)
        return cls(
            dict(table),
            version=table.get("version", 0),
            data=TrainedOn.of(data, seed),
            ancestors=tuple(TrainedOn.of(one, seed) for one in data.get("ancestors", ())),
            temperature=float(table.get("temperature", 1.0)),
            guidance=float(table.get("guidance", 1.0)),
            size_variation=_pair(table.get("size_variation", (0.0, 0.0))),
            exemplars="family" if drawn.get("exemplars") == "family" else "concept",
            folder_images=cast("ImageKind", drawn.get("images", "symbols")),
            binarisation=drawn.get("binarisation", "none"),
            blank=drawn.get("blank"),
            contexts=tuple(drawn.get("contexts", (1,))),
        )

    def __getitem__(self, key: str) -> Any:
        return self.table[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def trainings(self) -> tuple[TrainedOn, ...]:
        """Everything that the model was trained on, latest first."""
        return self.data, *self.ancestors


def _pair(values: Sequence[float]) -> tuple[float, float]:
    _expect(len(values) == 2 and values[1] >= 0, "size_variation", values, "a mean and a standard deviation")
    return float(values[0]), float(values[1])


def _check(value: Any, kind: Any, key: str) -> None:
    if isinstance(kind, dict):
        _expect(isinstance(value, Mapping), key, value, "a table")
        for name in kind.keys() & value.keys():
            _check(value[name], kind[name], f"{key}.{name}" if key else name)
    elif isinstance(kind, list):
        _expect(isinstance(value, list | tuple), key, value, "a list")
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
