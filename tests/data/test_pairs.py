"""Pairs: of one concept, never the same drawing, and all of it from (seed, step)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float, Int
from torch.utils.data import DataLoader

from allograph.data import (
    Augmentation,
    Binarisation,
    ConceptDataset,
    PackedBitmaps,
    PairBatch,
    PairSource,
    Pictures,
    fixed_pairs,
)
from allograph.errors import AllographError


def dataset_of(counts: list[int], side: int = 9) -> ConceptDataset:
    """Concepts with so many drawings each, in mixed order; drawing i shows i as bits."""
    random = np.random.default_rng(len(counts))
    concept = random.permutation(np.repeat(np.arange(len(counts)), counts))
    images = np.zeros((len(concept), side, side), dtype=np.uint8)
    images[:, 0, :] = (np.arange(len(concept))[:, None] >> np.arange(side)) & 1
    return ConceptDataset(
        name="test",
        images=PackedBitmaps.pack(images),
        concept=concept,
        drawer=np.arange(len(concept)),
        concept_names=tuple(f"c{index}" for index in range(len(counts))),
        family_names=("f",),
        family=np.zeros(len(counts), dtype=np.int64),
    )


def same(one: PairBatch, other: PairBatch) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def check(batch: PairBatch, dataset: ConceptDataset) -> None:
    """What must hold for every batch of a data set with enough drawings."""
    targets, contexts = batch.target_index.numpy(), batch.context_index.numpy()
    np.testing.assert_array_equal(dataset.concept[targets], batch.concept.numpy())
    np.testing.assert_array_equal(
        dataset.concept[contexts], np.broadcast_to(batch.concept.numpy()[:, None], contexts.shape)
    )
    everything = np.concatenate([targets[:, None], contexts], axis=1)
    assert all(len(set(row)) == len(row) for row in everything.tolist())


counts_of_concepts = st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(lambda counts: max(counts) >= 4)


@given(counts=counts_of_concepts, contexts=st.integers(1, 3), step=st.integers(0, 1000), seed=st.integers(0, 2**64 - 1))
def test_contexts_are_other_drawings_of_the_target_s_concept(
    counts: list[int], contexts: int, step: int, seed: int
) -> None:
    dataset = dataset_of(counts)
    batch = PairSource(dataset, 9, 16, contexts=(contexts,), seed=seed).batch(step)
    assert isinstance(batch.target, Float[torch.Tensor, "16 1 9 9"])
    assert isinstance(batch.context, Float[torch.Tensor, f"16 {contexts} 1 9 9"])
    assert isinstance(batch.concept, Int[torch.Tensor, "16"])
    check(batch, dataset)
    assert torch.equal(batch.target, dataset.drawings(batch.target_index.numpy(), 9))
    assert torch.equal(batch.context.flatten(0, 1), dataset.drawings(batch.context_index.flatten().numpy(), 9))


def test_a_batch_is_a_pure_function_of_seed_and_step(strokes: ConceptDataset) -> None:
    def source(seed: int = 3) -> PairSource:
        return PairSource(strokes, 28, 50, contexts=(1, 2), seed=seed, augmentation=Augmentation())

    steps = [0, 1, 4, 5, 9]
    forwards = [source().batch(step) for step in steps]
    again = source()
    backwards = [again.batch(step) for step in reversed(steps)][::-1]
    assert all(same(one, other) for one, other in zip(forwards, backwards, strict=True))
    assert not torch.equal(forwards[0].target_index, source(seed=4).batch(0).target_index)


def test_nothing_touches_the_global_generators(strokes: ConceptDataset) -> None:
    numpy_before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()
    PairSource(strokes, 28, 8, augmentation=Augmentation()).batch(0)
    fixed_pairs(strokes, 28, 8)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)
    assert torch.equal(torch.get_rng_state(), torch_before)


@given(counts=counts_of_concepts, batch_size=st.integers(1, 40))
def test_every_epoch_shows_every_target_once(counts: list[int], batch_size: int) -> None:
    source = PairSource(dataset_of(counts), 9, batch_size, seed=1)
    total = len(source.targets)
    steps = -(-3 * total // batch_size)
    seen = np.concatenate([source.batch(step).target_index.numpy() for step in range(steps)])
    epochs = seen[: 3 * total].reshape(3, total)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.sort(source.targets))


def test_epochs_have_orders_of_their_own(strokes: ConceptDataset) -> None:
    source = PairSource(strokes, 28, len(strokes))
    assert not torch.equal(source.batch(0).target_index, source.batch(1).target_index)


def test_every_other_drawing_is_equally_likely() -> None:
    dataset = dataset_of([5])
    source = PairSource(dataset, 9, 5, contexts=(2,), seed=0)
    batches = [source.batch(step) for step in range(400)]
    drawn = np.zeros((5, 5))
    for batch in batches:
        np.add.at(drawn, (batch.target_index.numpy()[:, None], batch.context_index.numpy()), 1)
    others = drawn[~np.eye(5, dtype=bool)]
    # 400 pairs of 4 others: each is there half the time, with a standard deviation of 10.
    assert (drawn.diagonal() == 0).all() and (abs(others - 200) < 45).all()


def test_the_number_of_contexts_is_drawn_for_each_step(strokes: ConceptDataset) -> None:
    source = PairSource(strokes, 28, 2, contexts=(1, 3), seed=0)
    assert {source.batch(step).context.shape[1] for step in range(20)} == {1, 3}


def test_without_augmentation_concepts_with_too_few_drawings_are_left_out() -> None:
    source = PairSource(dataset_of([1, 2, 3, 6]), 9, 9, contexts=(1, 2))
    assert set(source.batch(0).concept.tolist()) == {2, 3}


def test_with_augmentation_contexts_may_repeat_but_are_never_the_target() -> None:
    dataset = dataset_of([1, 2, 6], side=105)
    images = np.zeros((9, 105, 105), dtype=np.uint8)
    images[:, 20:80, 50:55] = images[:, 40:45, 50:90] = 1
    dataset = ConceptDataset(**{**vars_of(dataset), "images": PackedBitmaps.pack(images)})
    source = PairSource(dataset, 52, 8, contexts=(3,), augmentation=Augmentation())
    batch = source.batch(0)
    assert set(batch.concept.tolist()) == {1, 2}  # the concept with a single drawing is left out
    for target, contexts, concept, shown, drawn in zip(
        batch.target_index, batch.context_index, batch.concept, batch.target, batch.context, strict=True
    ):
        assert int(target) not in contexts.tolist()
        assert len(set(contexts.tolist())) == {1: 1, 2: 3}[int(concept)]
        assert len({image.numpy().tobytes() for image in (shown, *drawn)}) == 4


def vars_of(dataset: ConceptDataset) -> dict[str, object]:
    return {name: value for name, value in vars(dataset).items() if not name.startswith("_")}


def test_no_pair_at_all_is_one_clear_line() -> None:
    with pytest.raises(AllographError, match="no class of 'test' has the 3 images"):
        PairSource(dataset_of([2, 1]), 9, 4, contexts=(2,))
    with pytest.raises(AllographError, match="no class of 'test' has the 2 images"):
        fixed_pairs(dataset_of([1, 1]), 9, 4)


@given(counts=counts_of_concepts, count=st.integers(1, 30), contexts=st.integers(1, 3))
def test_fixed_pairs_are_distinct_targets_with_other_drawings(counts: list[int], count: int, contexts: int) -> None:
    dataset = dataset_of(counts)
    batch = fixed_pairs(dataset, 9, count, seed=5, contexts=contexts)
    check(batch, dataset)
    available = sum(drawings for drawings in counts if drawings > contexts)
    assert len(batch) == len(set(batch.target_index.tolist())) == min(count, available)
    assert same(batch, fixed_pairs(dataset, 9, count, seed=5, contexts=contexts))


def test_a_data_loader_takes_steps_in_any_order(strokes: ConceptDataset) -> None:
    source = PairSource(strokes, 28, 4)
    loader = DataLoader(source, batch_size=None, sampler=[7, 2])
    assert [same(batch, source.batch(step)) for batch, step in zip(loader, (7, 2), strict=True)] == [True, True]


def test_a_batch_moves_to_a_device_as_a_whole(strokes: ConceptDataset) -> None:
    moved = fixed_pairs(strokes, 28, 4).to("meta")
    assert all(part.device.type == "meta" for part in vars(moved).values())


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range_are_refused(strokes: ConceptDataset, seed: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        PairSource(strokes, 28, 4, seed=seed).batch(0)


def pictures_of(count: int, channels: int = 1, side: int = 9) -> ConceptDataset:
    """Unlabelled pictures of random grey levels."""
    values = np.random.default_rng(count).integers(0, 256, (count, channels, side, side), dtype=np.uint8)
    return ConceptDataset.unlabelled("plain", Pictures(values))


@given(count=st.integers(1, 20), channels=st.sampled_from([1, 3]), step=st.integers(0, 99))
def test_without_contexts_all_images_are_targets(count: int, channels: int, step: int) -> None:
    dataset = pictures_of(count, channels)
    source = PairSource(dataset, 9, 7, contexts=(0,))
    np.testing.assert_array_equal(source.targets, np.arange(count))
    batch = source.batch(step)
    assert batch.target.shape == (7, channels, 9, 9)
    assert batch.context.shape == (7, 0, channels, 9, 9) and batch.context_index.shape == (7, 0)
    assert torch.equal(batch.target, dataset.drawings(batch.target_index.numpy(), 9))
    fixed = fixed_pairs(dataset, 9, 30, contexts=0)
    assert sorted(fixed.target_index.tolist()) == list(range(count)) and fixed.context.shape[1] == 0


def test_without_contexts_single_drawings_are_augmented_too(strokes: ConceptDataset) -> None:
    singles = strokes.select_drawings(strokes.at(np.arange(40), np.zeros(40, dtype=int)))
    batch = PairSource(singles, 28, 40, contexts=(0,), augmentation=Augmentation()).batch(0)
    assert sorted(batch.target_index.tolist()) == list(range(40))
    assert not torch.equal(batch.target, singles.drawings(batch.target_index.numpy(), 28))


@pytest.mark.parametrize("augmentation", [None, Augmentation()])
def test_exemplars_of_unlabelled_images_are_one_clear_line(augmentation: Augmentation | None) -> None:
    with pytest.raises(AllographError, match=r"'plain' .* none \(contexts 0\)") as caught:
        PairSource(pictures_of(5), 9, 4, augmentation=augmentation)
    assert "\n" not in str(caught.value)
    with pytest.raises(AllographError, match="contexts 0"):
        fixed_pairs(pictures_of(5), 9, 4)


def test_dynamic_binarisation_is_drawn_anew_for_every_step_with_the_grey_level_as_probability() -> None:
    dataset = pictures_of(1, side=30)
    source = PairSource(dataset, 30, 200, contexts=(0,), binarisation="dynamic", seed=5)
    first, second = source.batch(0).target, source.batch(1).target
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(first, PairSource(dataset, 30, 200, contexts=(0,), binarisation="dynamic", seed=5)[0].target)
    assert len({image.numpy().tobytes() for image in torch.cat([first, second])}) == 400
    level = dataset.drawings([0], 30)[0]
    spread = (level * (1 - level) / 400).sqrt()
    error = (torch.cat([first, second]).mean(dim=0) - level) / spread.clamp(min=1e-6)
    assert error.abs().max() < 4.5 and 0.9 < error.std() < 1.1
    assert (first[:, level == 0] == 0).all() and (first[:, level == 1] == 1).all()


def test_fixed_binarisation_belongs_to_the_image() -> None:
    dataset = dataset_of([6, 6, 6])
    values = np.random.default_rng(0).integers(0, 256, (18, 1, 9, 9), dtype=np.uint8)
    dataset = ConceptDataset(**{**vars_of(dataset), "images": Pictures(values)})
    few = fixed_pairs(dataset, 9, 5, contexts=2, binarisation="dynamic")
    many = fixed_pairs(dataset, 9, 18, contexts=0, binarisation="dynamic")
    drawn = {int(index): image for index, image in zip(many.target_index, many.target, strict=True)}
    for index, image in zip(few.target_index, few.target, strict=True):
        assert torch.equal(image, drawn[int(index)])
    for indices, images in zip(few.context_index, few.context, strict=True):
        assert all(torch.equal(image, drawn[int(index)]) for index, image in zip(indices, images, strict=True))
    other = fixed_pairs(dataset, 9, 18, contexts=0, binarisation="dynamic", seed=1)
    assert any(not torch.equal(image, drawn[int(i)]) for i, image in zip(other.target_index, other.target, strict=True))


def test_the_threshold_is_128() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    dataset = ConceptDataset.unlabelled("levels", Pictures(levels))
    expected = torch.from_numpy(levels >= 128).float()
    assert torch.equal(fixed_pairs(dataset, 16, 1, contexts=0, binarisation="threshold").target, expected)
    assert torch.equal(PairSource(dataset, 16, 1, contexts=(0,), binarisation="threshold")[0].target, expected)


@pytest.mark.parametrize("how", ["threshold", "dynamic"])
def test_binarising_bitmaps_changes_nothing(strokes: ConceptDataset, how: Binarisation) -> None:
    plain, binarised = (PairSource(strokes, 28, 9, shift=1, binarisation=kind) for kind in ("none", how))
    assert same(plain[3], binarised[3])
    assert same(fixed_pairs(strokes, 28, 9), fixed_pairs(strokes, 28, 9, binarisation=how))


def test_images_are_shifted_by_whole_pixels() -> None:
    values = np.zeros((50, 1, 9, 9), dtype=np.uint8)
    values[:, :, 4, 4] = 1 + np.arange(50)[:, None]
    source = PairSource(ConceptDataset.unlabelled("dots", Pictures(values)), 9, 50, contexts=(0,), shift=2)
    batches = [source.batch(step) for step in range(20)]
    places = set()
    for batch in batches:
        dots = batch.target.nonzero()
        np.testing.assert_array_equal(dots[:, 0], np.arange(50))  # one dot each, still whole
        assert torch.equal(batch.target[dots.unbind(1)] * 255, batch.target_index + 1.0)
        places |= {(int(y) - 4, int(x) - 4) for _, _, y, x in dots}
    assert places == {(y, x) for y in range(-2, 3) for x in range(-2, 3)}
    again = PairSource(source.dataset, 9, 50, contexts=(0,), shift=2)
    assert same(batches[7], again.batch(7))


def test_images_stay_where_they_are_after_the_steps_with_shifts() -> None:
    values = np.zeros((50, 1, 9, 9), dtype=np.uint8)
    values[:, :, 4, 4] = 255
    dots = ConceptDataset.unlabelled("dots", Pictures(values))
    moved, settled = (PairSource(dots, 9, 50, contexts=(0,), shift=2, varied_steps=steps) for steps in (3, 2.5))
    for source in (moved, settled):
        assert (source.batch(2).target[:, 0, 4, 4] == 0).any()
        assert (source.batch(3).target[:, 0, 4, 4] == 1).all()


def test_fixed_binary_pixels_are_shifted_but_never_turned() -> None:
    bits = PackedBitmaps.pack(np.random.default_rng(0).random((9, 28, 28)) < 0.2, only_size=28)
    dataset = ConceptDataset.unlabelled("fixed", bits)
    assert set(PairSource(dataset, 28, 9, contexts=(0,), shift=2)[0].target.unique().tolist()) == {0.0, 1.0}
    with pytest.raises(AllographError, match=r"'fixed'.*augment=false"):
        PairSource(dataset, 28, 9, contexts=(0,), augmentation=Augmentation())


@pytest.mark.parametrize(
    ("contexts", "binarisation"), [((0,), "none"), ((0,), "dynamic"), ((1, 2), "threshold"), ((1,), "dynamic")]
)
def test_batches_of_pictures_are_a_pure_function_of_seed_and_step(
    contexts: tuple[int, ...], binarisation: Binarisation
) -> None:
    values = np.random.default_rng(0).integers(0, 256, (12, 3, 16, 16), dtype=np.uint8)
    dataset = ConceptDataset(**{**vars_of(dataset_of([6, 6])), "images": Pictures(values)})

    def source(seed: int) -> PairSource:
        return PairSource(
            dataset, 12, 10, contexts=contexts, seed=seed, augmentation=Augmentation(), shift=1,
            binarisation=binarisation,
        )  # fmt: skip

    one, other = source(2), source(2)
    assert [same(one.batch(step), other.batch(step)) for step in (5, 0, 5)] == [True] * 3
    assert not torch.equal(one.batch(5).target, source(3).batch(5).target)
    assert not torch.equal(one.batch(5).target, one.batch(6).target)


def families_of(counts: list[list[int]]) -> ConceptDataset:
    """Families of concepts with so many drawings each."""
    plain = dataset_of([count for family in counts for count in family])
    family = np.repeat(np.arange(len(counts)), [len(part) for part in counts])
    names = tuple(f"f{index}" for index in range(len(counts)))
    return ConceptDataset(**{**vars_of(plain), "family": family, "family_names": names})


families = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=6), min_size=1, max_size=4)


@given(counts=families, contexts=st.integers(1, 4), step=st.integers(0, 99))
def test_of_a_family_exemplars_are_of_other_concepts_one_of_each(
    counts: list[list[int]], contexts: int, step: int
) -> None:
    dataset = families_of(counts)
    large = [sum(count > 0 for count in family) > contexts for family in counts]
    available = sum(sum(family) for family, enough in zip(counts, large, strict=True) if enough)
    if not available:
        with pytest.raises(AllographError, match=f"no family of 'test' has the {contexts + 1} classes"):
            PairSource(dataset, 9, 8, contexts=(contexts,), exemplars="family")
        return
    source = PairSource(dataset, 9, 8, contexts=(contexts,), exemplars="family")
    fixed = fixed_pairs(dataset, 9, 50, contexts=contexts, exemplars="family")
    assert sorted(fixed.target_index.tolist()) == sorted(source.targets.tolist())[:50] and len(fixed) == available
    for batch in (source.batch(step), fixed):
        concepts = dataset.concept[batch.context_index.numpy()]
        own = batch.concept.numpy()[:, None]
        np.testing.assert_array_equal(dataset.family[concepts], np.broadcast_to(dataset.family[own], concepts.shape))
        assert all(len({*row}) == contexts + 1 for row in np.concatenate([own, concepts], axis=1).tolist())
        assert torch.equal(batch.context.flatten(0, 1), dataset.drawings(batch.context_index.flatten().numpy(), 9))


def test_every_other_drawing_of_a_family_is_drawn() -> None:
    dataset = families_of([[2, 3, 1], [4]])
    source = PairSource(dataset, 9, 6, contexts=(1,), exemplars="family")
    batches = [source.batch(step) for step in range(300)]
    drawn = np.zeros((10, 10), dtype=int)
    for batch in batches:
        np.add.at(drawn, (batch.target_index.numpy(), batch.context_index[:, 0].numpy()), 1)
    kin = dataset.family[dataset.concept]
    other = (kin[:, None] == kin) & (dataset.concept[:, None] != dataset.concept) & (kin[:, None] == 0)
    assert ((drawn > 0) == other).all()
    # Each of the two other concepts is there half the time, whatever number of drawings it has.
    for target in np.flatnonzero(kin == 0):
        shares = [drawn[target, dataset.concept == c].sum() for c in range(3) if c != dataset.concept[target]]
        assert abs(shares[0] - 150) < 45


def test_augmented_families_may_be_small(strokes: ConceptDataset) -> None:
    pair = strokes.select([0, 1])
    source = PairSource(pair, 28, 4, contexts=(3,), exemplars="family", augmentation=Augmentation())
    batch = source.batch(0)
    assert (dataset_concepts(pair, batch.context_index) != batch.concept[:, None].numpy()).all()


def dataset_concepts(dataset: ConceptDataset, indices: torch.Tensor) -> np.ndarray:
    return dataset.concept[indices.numpy()]


def test_after_the_varied_steps_drawings_are_as_they_are(strokes: ConceptDataset) -> None:
    source = PairSource(strokes, 28, 8, augmentation=Augmentation(), shift=1, varied_steps=2, seed=3)
    for step, plain in enumerate((False, False, True)):
        batch = source.batch(step)
        same = torch.equal(batch.target, strokes.drawings(batch.target_index.numpy(), 28))
        assert same == plain


def test_exemplars_with_repeats_hold_the_target_as_often_as_drawing_with_replacement_says() -> None:
    """1 - (1 - 1/N)^n for n exemplars of N drawings; whatever is drawn is of the target's concept."""
    dataset = dataset_of([5] * 40)
    shares = []
    for seed in range(20):
        pairs = fixed_pairs(dataset, 9, 200, seed=seed, contexts=3, exemplars="repeats")
        assert len(pairs) == 200
        assert (torch.from_numpy(dataset.concept)[pairs.context_index] == pairs.concept[:, None]).all()
        shares.append((pairs.context_index == pairs.target_index[:, None]).any(dim=1).double().mean())
    expected = 1 - (1 - 1 / 5) ** 3
    error = (expected * (1 - expected) / 4000) ** 0.5
    assert abs(float(torch.stack(shares).mean()) - expected) < 4 * error

    source = PairSource(dataset, 9, 200, contexts=(3,), exemplars="repeats")
    batch = source.batch(0)
    assert (batch.context_index == batch.target_index[:, None]).any() and same(batch, source.batch(0))


def test_with_repeats_a_single_drawing_is_its_own_exemplar() -> None:
    pairs = fixed_pairs(dataset_of([1, 1]), 9, 2, contexts=2, exemplars="repeats")
    assert torch.equal(pairs.context_index, pairs.target_index[:, None].expand(2, 2))
