"""The evidence from one drawing about each of many classes: similarity of features, and likelihoods of the best ones.

    cosine_c   = cos(phi(x), mean_m phi(x'_cm))    phi the critic's features, averaged over small affine views
    forward_c  = log p(x | x'_c) - log p(x)        nats, x'_c the drawing of the class that is most like x
    backward_c = log p(x'_c | x) - log p(x'_c)

The cosine takes a millisecond for a thousand classes, a likelihood some milliseconds for each class. So likelihoods are
computed only for a shortlist: the classes with the largest cosines.
"""

from __future__ import annotations

__all__ = ["MODEL", "SAMPLES", "SHORTLIST", "SIDE", "Evidence", "Examiner", "Known", "bitmaps_of", "default_examiner"]

import math
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from allograph import weights
from allograph.data import PackedBitmaps
from allograph.data.omniglot import omniglot_bitmaps
from allograph.evaluation.critics.critic import SOURCE_SIZE, Critic, default_critic
from allograph.evaluation.leakage import default_data
from allograph.weights import LoadedWeights

SIDE = 105
"""Side of the stored bitmaps in pixels, that of Omniglot's drawings."""

MODEL = "omniglot-28-fewshot"
"""The weights whose likelihoods are used, because their one-shot classification errs least."""

SHORTLIST, SAMPLES = 8, 8
"""Number of classes compared by likelihoods, and number of samples; the right class is among the first eight of a
thousand in 99 % of cases."""

_TURN, _SHEAR, _STRETCH = math.radians(12), 0.2, 1.2

_AT_ONCE = 200
"""Number of drawings whose features are computed together; the views of more would take too much memory."""


