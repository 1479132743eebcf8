"""The one-shot test judges writers whose score is known beforehand as what they are."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from allograph import AllographError
from allograph.evaluation import Critic, CriticConfig, Estimate, draw_trials, from_exemplars
from allograph.evaluation.oneshot.exemplars import picture_of
from allograph.evaluation.oneshot.measures import diversity, originality, recognised, taken_for_real
from evaluation.writers import Oracle, copy

SIZE = 40


def noise(exemplars: Tensor, count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(len(exemplars), count, *exemplars.shape[1:], generator=generator) < 0.1).float()


def test_a_perfect_writer_is_not_told_from_people(symbols, critic):
    result = from_exemplars(Oracle(symbols, SIZE), symbols, critic, size=SIZE, trials=8, ways=12, drawings=10)
    for estimate in (result.ratio.recognizability, result.ratio.diversity, result.ratio.originality):
        assert abs(estimate.value - 1) < 4 * estimate.error
        assert estimate.error < 0.05
    # Told to draw as many as there are, it returns the very drawings that it is compared with.
    exact = from_exemplars(Oracle(symbols, SIZE), symbols, critic, size=SIZE, trials=2, ways=12, drawings=20)
    assert exact.generated.recognizability == exact.real.recognizability
    assert exact.ratio.diversity.value == pytest.approx(1)
    assert exact.ratio.originality.value == pytest.approx(1)


def test_a_copying_writer_is_recognised_without_diversity_or_originality(symbols, critic):
    result = from_exemplars(copy, symbols, critic, size=SIZE, trials=2, ways=12)
    assert result.generated.recognizability.value == 1
    assert result.generated.diversity.value < 1e-3
    assert result.generated.originality.value < 1e-3
    # The reference point, slightly distorted copies, lies between: nearly always known, too much alike.
    assert result.copies.recognizability.value > 0.95
    assert 0.05 < result.copies.diversity.value < result.real.diversity.value
    assert result.copies.originality.value < result.real.originality.value


def test_the_embedding_measures_diversity_and_originality_again(symbols, critic):
    asked: list[tuple[int, int]] = []
    settings = {"size": SIZE, "trials": 2, "ways": 5, "drawings": 4}
    settings["progress"] = lambda *count: asked.append(count)  # type: ignore[assignment]
    same = from_exemplars(copy, symbols, critic, embedding=critic, **settings)  # type: ignore[arg-type]
    del settings["progress"]
    for point in (same.real, same.copies, same.ratio):
        assert point.simclr_diversity == point.diversity
        assert point.simclr_originality == point.originality
    assert same.embedding == same.critic == critic.fingerprint
    assert asked == [(1, 2), (2, 2)]
    shipped = from_exemplars(copy, symbols, critic, **settings)
    assert shipped.embedding != shipped.critic
    assert shipped.real.recognizability == same.real.recognizability
    assert shipped.real.simclr_diversity != same.real.simclr_diversity
    assert shipped.generated.simclr_diversity.value < 1e-3, "copies are copies to every judge"


@pytest.mark.slow
def test_a_writer_of_noise_is_recognised_by_chance(symbols, critic):
    result = from_exemplars(noise, symbols, critic, size=SIZE, trials=10, ways=12, setting="across")
    known = result.generated.recognizability
    assert abs(known.value - 1 / 12) < max(4 * known.error, 0.02)
    assert result.real.recognizability.value > 5 / 12


def test_a_writer_of_the_wrong_characters_is_never_recognised(symbols, critic):
    # Each exemplar is answered with the next one.
    def shifted(exemplars: Tensor, count: int, seed: int) -> Tensor:
        return copy(exemplars.roll(1, 0), count, seed)

    assert from_exemplars(shifted, symbols, critic, size=SIZE, trials=2, ways=12).generated.recognizability.value == 0


def test_the_seed_fixes_everything(symbols, critic):
    def run(seed: int):
        return from_exemplars(noise, symbols, critic, size=SIZE, trials=2, ways=5, drawings=4, seed=seed)

    before = torch.random.get_rng_state()
    assert run(1) == run(1)
    assert run(1) != run(2)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("setting", ["within", "across"])
def test_exemplar_and_other_drawings_are_different_drawings_of_one_character(symbols, setting):
    trials = draw_trials(symbols, trials=6, ways=12, drawings=7, setting=setting, seed=9)
    assert len({trial.seed for trial in trials}) == 6
    for trial in trials:
        drawn = np.concatenate([trial.exemplars[:, None], trial.others], axis=1)
        assert drawn.shape == (12, 7)
        assert len(np.unique(drawn)) == drawn.size
        concepts = symbols.concept[drawn]
        assert (concepts == concepts[:, :1]).all()
        assert len(np.unique(concepts[:, 0])) == 12
        families = np.unique(symbols.family[concepts[:, 0]])
        if setting == "within":
            assert list(families) == [trial.family]
        else:
            assert (trial.family, len(families)) == (-1, 2)
    if setting == "within":
        assert [trial.family for trial in trials] == [0, 1, 0, 1, 0, 1]


def test_more_trials_begin_with_the_same_ones(symbols):
    few, many = (draw_trials(symbols, trials=n, ways=12, drawings=5, seed=2) for n in (2, 5))
    for one, other in zip(few, many, strict=False):
        assert np.array_equal(one.exemplars, other.exemplars)
        assert np.array_equal(one.others, other.others)
        assert one.seed == other.seed


def test_alphabets_with_too_few_characters_are_left_out_or_named(symbols):
    assert {trial.family for trial in draw_trials(symbols, trials=4, ways=20)} == {1}
    with pytest.raises(AllographError, match="no alphabet has 30 characters of 20 drawings"):
        draw_trials(symbols, trials=4, ways=30)
    with pytest.raises(AllographError, match="no choice of characters has 20 characters of 21 drawings"):
        draw_trials(symbols, trials=4, drawings=21, setting="across")
    with pytest.raises(AllographError, match="at least 2 trials"):
        draw_trials(symbols, trials=1)


def test_real_drawings_that_never_differ_give_no_ratio(symbols):
    images = np.repeat([symbols.images_of(c)[0] for c in range(40)], 5)
    same = replace(symbols, images=symbols.images.select(images), concept=np.repeat(np.arange(40), 5), drawer=images)
    with pytest.raises(AllographError, match="nothing to compare with"):
        from_exemplars(copy, same, Critic(CriticConfig(16, (4, 4))), size=SIZE, trials=2, ways=5, drawings=5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x, n, s: x, "shape"),
        (lambda x, n, s: copy(x, n + 1, s), "shape"),
        (lambda x, n, s: copy(x, n, s) * 4 - 2, "outside"),
        (lambda x, n, s: copy(x, n, s) * float("nan"), "outside"),
    ],
)
def test_a_writer_that_breaks_the_contract_is_told_so(symbols, critic, wrong, message):
    with pytest.raises(ValueError, match=message):
        from_exemplars(wrong, symbols, critic, size=SIZE, trials=2, ways=4, drawings=4)


def test_measures_meet_their_definitions():
    features = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    prototypes = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    x, e = features.double().numpy(), prototypes.double().numpy()
    hits = [np.argmax([x[k, i] @ e[j] for j in range(3)]) == k for k in range(3) for i in range(5)]
    assert recognised(features, prototypes) == pytest.approx(np.mean(hits))
    deviations = [np.sqrt(np.mean([np.var(x[k, :, d], ddof=1) for d in range(8)])) for k in range(3)]
    assert diversity(features) == pytest.approx(np.mean(deviations))
    distances = [np.sqrt(np.mean((x[k, i] - e[k]) ** 2)) for k in range(3) for i in range(5)]
    assert originality(features, prototypes[:, None]) == pytest.approx(np.mean(distances))


def test_originality_is_the_distance_to_the_nearest_that_was_given():
    generator = torch.Generator().manual_seed(0)
    features, given = (
        torch.nn.functional.normalize(torch.randn(2, count, 8, generator=generator), dim=-1) * 8**0.5
        for count in (5, 4)
    )
    x, g = features.double().numpy(), given.double().numpy()
    distances = [min(np.sqrt(np.mean((x[k, i] - g[k, j]) ** 2)) for j in range(4)) for k in range(2) for i in range(5)]
    assert originality(features, given) == pytest.approx(np.mean(distances))
    assert originality(given, given) == 0


def test_drawings_are_taken_for_real_as_often_as_a_real_one_is_nearest():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(6, 3, generator=generator), torch.randn(6, 3, generator=generator)
    hits = []
    for i in range(6):
        others = [float(x[i] @ x[j]) for j in range(6) if j != i]
        hits.append(max(float(x[i] @ y[j]) for j in range(6)) > max(others))
    assert taken_for_real(x, y) == pytest.approx(np.mean(hits))
    shares = [taken_for_real(*torch.randn(2, 40, 8, generator=generator)) for _ in range(50)]
    assert np.mean(shares) == pytest.approx(0.5, abs=4 * np.std(shares) / 50**0.5)
    crowd = torch.ones(6, 3) + 1e-3 * x
    assert taken_for_real(crowd, y) == 0, "drawings that are all alike are not real ones"


def test_errors_are_standard_errors_of_mean_and_paired_ratio():
    rng = np.random.default_rng(0)
    common = rng.normal(5, 1, size=(4000, 25, 1))
    pairs = np.concatenate([common, 0.8 * common], axis=2) + rng.normal(0, 0.2, size=(4000, 25, 2))
    means = [Estimate.mean(sample[:, 1]) for sample in pairs]
    ratios = [Estimate.ratio(sample[:, 1], sample[:, 0]) for sample in pairs]
    for estimates, truth in ((means, 4.0), (ratios, 0.8)):
        values = np.array([estimate.value for estimate in estimates])
        assert values.mean() == pytest.approx(truth, rel=0.01)
        assert np.mean([estimate.error for estimate in estimates]) == pytest.approx(values.std(), rel=0.06)


def test_the_result_prints_and_is_json(symbols, critic):
    result = from_exemplars(copy, symbols, critic, size=SIZE, trials=2, ways=5, drawings=4)
    back = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert back["generated"]["recognizability"]["value"] == 1
    assert back["critic"] == critic.fingerprint
    rows = result.table().splitlines()
    assert rows[0].startswith("5-way one-shot within alphabets, 2 trials")
    assert [row.split("  ")[0] for row in rows[2:]] == ["real", "generated", "copies", "generated / real"]
    assert "100.0 ± 0.0 %" in rows[3]
    picture = picture_of(copy, symbols, size=SIZE, ways=5, drawings=4)
    assert picture.width > picture.height
