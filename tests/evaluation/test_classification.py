"""One-shot classification: its scores are what the bounds say, and answers that are known come out."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch import Tensor

from allograph.bounds import importance_weighted_bound
from allograph.config import model_from_config
from allograph.data import ClassificationRuns, ConceptDataset, PackedBitmaps, draw_runs
from allograph.errors import AllographError
from allograph.evaluation import Critic
from allograph.evaluation.classification.classify import BendingOnly, classify, score_run, variants_of
from allograph.evaluation.classification.confusions import confusion_picture
from allograph.evaluation.classification.hausdorff import hausdorff_distances
from allograph.evaluation.classification.result import ErrorRate
from allograph.evaluation.likelihood import estimate as likelihood
from allograph.models import BendingModel
from evaluation.small import BENDING, untrained_bending

SIZE = BENDING["image_size"]


@pytest.fixture(scope="module")
def model() -> BendingModel:
    return untrained_bending()


@pytest.fixture(scope="module")
def runs(strokes: ConceptDataset) -> ClassificationRuns:
    """Three runs of six classes."""
    return draw_runs(strokes, 3, ways=6, seed=1)


def drawings(runs: ClassificationRuns, run: int) -> tuple[Tensor, Tensor]:
    """Tests and exemplars of a run, without variants."""
    tests, exemplars = (variants_of(runs.dataset, part[run], SIZE, 1) for part in (runs.tests, runs.exemplars))
    return tests, exemplars


def test_scores_are_differences_of_bounds_with_the_same_noise(model: BendingModel, runs: ClassificationRuns) -> None:
    x, exemplars = drawings(runs, 0)
    scores = score_run(model, x, exemplars, samples=5, seed=(3, 0))
    for direction, (targets, contexts, found) in enumerate(
        ((x, exemplars, scores.forward), (exemplars, x, scores.backward.T))
    ):
        seed = int(np.random.SeedSequence([3, 0, direction]).generate_state(1, np.uint64)[0]) >> 1

        def bound(context: Tensor | None, targets: Tensor = targets, seed: int = seed) -> Tensor:
            generator = torch.Generator().manual_seed(seed)
            return -importance_weighted_bound(model, targets[:, 0], context, samples=5, generator=generator).value

        for place, context in enumerate(contexts):
            expected = bound(context.expand(len(targets), 1, -1, -1, -1)) - bound(None)
            torch.testing.assert_close(found[:, place], expected)
    torch.testing.assert_close(scores.both, scores.forward + scores.backward)


def test_variants_are_a_mixture(model: BendingModel, runs: ClassificationRuns) -> None:
    """Each has its share of the samples, with noise of its own; p(x) has them all."""
    tests, exemplars = (variants_of(runs.dataset, part[0], SIZE, 3, seed=2) for part in (runs.tests, runs.exemplars))
    x = tests[:, 0]
    scores = score_run(model, tests, exemplars, samples=6, seed=(3, 0))

    def bound(context: Tensor | None, samples: int, *place: int) -> Tensor:
        seed = int(np.random.SeedSequence([3, 0, 0, *place]).generate_state(1, np.uint64)[0]) >> 1
        given = None if context is None else context.expand(len(x), 1, -1, -1, -1)
        generator = torch.Generator().manual_seed(seed)
        return -importance_weighted_bound(model, x, given, samples=samples, generator=generator).value

    for place, (one, other, last) in enumerate(exemplars):
        each = torch.stack([bound(one, 2), bound(other, 2, 1), bound(last, 2, 2)])
        expected = each.logsumexp(dim=0) - np.log(3)
        torch.testing.assert_close(scores.forward[:, place], expected - bound(None, 6))
    assert 1 <= scores.effective_samples <= 6


def test_variants_follow_from_the_seed_and_the_drawing(runs: ClassificationRuns) -> None:
    indices = runs.tests[0]
    some = variants_of(runs.dataset, indices, SIZE, 4, seed=1)
    assert some.shape == (len(indices), 4, 1, SIZE, SIZE)
    assert torch.equal(some[:, :1], variants_of(runs.dataset, indices, SIZE, 1))
    assert torch.equal(some[2:4], variants_of(runs.dataset, indices[2:4], SIZE, 4, seed=1))
    assert not torch.equal(some, variants_of(runs.dataset, indices, SIZE, 4, seed=2))
    assert len({variant.numpy().tobytes() for variant in some[0]}) == 4


def test_samples_are_shared_evenly(model: BendingModel, runs: ClassificationRuns) -> None:
    with pytest.raises(AllographError, match=r"5 samples .* 2 variants .* use a multiple"):
        classify(model, runs, size=SIZE, samples=5, variants=2)


def test_equal_exemplars_have_equal_scores(model: BendingModel, runs: ClassificationRuns) -> None:
    x, exemplars = drawings(runs, 0)
    scores = score_run(model, x, exemplars[[0, 1, 0]], samples=2, seed=(0, 0))
    torch.testing.assert_close(scores.forward[:, 0], scores.forward[:, 2])
    assert not torch.isclose(scores.forward[:, 0], scores.forward[:, 1]).any()


def test_scores_do_not_depend_on_memory(
    model: BendingModel, runs: ClassificationRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score_run(model, *drawings(runs, 1), samples=3, seed=(0, 1))
    monkeypatch.setattr(likelihood, "_ROWS", {"cpu": 2})
    parts = score_run(model, *drawings(runs, 1), samples=3, seed=(0, 1))
    torch.testing.assert_close(whole.both, parts.both, rtol=1e-4, atol=1e-3)


def test_a_model_that_copies_its_exemplar_knows_copies_and_others_better_than_chance(
    model: BendingModel, runs: ClassificationRuns, critic: Critic
) -> None:
    copies = replace(runs, tests=np.take_along_axis(runs.exemplars, runs.right, axis=1))
    known = classify(model, copies, size=SIZE, samples=1, likelihood="bending", critic=critic)
    assert all(rate.wrong == 0 for rate in known.baselines.values())
    assert known.errors["both"].wrong <= 1  # of 18: wide bells see no fine strokes
    result = classify(model, runs, size=SIZE, samples=1, likelihood="bending", critic=critic)
    assert result.errors["both"].value < 0.6  # chance: 0.83
    assert result.baselines["critic's cosine"].value < 0.3


def test_everything_that_was_measured_is_in_the_record(model: BendingModel, runs: ClassificationRuns) -> None:
    counts: list[tuple[int, int]] = []
    result = classify(model, runs, size=SIZE, samples=3, seed=5, progress=lambda *count: counts.append(count))
    assert counts[-1] == (3 * 3 * (2 * 36 + 12),) * 2
    assert [done for done, _ in counts] == sorted(done for done, _ in counts)
    document = result.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False))["fingerprint"] == runs.fingerprint()
    assert len(result.chosen) == result.tests == 18
    for name, rate in (result.errors | result.baselines).items():
        wrong = [one.chosen[name] != one.right for one in result.chosen]
        assert (rate.wrong, rate.value) == (sum(wrong), pytest.approx(np.mean(wrong)))
        np.testing.assert_allclose(result.per_run[name], np.reshape(wrong, (3, 6)).mean(axis=1))
    for one in result.chosen:
        assert (one.margin > 0) == (one.chosen["both"] == one.right)
        assert one.right == runs.right[one.run, one.item]
    assert "both directions" in result.table() and "K = 3" in result.table()
    again = classify(model, runs, size=SIZE, samples=3, seed=5)
    assert again.chosen == result.chosen
    exact = classify(model, runs, size=SIZE, samples=3, seed=5, precision="float64")
    margins = [[one.margin for one in found.chosen] for found in (exact, result)]
    np.testing.assert_allclose(*margins, rtol=1e-3, atol=0.01)


def test_bending_alone_writes_nothing_beside_the_exemplar(model: BendingModel, runs: ClassificationRuns) -> None:
    x, exemplars = drawings(runs, 0)
    noise = model.noise(len(x), generator=torch.Generator().manual_seed(0))
    bent = BendingOnly(model).infer(x[:, 0], exemplars, noise)
    assert bent.kl[:, model.config.bends :].abs().max() == 0
    with pytest.raises(ValueError, match="without an exemplar"):
        BendingOnly(model).infer(x[:, 0], None, noise)


def test_by_bending_a_drawing_is_compared_with_the_other_exemplars_bent(
    model: BendingModel, runs: ClassificationRuns
) -> None:
    x, exemplars = drawings(runs, 2)
    scores = score_run(BendingOnly(model), x, exemplars, samples=2, seed=(0, 2))
    # The exemplars' own posterior, and no class more likely than a mixture allows.
    torch.testing.assert_close(scores.forward.logsumexp(dim=1).exp(), torch.full((6,), 6.0).double())

    def bound(target: int, context: Tensor) -> Tensor:
        seed = int(np.random.SeedSequence([0, 2, 1]).generate_state(1, np.uint64)[0]) >> 1
        given = context.expand(6, 1, -1, -1, -1)
        generator = torch.Generator().manual_seed(seed)
        shown = exemplars[:, 0]
        values = importance_weighted_bound(BendingOnly(model), shown, given, samples=2, generator=generator).value
        return -values[target]

    others = torch.stack([bound(4, exemplars[place]) for place in (0, 1, 2, 3, 5)])
    expected = bound(4, x[1]) - (others.logsumexp(dim=0) - np.log(5))
    torch.testing.assert_close(scores.backward[1, 4], expected)


def test_models_that_cannot_classify_are_refused(model: BendingModel, runs: ClassificationRuns) -> None:
    plain = {"kind": "sequential", "image_size": SIZE, "steps": 2, "hidden": 8, "latent": 2, "decision": 4}
    with pytest.raises(AllographError, match="takes no exemplar"):
        classify(model_from_config(plain), runs, size=SIZE)
    with pytest.raises(AllographError, match="does not bend"):
        classify(model_from_config({**plain, "context": True}), runs, size=SIZE, likelihood="bending")


@pytest.mark.filterwarnings("ignore:.*encountered in")
def test_broken_weights_are_one_clear_line(model: BendingModel, runs: ClassificationRuns) -> None:
    broken = model_from_config(BENDING).eval()
    with torch.no_grad():
        broken.ink_sprite.bias.fill_(float("nan"))  # type: ignore[union-attr]
    with pytest.raises(AllographError, match="no finite likelihood"):
        classify(broken, runs, size=SIZE, samples=1)


@given(tests=st.integers(1, 100), share=st.floats(0, 1))
def test_the_interval_is_wilsons(tests: int, share: float) -> None:
    """Wilson, J. Am. Stat. Assoc. 22 (1927) 209: the shares from which this one is 1.96 standard errors away."""
    wrong = np.arange(2 * tests).reshape(2, tests) < round(2 * share * tests)
    rate, z = ErrorRate.of(wrong), 1.959964
    for end, other in ((rate.low, 0.0), (rate.high, 1.0)):
        at_the_edge = rate.value == other and end == pytest.approx(other, abs=1e-9)
        half = z * (end * (1 - end) / (2 * tests)) ** 0.5
        assert at_the_edge or abs(rate.value - end) == pytest.approx(half, abs=1e-5)


def test_the_interval_over_runs_is_of_their_means() -> None:
    wrong = np.zeros((4, 10), dtype=bool)
    wrong[0, :4] = wrong[1, :2] = True
    rate = ErrorRate.of(wrong)
    assert (rate.value, rate.wrong, rate.tests) == (pytest.approx(0.15), 6, 40)
    half = 3.182446 * np.std([0.4, 0.2, 0, 0], ddof=1) / 2
    assert (rate.runs_low, rate.runs_high) == (0, pytest.approx(0.15 + half))


def test_the_hausdorff_distance_is_what_its_formula_says(strokes: ConceptDataset) -> None:
    runs = draw_runs(strokes, 2, ways=3)
    distances = hausdorff_distances(runs)

    def points(index: int) -> np.ndarray:
        ink = np.argwhere(runs.dataset.images.pixels([index])[0, 0])
        return ink - ink.mean(axis=0)

    for run, i, j in np.ndindex(*distances.shape):
        between = cdist(points(runs.tests[run, i]), points(runs.exemplars[run, j]))
        expected = max(between.min(axis=0).mean(), between.min(axis=1).mean())
        assert distances[run, i, j] == pytest.approx(expected)


def test_a_drawing_without_ink_is_far_from_all(strokes: ConceptDataset) -> None:
    bits = strokes.images.bits.copy()  # type: ignore[attr-defined]
    runs = draw_runs(strokes, 2, ways=3)
    bits[runs.tests[0, 1]] = 0
    blank = replace(runs, dataset=replace(strokes, images=PackedBitmaps(bits, strokes.side)))
    distances = hausdorff_distances(blank)
    assert np.isinf(distances[0, 1]).all() and np.isfinite(distances[0, 0]).all()


def test_the_picture_shows_every_confusion(model: BendingModel, runs: ClassificationRuns) -> None:
    result = classify(model, runs, size=SIZE, samples=1)
    one, all_wrong = result.wrong[:1], result.wrong
    small, large = confusion_picture(one, runs), confusion_picture(all_wrong, runs)
    assert large.width > small.width or large.height > small.height
    test = 255 - runs.dataset.images.pixels([runs.tests[one[0].run, one[0].item]])[0, 0]
    shown = np.asarray(small.convert("L"))
    windows = np.lib.stride_tricks.sliding_window_view(shown, (85, 85))[::1, ::1]
    assert (windows[:, :, ::14, ::14] == test[10:95, 10:95][::14, ::14]).all(axis=(2, 3)).any()
    with pytest.raises(ValueError, match="needs one"):
        confusion_picture((), runs)