@dataclass(frozen=True, eq=False)
class Known:
    """Some drawings and their classes.

    Attributes:
        drawings: N bitmaps.
        classes: class of each, 0 to C - 1, (N,); every class has one.
        features: of each drawing, of length 1, (N, D).
        alone: log p(x') of the drawings that were on a shortlist, so that each is computed once.
    """

    drawings: PackedBitmaps
    classes: npt.NDArray[np.int64]
    features: Float[Tensor, "N D"]
    alone: dict[tuple[int, int, int], float] = field(default_factory=dict)

    @cached_property
    def shots(self) -> npt.NDArray[np.int64]:
        """The number of drawings of each class, (C,)."""
        return np.bincount(self.classes)

    @cached_property
    def prototypes(self) -> Float[Tensor, "C D"]:
        """The mean features of each class, of length 1."""
        sums = torch.zeros(len(self.shots), self.features.shape[1]).index_add_(
            0, torch.from_numpy(self.classes), self.features
        )
        return functional.normalize(sums, dim=1)


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence from one drawing about C classes.

    Attributes:
        shots: number of drawings of each class, (C,).
        cosines: of the features, (C,).
        near: the shortlist, S classes, the most similar first, (S,).
        forward, backward: nats, for the shortlist, (S,).
    """

    shots: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float64]
    near: npt.NDArray[np.int64]
    forward: npt.NDArray[np.float64]
    backward: npt.NDArray[np.float64]

    def first(self, count: int) -> Evidence:
        """The evidence with a shortlist of at most ``count``."""
        return replace(self, near=self.near[:count], forward=self.forward[:count], backward=self.backward[:count])

    def without(self, one: int) -> Evidence:
        """The evidence without class ``one``; later classes are renumbered."""
        kept = self.near != one
        near = self.near[kept]
        return Evidence(
            np.delete(self.shots, one),
            np.delete(self.cosines, one),
            near - (near > one),
            self.forward[kept],
            self.backward[kept],
        )


@dataclass(frozen=True, eq=False)
class Examiner:
    """The two networks that examine drawings: the critic, and a generative model that takes exemplars."""

    critic: Critic
    loaded: LoadedWeights

    def features(self, drawings: PackedBitmaps) -> Float[Tensor, "N D"]:
        """The critic's features, averaged over small affine views, of length 1."""
        windows = _views()
        found = []
        for rows in np.array_split(np.arange(len(drawings)), -(-len(drawings) // _AT_ONCE)):
            plain = drawings.drawings(rows, SOURCE_SIZE)
            grids = [functional.affine_grid(w.expand(len(rows), 2, 3), list(plain.shape), False) for w in windows]
            views = torch.stack([functional.grid_sample(plain, grid, align_corners=False) for grid in grids])
            found.append(self.critic.features(views).sum(dim=0))
        return functional.normalize(torch.cat(found), dim=1)

    def compare(
        self,
        drawing: PackedBitmaps,
        features: Float[Tensor, "1 D"],
        known: Known,
        *,
        shortlist: int,
        samples: int,
        seed: int,
    ) -> Evidence:
        """Compare one drawing (a single bitmap with its features) with all classes, and more closely with the
        ``shortlist`` most similar ones, by importance weighted bounds over ``samples`` samples.

        All bounds share their noise, which depends only on the seed.
        """
        cosines = (known.prototypes @ features[0]).double().numpy()
        near = np.argsort(-cosines, kind="stable")[:shortlist]
        if not len(near):
            return Evidence(known.shots, cosines, near, np.empty(0), np.empty(0))
        alike = (known.features @ features[0]).numpy()
        nearest = [int((of := np.flatnonzero(known.classes == one))[alike[of].argmax()]) for one in near]
        x, exemplars = self._seen(drawing), self._seen(known.drawings.select(nearest))
        noise = self.loaded.model.noise(samples, generator=torch.Generator().manual_seed(seed))
        keys = [(one, samples, seed) for one in nearest]
        if missing := [place for place, key in enumerate(keys) if key not in known.alone]:
            found = self._bounds(exemplars[missing], None, noise)
            known.alone.update({keys[place]: value for place, value in zip(missing, found.tolist(), strict=True)})
        forward = self._bounds(x.expand_as(exemplars), exemplars[:, None], noise) - self._bounds(x, None, noise)
        backward = self._bounds(exemplars, x.expand_as(exemplars)[:, None], noise)
        return Evidence(known.shots, cosines, near, forward, backward - np.array([known.alone[key] for key in keys]))

    @torch.inference_mode()
    def _bounds(self, x: Tensor, context: Tensor | None, noise: Tensor) -> npt.NDArray[np.float64]:
        """Bounds of ``log p(x)``, or of ``log p(x | x')`` given one exemplar for each x, nats, (n,)."""
        weights = self.loaded.model.infer(x, context, noise.repeat(len(x), 1, 1)).log_weight.double()
        return (weights.unflatten(0, (len(x), -1)).logsumexp(dim=1) - math.log(len(noise))).numpy()

    def _seen(self, drawings: PackedBitmaps) -> Float[Tensor, "n 1 s s"]:
        """Drawings as the model's training showed them."""
        as_trained = omniglot_bitmaps(drawings.bits, default_data(self.loaded.card))
        return as_trained.drawings(np.arange(len(drawings)), self.loaded.model.config.image_size)


def bitmaps_of(rows: npt.NDArray[np.uint8]) -> PackedBitmaps:
    """Bitmaps from packed rows of pixels, one for each drawing."""
    return PackedBitmaps(rows, SIDE)


@cache
def default_examiner() -> Examiner:
    """Both networks as they ship, trained only on background alphabets; loaded once in each process."""
    return Examiner(default_critic(), weights.load(MODEL))


def _views() -> Float[Tensor, "views 2 3"]:
    """Nine windows: the drawing itself, turned, sheared and stretched both ways, larger and smaller."""

    def window(turn: float = 0.0, shear: float = 0.0, across: float = 1.0, down: float = 1.0) -> list[list[float]]:
        cos, sin = math.cos(turn), math.sin(turn)
        return [[cos * across, -sin * down + shear, 0.0], [sin * across, cos * down, 0.0]]

    return torch.tensor(
        [
            window(),
            *(window(turn=turn) for turn in (_TURN, -_TURN)),
            *(window(shear=shear) for shear in (_SHEAR, -_SHEAR)),
            window(across=_STRETCH),
            window(down=_STRETCH),
            *(window(across=scale, down=scale) for scale in (0.85, 1.15)),
        ]
    )
