"""One-shot classification by a generative model: the class whose exemplar makes a drawing most likely.

For a test x and the exemplar x'_c of each class, with ``p(x | x')`` the model's likelihood,

    forward_c  = log p(x | x'_c) - log p(x)          how much the exemplar says about the drawing
    backward_c = log p(x'_c | x) - log p(x'_c)       and the drawing about the exemplar
    both_c     = forward_c + backward_c

and the chosen class is the one with the largest value. If the model's conditionals belonged to one joint distribution,
both directions would be equal: the pointwise mutual information of x and x'. They do not, so both are measured. log
p(x) is the same for all classes; log p(x'_c) is not, and without it the class with the simplest exemplar would win.

A model that may only bend its exemplar has no p(x) without one. Then p(x) is the mixture over the run's exemplars:
``p(x) = 1/W sum_c p(x | x'_c)``, and for an exemplar over all others,
``p(x'_c) = 1/(W-1) sum_{d != c} p(x'_c | x'_d)``.

Nobody draws a symbol twice with the same size and slant, and a model may overrate both. With M variants of an exemplar,
itself and small affine changes of it, the likelihood is that of the mixture, also a proper density:

    p(x | x') = 1/M sum_m p(x | a_m(x')),   a_1 the identity

Each log likelihood is an importance weighted bound over K samples, K / M for each variant. All bounds of one drawing,
given any exemplar or none, share their noise, so that they differ by the exemplar and not by chance.
"""

from __future__ import annotations

__all__ = ["SCORES", "BendingOnly", "Likelihoods", "RunScores", "classify", "score_run"]

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allograph.bounds import Weighs, importance_weighted_bound
from allograph.data import ClassificationRuns
from allograph.errors import AllographError
from allograph.evaluation.classification.hausdorff import hausdorff_distances
from allograph.evaluation.classification.result import Chosen, ClassificationResult, ErrorRate
from allograph.evaluation.classification.variants import variants_of
from allograph.evaluation.critics.critic import Critic
from allograph.evaluation.likelihood.estimate import Precision, device_name, rows_at_once
from allograph.models import GenerativeModel, Inference
from allograph.runtime.distributed import ALONE, Processes

Likelihoods = Literal["whole", "bending"]

SCORES = ("forward", "backward", "both")


@dataclass(frozen=True)
class RunScores:
    """The model's scores of one run of W classes and N tests, nats; each (N, W).

    Attributes:
        forward: ``log p(x | x') - log p(x)``, a difference of two bounds.
        backward: ``log p(x' | x) - log p(x')``, likewise.
        effective_samples: mean over ``p(x | x')`` and ``p(x' | x)``, between 1 and K.
    """

    forward: Float[Tensor, "tests ways"]
    backward: Float[Tensor, "tests ways"]
    effective_samples: float

    @property
    def both(self) -> Float[Tensor, "tests ways"]:
        """The sum of both directions."""
        return self.forward + self.backward


class BendingOnly:
    """A model with `bends_ink` that may only bend its exemplar and add no ink."""

    def __init__(self, model: GenerativeModel) -> None:
        self.model = model

    @property
    def noise_shape(self) -> tuple[int, int]:
        return self.model.noise_shape

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor) -> Inference:
        """See `GenerativeModel.infer`; raises ValueError without an exemplar."""
        if context is None:
            raise ValueError("without an exemplar nothing can be bent")
        return self.model.infer(x, context, noise, ink=torch.zeros(len(x), dtype=torch.bool, device=x.device))


