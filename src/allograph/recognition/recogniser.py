"""`Recogniser`: which symbol a drawing shows, with scikit-learn's conventions and without needing scikit-learn."""

from __future__ import annotations

__all__ = ["Guess", "Look", "Recognised", "Recogniser", "look"]

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import torch

from allograph import __version__
from allograph.data.files import cached
from allograph.errors import AllographError
from allograph.imaging.candidates import Polarity
from allograph.imaging.decoding import Picture
from allograph.imaging.preprocessing import preprocess
from allograph.recognition.calibration import Calibration
from allograph.recognition.evidence import (
    SAMPLES,
    SHORTLIST,
    SIDE,
    Evidence,
    Known,
    bitmaps_of,
    default_examiner,
)

if TYPE_CHECKING:
    from sklearn.utils import Tags

_PARAMETERS = ("none", "threshold", "shortlist", "samples", "seed", "ink")


@dataclass(frozen=True)
class Look:
    """A drawing as it is compared: its packed pixels (`SIDE` square) and the critic's features, with notes for the
    user."""

    row: npt.NDArray[np.uint8]
    features: npt.NDArray[np.float32]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guess:
    """A class and the probability that the drawing shows it."""

    label: Any
    probability: float


@dataclass(frozen=True)
class Recognised:
    """What a drawing shows.

    Attributes:
        answer: the most probable class, or None if the drawing probably shows none of them.
        none: the probability of that.
        guesses: the most probable classes, the first first.
    """

    answer: Any
    none: float
    guesses: tuple[Guess, ...]


