"""Probabilities from evidence, their fit, and the measurement."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from allograph.data import ClassificationRuns, ConceptDataset, stroke_concepts
from allograph.errors import AllographError
from allograph.evaluation.classification.hausdorff import hausdorff_distances
from allograph.recognition.calibration import Calibration, Case, fit_calibration
from allograph.recognition.evidence import Evidence, default_examiner
from allograph.recognition.measuring import CELLS, METHODS, calibration_error, evaluate_recognition
from allograph.recognition.trials import WAYS, Source, Trial, hausdorff, run_trial

pytestmark = pytest.mark.slow

TRUE = Calibration((15.0, -1.0, -6.0, 0.5, 0.7), (8.0, 2.0, -3.0, 0.3, 0.5, 0.2, 0.8))


def evidence(random: np.random.Generator, classes: int, right: int, near: int = 4) -> Evidence:
    """Made-up evidence of which `TRUE` is the exact calibration: a Gaussian each, of equal spread, moved for the right
    class, so that log r is linear."""
    cosines, forward, backward = random.normal(0, 1, (3, classes))
    if right >= 0:
        cosines[right] += 1.5
        forward[right] += 1.0
        backward[right] += 0.5
    order = np.argsort(-cosines)[:near]
    return Evidence(np.ones(classes, int), cosines, order, forward[order], backward[order])


def made_up(count: int, classes: int) -> list[Case]:
    random = np.random.default_rng(classes)
    rights = np.where(random.random(count) < 0.5, -1, random.integers(classes, size=count))
    return [(evidence(random, classes, int(right)), int(right)) for right in rights]


def test_probabilities_follow_from_the_equations() -> None:
    cosines, near, shots = np.array([0.5, 0.1, 0.4]), np.array([0, 2]), np.array([1, 4, 5])
    found = TRUE.probabilities(Evidence(shots, cosines, near, np.array([2.0, 3.0]), np.array([1.0, -1.0])))
    more = np.log(shots)
    r = np.exp((15 - more) * cosines - 6 + 0.5 * more)
    coarse = np.array([*r, 3**0.7]) / (r.sum() + 3**0.7)
    first = 8 * 0.5 + 0.5 * 2 + 0.2 * 1 - 3
    third = (8 + 2 * more[2]) * 0.4 + 0.5 * 3 - 0.2 * 1 - 3 + 0.3 * more[2]
    fine = np.exp([first, third, 0.8 * np.log(3)])
    shared = coarse[[0, 2, 3]].sum() * fine / fine.sum()
    np.testing.assert_allclose(found, [shared[0], coarse[1], shared[1], shared[2]])
    none = np.empty(0)
    np.testing.assert_allclose(TRUE.probabilities(Evidence(shots, cosines, none.astype(int), none, none)), coarse)


def test_a_class_that_is_left_out_leaves_the_rest_as_it_was() -> None:
    whole = evidence(np.random.default_rng(0), 6, 2)
    left = whole.without(2)
    assert left.cosines.tolist() == whole.cosines[[0, 1, 3, 4, 5]].tolist()
    names = [one if one < 2 else one + 1 for one in left.near.tolist()]
    assert names == [one for one in whole.near.tolist() if one != 2]
    assert len(left.first(1).near) == len(left.first(1).forward) == 1


def test_the_fit_finds_probabilities_that_can_be_trusted() -> None:
    fitted = fit_calibration(made_up(2000, 5) + made_up(1000, 30))
    # Of unit Gaussians moved by m, log r = m (x - m / 2).
    slope, _, intercept, _, power = fitted.cosine
    assert slope == pytest.approx(1.5, abs=0.15)
    for classes in (5, 30):  # intercept and power can stand in for each other
        assert intercept - power * np.log(classes) == pytest.approx(-1.125 - np.log(classes), abs=0.25)
    assert fitted.cosine[1] == fitted.cosine[3] == 0  # every class has one drawing
    fresh = [(evidence(np.random.default_rng(seed), 12, seed % 13 - 1), seed % 13 - 1) for seed in range(1300)]
    found = [fitted.probabilities(one) for one, _ in fresh]
    known = [
        (p[:-1].max() / p[:-1].sum(), p[:-1].argmax() == right)
        for p, (_, right) in zip(found, fresh, strict=True)
        if right >= 0
    ]
    sure, correct = map(np.array, zip(*known, strict=True))
    assert calibration_error(sure, correct) < 0.08
    assert 0.05 <= fitted.threshold <= 0.95


def test_the_calibration_error_by_hand() -> None:
    sure, right = np.array([0.95, 0.97, 0.55, 0.54]), np.array([True, False, True, True])
    expected = (abs(0.95 + 0.97 - 1) + abs(0.55 + 0.54 - 2)) / 4
    assert calibration_error(sure, right) == pytest.approx(expected)
    assert calibration_error(np.array([1.0, 1.0]), np.array([True, True])) == 0


def test_the_shipped_calibration_is_of_the_shipped_networks() -> None:
    from allograph.recognition import calibration

    document = json.loads(calibration._FILE.read_text())
    examiner = default_examiner()
    assert document["critic"] == examiner.critic.fingerprint
    assert document["weights"] == examiner.loaded.sha256
    assert document["alphabets"] == ["Anglo-Saxon_Futhorc", "Burmese_(Myanmar)", "N_Ko"]
    assert 0 < Calibration.shipped().threshold < 1


def test_distances_between_shapes_are_the_modified_hausdorff_distance(strokes: ConceptDataset) -> None:
    places = np.arange(6)[None]
    runs = ClassificationRuns(strokes, strokes.at(places, 0), strokes.at(places, 1), places)
    images = strokes.images
    found = hausdorff(images.select(runs.tests[0]), images.select(runs.exemplars[0]))  # type: ignore[arg-type]
    np.testing.assert_allclose(found, hausdorff_distances(runs)[0], atol=1.0)


@pytest.fixture(scope="module")
def alphabets() -> tuple[ConceptDataset, ConceptDataset]:
    return stroke_concepts(2 * WAYS, 6, seed=1), stroke_concepts(3, 5, seed=2)


def test_a_trial_depends_on_its_number_alone_and_survives_being_stored(
    alphabets: tuple[ConceptDataset, ConceptDataset],
) -> None:
    examiner = default_examiner()
    source, others = (Source.of(examiner, one) for one in alphabets)
    how = {"shortlist": 2, "samples": 1, "seed": 0}
    one, again = (run_trial(examiner, source, others, "across", 2, 1, **how) for _ in range(2))
    assert one.right == again.right and len(one.evidence) == WAYS
    assert {len(found.cosines) for found in one.evidence} == {2 * WAYS + 3}
    assert {len(found.near) for found in one.evidence} == {3}
    np.testing.assert_array_equal(one.evidence[3].forward, again.evidence[3].forward)
    kept = Trial.of(one.plain())
    assert kept.right == one.right and kept.nearest == one.nearest
    np.testing.assert_array_equal(kept.evidence[5].backward, one.evidence[5].backward)
    right = np.mean([found.cosines.argmax() == right for found, right in zip(one.evidence, one.right, strict=True)])
    assert right > 0.7
    with pytest.raises(AllographError, match="too few characters"):
        run_trial(examiner, others, source, "within", 1, 0, **how)


def test_the_measurement_has_every_figure(alphabets: tuple[ConceptDataset, ConceptDataset]) -> None:
    counts: list[tuple[int, int]] = []
    result = evaluate_recognition(
        default_examiner(),
        *alphabets,
        Calibration.shipped(),
        trials=2,
        shortlist=2,
        samples=1,
        progress=lambda *count: counts.append(count),
    )
    assert counts[-1] == (2 * len(CELLS),) * 2
    assert [(cell.setting, cell.shots) for cell in result.cells] == list(CELLS)
    assert [cell.classes for cell in result.cells] == [WAYS, WAYS, 2 * WAYS + 3, 2 * WAYS + 3]
    for cell in result.cells:
        assert cell.errors.keys() == {"modified Hausdorff distance", *METHODS} and cell.tests == 2 * WAYS
        assert cell.errors["all together"].value < cell.errors["modified Hausdorff distance"].value + 0.05
        assert 0 <= cell.refused.value <= 1 and 0 <= cell.calibration <= 1 and cell.slow > cell.quick > 0
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["fingerprint"] == alphabets[0].fingerprint()
    text = result.table()
    assert "all together" in text and "unknown, but accepted" in text
    grey = replace(alphabets[0], images=replace(alphabets[0].images, only_size=28))  # type: ignore[type-var]
    with pytest.raises(AllographError, match="105 x 105"):
        Source.of(default_examiner(), grey)
    assert torch.is_tensor(Source.of(default_examiner(), alphabets[1]).features)