def classify(
    model: GenerativeModel,
    runs: ClassificationRuns,
    *,
    size: int,
    samples: int = 100,
    variants: int = 1,
    likelihood: Likelihoods = "whole",
    critic: Critic | None = None,
    precision: Precision = "float32",
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> ClassificationResult:
    """Measures the errors of one-shot classification over all runs, by each of `SCORES`.

    Baselines on the same runs are the modified Hausdorff distance of the stored drawings (Lake's own) and, with a
    ``critic``, the cosine of its features. The noise of a drawing depends only on (seed, its run, its place); figures
    do not depend on memory nor, except for rounding, on the precision. Takes ``R K (2 N W + N + W)`` passes, with only
    bending ``R K (2 N W + W W)``. Several ``processes`` each take their share of the runs.

    Raises:
        AllographError: the model takes no exemplar, or has no likelihood of this kind; the samples cannot be shared
            equally among the variants; a figure is not finite.
    """
    start = time.perf_counter()
    if samples % variants:
        raise AllographError(
            f"{samples} samples cannot be shared equally among {variants} variants of an exemplar: use a multiple"
        )
    if not model.conditional:
        raise AllographError("this model takes no exemplar, so it cannot tell which exemplar a drawing belongs to")
    kind = torch.float64 if precision == "float64" else torch.float32
    model = copy.deepcopy(model).to(device, kind).eval()
    weighs: Weighs = model
    if likelihood == "bending":
        if not model.bends_ink:
            raise AllographError("this model does not bend its exemplar: leave out --likelihood bending")
        weighs = BendingOnly(model)
    tests_each = runs.tests.shape[1]
    without = runs.ways**2 if likelihood == "bending" else tests_each + runs.ways
    each = samples * (2 * tests_each * runs.ways + without)

    def scores_of(run: int) -> tuple[Tensor, Tensor, float]:
        def count(passes: int) -> None:
            progress(run * each + passes, len(runs) * each)

        x, exemplars = (
            variants_of(runs.dataset, part[run], size, variants, seed=seed).to(device, kind)
            for part in (runs.tests, runs.exemplars)
        )
        scores = score_run(weighs, x, exemplars, samples=samples, seed=(seed, run), device=device, counted=count)
        return scores.forward, scores.backward, scores.effective_samples

    scored = [RunScores(*scores) for scores in processes.spread(scores_of, range(len(runs)))]
    scores = {name: torch.stack([getattr(one, name) for one in scored]).numpy() for name in SCORES}
    distances = {"modified Hausdorff": -hausdorff_distances(runs)}
    if critic is not None:
        distances["critic's cosine"] = _cosines(critic, runs, size)
    chosen = {name: values.argmax(-1) for name, values in (scores | distances).items()}
    return ClassificationResult(
        data=runs.dataset.name,
        fingerprint=runs.fingerprint(),
        runs=len(runs),
        ways=runs.ways,
        tests=runs.tests.size,
        size=size,
        likelihood=likelihood,
        samples=samples,
        variants=variants,
        effective_samples=float(np.mean([one.effective_samples for one in scored])),
        seed=seed,
        precision=precision,
        machine=device_name(device),
        critic=None if critic is None else critic.fingerprint,
        errors={name: ErrorRate.of(chosen[name] != runs.right) for name in SCORES},
        baselines={name: ErrorRate.of(chosen[name] != runs.right) for name in distances},
        per_run={name: (chosen[name] != runs.right).mean(-1).tolist() for name in chosen},
        chosen=_trials(runs, scores, chosen),
        seconds=time.perf_counter() - start,
    )


def score_run(
    weighs: Weighs,
    x: Float[Tensor, "tests variants channels size size"],
    exemplars: Float[Tensor, "ways variants channels size size"],
    *,
    samples: int,
    seed: tuple[int, int],
    device: str = "cpu",
    counted: Callable[[int], None] = lambda passes: None,
) -> RunScores:
    """Scores every test and exemplar of one run in both directions, each with its variants, of which the first is the
    drawing itself; ``counted`` is called with the number of finished passes.

    Raises:
        AllographError: a bound that is not finite.
    """
    done, variants = 0, x.shape[1]

    def log_likelihood(
        targets: Tensor, context: Tensor | None, direction: int, variant: int = 0
    ) -> tuple[Tensor, Tensor]:
        """The log likelihood of all targets, given one context or none, and how well the samples covered it; with the
        same noise at every call."""
        nonlocal done
        few = samples if context is None else samples // variants
        state = np.random.SeedSequence([*seed, direction, *[variant] * (variant > 0)]).generate_state(1, np.uint64)[0]
        bound = importance_weighted_bound(
            weighs,
            targets,
            None if context is None else context.expand(len(targets), 1, *context.shape),
            samples=few,
            generator=torch.Generator().manual_seed(int(state) >> 1),
            chunk=rows_at_once(device),
        )
        done += few * len(targets)
        counted(done)
        return -bound.value.cpu(), bound.effective_samples.cpu()

    def mixed(targets: Tensor, several: Tensor, direction: int) -> tuple[Tensor, Tensor]:
        """The log likelihood of all targets, given the mixture of an exemplar's variants."""
        found = [log_likelihood(targets, context, direction, m) for m, context in enumerate(several)]
        values, effective = (torch.stack(part) for part in zip(*found, strict=True))
        # A variant's weights w sum to exp(value), up to a factor, and w^2 to the square of that / effective.
        squares = (2 * values - effective.log()).logsumexp(dim=0)
        total = values.logsumexp(dim=0)
        return total - math.log(len(several)), torch.exp(2 * total - squares)

    def given(targets: Tensor, contexts: Tensor, direction: int) -> tuple[Tensor, Tensor]:
        """The log likelihood of each target given each exemplar, (targets, exemplars)."""
        values, effective = zip(*(mixed(targets, several, direction) for several in contexts), strict=True)
        return torch.stack(values, dim=1), torch.stack(effective, dim=1)

    tests, shown = x[:, 0], exemplars[:, 0]
    of_tests, one = given(tests, exemplars, 0)
    of_exemplars, other = given(shown, x, 1)
    if isinstance(weighs, BendingOnly):
        others, _ = given(shown, exemplars, 1)
        others.fill_diagonal_(-math.inf)
        alone = of_tests.logsumexp(dim=1) - math.log(len(exemplars))
        exemplars_alone = others.logsumexp(dim=1) - math.log(len(exemplars) - 1)
    else:
        alone, exemplars_alone = log_likelihood(tests, None, 0)[0], log_likelihood(shown, None, 1)[0]
    forward, backward = of_tests - alone[:, None], (of_exemplars - exemplars_alone[:, None]).T
    if not (forward.isfinite().all() and backward.isfinite().all()):
        raise AllographError(
            "the model gives some drawings no finite likelihood: its weights are broken or its images are of another "
            "kind; train it again or use another model"
        )
    return RunScores(forward, backward, float(torch.cat([one.flatten(), other.flatten()]).mean()))


def _cosines(critic: Critic, runs: ClassificationRuns, size: int) -> np.ndarray:
    """Cosines (runs, tests, ways), up to a factor, since all features have one length."""
    tests, exemplars = (
        critic.features(runs.dataset.drawings(part.ravel(), size)).unflatten(0, part.shape)
        for part in (runs.tests, runs.exemplars)
    )
    return (tests @ exemplars.mT).numpy()


def _trials(
    runs: ClassificationRuns, scores: dict[str, np.ndarray], chosen: dict[str, np.ndarray]
) -> tuple[Chosen, ...]:
    """The answers to all tests, in order."""
    found = []
    for run, item in np.ndindex(runs.tests.shape):
        right, values = runs.right[run, item], scores["both"][run, item]
        best_other = np.delete(values, right).max()
        answers = {name: int(classes[run, item]) for name, classes in chosen.items()}
        found.append(Chosen(run, item, int(right), answers, round(float(values[right] - best_other), 3)))
    return tuple(found)