class Recogniser:
    """A classifier that learns every class from one or a few drawings; see `allograph.recognition.calibration`.

    Drawings are pictures as for `allograph write`: files, PIL images or arrays of any size, ink and paper, or one array
    of many pictures, (n, height, width). The cache folder keeps what depends only on the files of `fit`.

    Args:
        none: label that `predict` returns for drawings of none of the classes; with None, it always returns a class.
        threshold: a drawing shows none of the classes if the probability of "none" exceeds this. With None, as many
            drawings of known symbols are refused as others are accepted, on validation alphabets.
        shortlist: the number of likeliest classes whose likelihoods are computed; 0 is quicker and errs more.
        samples: number of samples of each likelihood.
        seed: seed of their noise.
        ink: `dark` or `light` if the ink is not found automatically.

    Attributes:
        classes_: the labels, sorted; the columns of `predict_proba`.
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        none: Any = None,
        *,
        threshold: float | None = None,
        shortlist: int = SHORTLIST,
        samples: int = SAMPLES,
        seed: int = 0,
        ink: Polarity = "auto",
    ) -> None:
        self.none, self.threshold = none, threshold
        self.shortlist, self.samples, self.seed = shortlist, samples, seed
        self.ink: Polarity = ink

    def __repr__(self) -> str:
        return f"Recogniser({', '.join(f'{name}={value!r}' for name, value in self.get_params().items())})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments by name."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **parameters: Any) -> Self:
        """Change arguments; raises ValueError for an unknown name, as scikit-learn's estimators do."""
        for name, value in parameters.items():
            if name not in _PARAMETERS:
                raise ValueError(f"{name!r} is not a parameter of a Recogniser; it has {', '.join(_PARAMETERS)}")
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn asks a classifier about itself."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        inputs = InputTags(two_d_array=False, three_d_array=True, string=True)
        return Tags("classifier", TargetTags(required=True), classifier_tags=ClassifierTags(), input_tags=inputs)

    # ---------------------------------------------------------------- learning

    def fit(self, drawings: Iterable[Picture], labels: Sequence[Any] | npt.NDArray[Any]) -> Self:
        """Learn the classes; raises AllographError if a drawing cannot be used or has no label."""
        return self.fit_looks([look(drawing, self.ink) for drawing in drawings], labels)

    def fit_looks(self, looks: Sequence[Look], labels: Sequence[Any] | npt.NDArray[Any]) -> Self:
        """Learn from drawings that `look` returned."""
        if not len(looks) or len(looks) != len(labels):
            raise AllographError(f"{len(looks)} drawings and {len(labels)} labels: give each drawing its label")
        self.classes_, classes = np.unique(np.asarray(labels), return_inverse=True)
        features = torch.from_numpy(np.stack([one.features for one in looks]))
        self._known = Known(bitmaps_of(np.stack([one.row for one in looks])), classes.reshape(-1), features)
        return self

    # ---------------------------------------------------------------- recognising

    def predict(self, drawings: Iterable[Picture]) -> npt.NDArray[Any]:
        """The label of each drawing, (n,); `none`, unless that is None, if it shows none of the classes."""
        found = self._probabilities(drawings)
        labels = self.classes_[found[:, :-1].argmax(axis=1)]
        if self.none is None:
            return labels
        answers = np.array([*labels, self.none])[:-1]  # the type has room for both
        answers[found[:, -1] > self.refuses_above] = self.none
        return answers

    def predict_proba(self, drawings: Iterable[Picture | Look]) -> npt.NDArray[np.float64]:
        """The probability of each class, provided that the drawing shows one of them, (n, C); rows sum to 1."""
        classes = self._probabilities(drawings)[:, :-1]
        return classes / classes.sum(axis=1, keepdims=True)

    def none_proba(self, drawings: Iterable[Picture]) -> npt.NDArray[np.float64]:
        """The probability that each drawing shows none of the classes, (n,), if every second drawing did."""
        return self._probabilities(drawings)[:, -1]

    def score(self, drawings: Iterable[Picture], labels: Sequence[Any] | npt.NDArray[Any]) -> float:
        """The share of drawings to which `predict` gives the right label."""
        return float(np.mean(self.predict(drawings) == np.asarray(labels)))

    def recognise(self, drawing: Picture | Look, top: int = 3) -> Recognised:
        """What one drawing shows, with the ``top`` most probable classes."""
        found = self._calibration.probabilities(self.examine(drawing))
        best = np.argsort(-found[:-1], kind="stable")[:top]
        none = float(found[-1])
        guesses = tuple(Guess(self.classes_[one].item(), float(found[one])) for one in best)
        return Recognised(None if none > self.refuses_above else guesses[0].label, none, guesses)

    def examine(self, drawing: Picture | Look) -> Evidence:
        """What one drawing says about the classes.

        Raises:
            AllographError: `fit` was not called, or the drawing cannot be used.
        """
        if not hasattr(self, "_known"):
            raise AllographError("this Recogniser knows no class: call fit first")
        taken = drawing if isinstance(drawing, Look) else look(drawing, self.ink)
        features = torch.from_numpy(taken.features)[None]
        how = {"shortlist": self.shortlist, "samples": self.samples, "seed": self.seed}
        return default_examiner().compare(bitmaps_of(taken.row[None]), features, self._known, **how)

    @property
    def _calibration(self) -> Calibration:
        return Calibration.shipped()

    @property
    def refuses_above(self) -> float:
        """The threshold, by default that of the calibration."""
        return self._calibration.threshold if self.threshold is None else self.threshold

    def _probabilities(self, drawings: Iterable[Picture | Look]) -> npt.NDArray[np.float64]:
        """Probabilities (n, C + 1), that of none last."""
        calibration = self._calibration
        found = [calibration.probabilities(self.examine(drawing)) for drawing in drawings]
        return np.stack(found) if found else np.empty((0, len(self.classes_) + 1))


def look(picture: Picture, ink: Polarity = "auto") -> Look:
    """Read one picture as `allograph write` does; the cache folder keeps the results of files.

    Raises:
        AllographError: it cannot be used.
    """
    examiner, notes = default_examiner(), []

    def taken() -> dict[str, npt.NDArray[Any]]:
        exemplar = preprocess(picture, SIDE, ink)
        notes.extend(exemplar.notes)
        row = np.packbits(exemplar.drawing >= 0.5)
        return {"row": row, "features": examiner.features(bitmaps_of(row[None]))[0].numpy()}

    if isinstance(picture, str | Path) and Path(picture).is_file():
        name = f"recognise-{__version__}-{examiner.critic.fingerprint}-{ink}"
        stored = cached(name, [Path(picture)], taken)
    else:
        stored = taken()
    return Look(stored["row"], stored["features"], tuple(notes))
