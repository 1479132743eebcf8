"""The critic: what it computes, how it learns, and that its file is safe, small and honest about its origin."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from allograph import AllographError
from allograph.data import ConceptDataset, split
from allograph.evaluation import Critic, CriticConfig, CriticTraining, from_exemplars, train_critic
from allograph.evaluation.critics import critic as critics

SMALL = CriticConfig(size=16, widths=(8, 16, 32))
SHORT = CriticTraining(steps=20, characters=12, per_alphabet=6, seed=5)


def test_features_have_one_length_whatever_the_side_and_do_not_depend_on_the_batch(symbols, critic):
    for size in (28, 52, 105):
        drawings = symbols.drawings(np.arange(12), size)
        together = critic.features(drawings)
        assert torch.allclose(together.norm(dim=1), torch.full((12,), math.sqrt(together.shape[1])), rtol=1e-4)
        apart = critic.features(drawings.reshape(3, 4, 1, size, size), batch=5)
        assert apart.shape == (3, 4, together.shape[1])
        assert torch.allclose(apart.reshape(12, -1), together, atol=1e-3)


def test_rendering_matters_far_less_than_the_symbol(symbols, critic):
    binary = symbols.drawings(symbols.images_of(0)[:1], 52)
    grey = F.avg_pool2d(binary, 3, stride=1, padding=1)
    thick = (grey > 0.3).float()
    coarse = symbols.drawings(symbols.images_of(0)[:1], 28)
    own = [critic.features(image)[0] for image in (binary, grey, thick, coarse)]
    others = critic.features(symbols.drawings([symbols.images_of(c)[0] for c in range(1, 20)], 52))
    nearest_other = (others - own[0]).norm(dim=1).min()
    for image in own[1:]:
        assert (image - own[0]).norm() < nearest_other


def test_the_shipped_critic_is_small_and_names_its_training(critic):
    shipped = Path(critics.__file__).with_name("critic.safetensors")
    assert shipped.stat().st_size < 2_000_000
    assert critic.card["training"]["seed"] == 0
    assert critic.card["characters"] > 800


def test_the_shipped_critic_saw_training_characters_only_and_knows_unseen_ones(omniglot, critic):
    splits = split(omniglot, "30-20")
    assert critic.card["data_fingerprint"] == splits.train.fingerprint()

    def copies(exemplars, count, seed):
        return exemplars[:, None].expand(-1, count, -1, -1, -1)

    result = from_exemplars(copies, splits.validation, critic, size=52, trials=3)
    assert result.real.recognizability.value > 0.88


def test_batches_hold_distinct_characters_of_few_alphabets_and_distinct_drawings(symbols):
    images, symmetry = critics._episode(symbols, SHORT, step=7)
    assert images.shape == (12, 4)
    assert len(np.unique(images)) == 48
    concepts = symbols.concept[images]
    assert (concepts == concepts[:, :1]).all()
    assert len(np.unique(concepts[:, 0])) == 12
    # Six of each of the two alphabets; a symmetry belongs to an alphabet.
    families = symbols.family[concepts[:, 0]]
    assert sorted(np.bincount(families)) == [6, 6]
    assert all(len(np.unique(symmetry[families == family])) == 1 for family in (0, 1))
    again, _ = critics._episode(symbols, SHORT, step=7)
    other, _ = critics._episode(symbols, SHORT, step=8)
    assert np.array_equal(images, again)
    assert not np.array_equal(images, other)


def test_a_drawing_is_never_its_own_support():
    # Unrelated features: only a comparison of each drawing with itself could be right more often than by chance.
    features = torch.randn(20, 4, 256, generator=torch.Generator().manual_seed(0))
    _, accuracy = critics._episode_loss(features, torch.tensor(1.0))
    assert accuracy < 0.12
    same = features[:, :1].expand(-1, 4, -1)
    loss, accuracy = critics._episode_loss(same, torch.tensor(20.0))
    assert accuracy == 1
    assert loss < 0.01


def test_loss_is_the_cross_entropy_of_plain_one_shot_episodes():
    features = torch.randn(5, 3, 7, generator=torch.Generator().manual_seed(1))
    terms = [
        F.cross_entropy(2.0 / 7 * features[:, j] @ features[c, i], torch.tensor(c))
        for c in range(5)
        for i in range(3)
        for j in range(3)
        if i != j
    ]
    loss, _ = critics._episode_loss(features, torch.tensor(2.0))
    assert torch.allclose(loss, torch.stack(terms).mean(), atol=1e-6)


def test_training_learns_repeats_bit_for_bit_and_leaves_global_randomness_alone(symbols):
    before = torch.random.get_rng_state()
    seen: list[tuple[int, float, float]] = []
    critic = train_critic(symbols, replace(SHORT, steps=100), SMALL, report=lambda *values: seen.append(values))
    short, again, other = (train_critic(symbols, replace(SHORT, steps=5, seed=seed), SMALL) for seed in (5, 5, 6))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert seen[-1][0] == 100
    assert seen[-1][1] < 0.7 * math.log(12)
    assert seen[-1][2] > 3 / 12
    assert not critic.training
    assert short.fingerprint == again.fingerprint
    assert short.fingerprint != other.fingerprint
    assert critic.card["data_fingerprint"] == symbols.fingerprint()


def test_too_few_drawings_is_one_clear_line(symbols):
    few = ConceptDataset(
        name="few",
        images=symbols.images.select(np.arange(3)),
        concept=np.zeros(3, dtype=np.int64),
        drawer=np.arange(3),
        concept_names=("only",),
        family_names=("one",),
        family=np.zeros(1, dtype=np.int64),
    )
    with pytest.raises(AllographError, match=r"^few: a critic needs 4 drawings"):
        train_critic(few, SHORT, SMALL)


def test_a_file_gives_the_same_critic_back(tmp_path, symbols):
    torch.manual_seed(0)
    critic = Critic(SMALL).eval()
    critic.card = {"data": "somewhere"}
    critic.save(tmp_path / "critic.safetensors")
    back = Critic.load(tmp_path / "critic.safetensors")
    drawings = symbols.drawings(np.arange(5), 40)
    assert torch.equal(back.features(drawings), critic.features(drawings))
    assert (back.fingerprint, back.card, back.config) == (critic.fingerprint, critic.card, critic.config)
    assert [path.name for path in tmp_path.iterdir()] == ["critic.safetensors"]


def test_bad_files_are_one_clear_line(tmp_path):
    path = tmp_path / "critic.safetensors"
    with pytest.raises(AllographError, match="no critic at"):
        Critic.load(path)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(AllographError, match="is a safetensors file but not a critic"):
        Critic.load(path)
    Critic(SMALL).save(path)
    whole = path.read_bytes()
    for damaged in (
        whole[: len(whole) // 2],
        b"",
        b"\x89PNG not this",
        whole.replace(b'\\"size\\": 16', b'\\"size\\": "a'),
    ):
        path.write_bytes(damaged)
        with pytest.raises(AllographError, match="damaged or not a critic") as caught:
            Critic.load(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(AllographError, match="cannot write"):
        Critic(SMALL).save(tmp_path / "nowhere" / "critic.safetensors")
