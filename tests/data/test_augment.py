"""Augmented drawings: the geometry is exact, groups stay one concept, strokes stay what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float
from scipy import ndimage
from torch.nn import functional

from allograph.data import Augmentation, ConceptDataset
from allograph.data.augment import _fit, shifted
from allograph.data.resizing import pooled
from allograph.data.warping import centres, change_pen, sampling_grid, warp
from allograph.imaging.area_average import grey

IDENTITY = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
UNCHANGED = Augmentation(
    new_concepts=0, drawing_turn=0, drawing_shear=0, drawing_stretch=1, drawing_scale=1, drawing_shift=0, pen=0
)


def overlap(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one * other).sum() / torch.maximum(one, other).sum()).item()


def parts(drawing: torch.Tensor) -> int:
    return ndimage.label(drawing.squeeze().numpy(), np.ones((3, 3)))[1]


def blobs(side: int) -> np.ndarray:
    """A bitmap without symmetry, its edges on even pixels, so that half its size shows it exactly."""
    pixels = (np.random.default_rng(0).random((side // 8, side // 8)) < 0.3).astype(np.uint8)
    return np.kron(pixels, np.ones((8, 8), dtype=np.uint8))[None]


@pytest.fixture(scope="module")
def groups(strokes: ConceptDataset) -> np.ndarray:
    """40 groups of two drawings of one concept, (40, 2, 105, 105)."""
    indices = strokes.at(np.arange(40)[:, None], [[0, 3]])
    return strokes.images.unpack(indices.reshape(-1)).reshape(40, 2, 105, 105)


@pytest.mark.parametrize("size", [28, 50, 52, 64, 105])
def test_the_identity_gives_the_plain_drawings(strokes: ConceptDataset, size: int) -> None:
    indices = np.arange(0, 240, 6)
    warped = warp(strokes.images.unpack(indices), np.repeat(IDENTITY, 40, axis=0), size)
    assert overlap(warped, strokes.drawings(indices, size)) > 0.985


def test_no_change_changes_nothing(groups: np.ndarray, strokes: ConceptDataset) -> None:
    same = UNCHANGED(groups, 52, np.random.default_rng(0))
    plain = strokes.drawings(strokes.at(np.arange(40)[:, None], [[0, 3]]).reshape(-1), 52)
    assert overlap(same.reshape(-1, 1, 52, 52), plain) > 0.985


@pytest.mark.parametrize(("x", "y"), [(1, 0), (0, 1), (-3, 2)])
def test_a_window_moved_by_pixels_sees_exactly_these_pixels(x: int, y: int) -> None:
    bitmap = blobs(104)
    window = IDENTITY + np.array([[0, 0, 2 * x / 52], [0, 0, 2 * y / 52]])
    seen, plain = warp(bitmap, window, 52)[0, 0], warp(bitmap, IDENTITY, 52)[0, 0]
    rolled = torch.roll(plain, (-y, -x), dims=(0, 1))
    inside = slice(3, -3)
    assert torch.equal(seen[inside, inside], rolled[inside, inside])


def test_a_window_turned_by_a_quarter_turns_the_drawing() -> None:
    bitmap = blobs(104)
    # The right edge of the result, (1, 0), looks at (0, 1), the lower edge of the bitmap: a counterclockwise turn.
    window = np.array([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])
    expected = torch.rot90(warp(bitmap, IDENTITY, 52), 1, (2, 3))
    assert torch.equal(warp(bitmap, window, 52), expected)


def test_the_grid_is_the_one_it_replaces() -> None:
    windows = torch.randn(3, 2, 3, generator=torch.Generator().manual_seed(0))
    expected = functional.affine_grid(windows, [3, 1, 9, 9], align_corners=False)
    torch.testing.assert_close(sampling_grid(windows, centres(9)), expected)


@pytest.mark.parametrize("change", [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
def test_the_pen_gets_as_much_wider_as_asked(change: float) -> None:
    # Strokes 5 pixels wide and 70 long at every angle, seen through windows turned and moved a little: only then do
    # the edges lie anywhere between pixels, as they do after any augmentation.
    random = np.random.default_rng(0)
    y, x = np.mgrid[:105, :105] - 52.0
    angle = np.linspace(0, np.pi, 48, endpoint=False)[:, None, None]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    bitmaps = ((abs(along) <= 35) & (abs(across) <= 2.5)).astype(np.uint8)
    turn, shift = random.uniform(-0.3, 0.3, 48), random.uniform(-0.02, 0.02, (2, 48))
    rows = [[np.cos(turn), -np.sin(turn), shift[0]], [np.sin(turn), np.cos(turn), shift[1]]]
    area = warp(bitmaps, np.array(rows).transpose(2, 0, 1), 52, np.full(48, change)).mean().item() * 105**2
    assert area / (70 + change) == pytest.approx(5 + change, abs=0.25)


@pytest.mark.parametrize("size", [20, 28, 104])
def test_picked_pixels_are_those_of_the_whole_drawing_bit_for_bit(groups: np.ndarray, size: int) -> None:
    """Only picked pixels and their neighbours are looked at, few bitmaps at a time: nothing else may change."""
    random = np.random.default_rng(0)
    bitmaps, change = groups.reshape(-1, 105, 105), random.uniform(-1.5, 1.5, 80)
    windows = IDENTITY + random.normal(0, 0.1, (80, 2, 3))
    grid = functional.affine_grid(torch.from_numpy(windows).float(), [80, 1, 105, 105], align_corners=False)
    whole = functional.grid_sample(torch.from_numpy(bitmaps).float()[:, None], grid, align_corners=False)
    for pen in (change, np.zeros(80)):
        drawn = change_pen(whole, pen)
        place = torch.arange(size) * 105 // size
        expected = drawn[:, :, place][..., place]
        seen = warp(bitmaps, windows, size, pen, reduction="sample")
        sure = (expected - 0.5).abs() > 1e-5  # affine_grid rounds otherwise
        assert torch.equal(seen[sure], (expected >= 0.5).float()[sure])
        assert sure.float().mean() > 0.999
    each = (warp(bitmaps[i : i + 1], windows[i : i + 1], size, change[i], reduction="sample") for i in range(80))
    alone = torch.cat(list(each))
    assert torch.equal(alone, warp(bitmaps, windows, size, change, reduction="sample"))


@given(seed=st.integers(0, 2**32 - 1))
def test_a_group_shares_the_map_that_makes_a_concept(groups: np.ndarray, seed: int) -> None:
    shared_only = Augmentation(
        new_concepts=1, drawing_turn=0, drawing_shear=0, drawing_stretch=1, drawing_scale=1, drawing_shift=0, pen=0
    )
    twins = np.repeat(groups[:6, :1], 2, axis=1)
    drawings = shared_only(twins, 28, np.random.default_rng(seed))
    assert torch.equal(drawings[:, 0], drawings[:, 1])


def test_groups_have_maps_of_their_own(groups: np.ndarray) -> None:
    same = np.repeat(groups[:1], 6, axis=0)
    drawings = Augmentation(new_concepts=1)(same, 28, np.random.default_rng(0))
    assert len({drawing.numpy().tobytes() for drawing in drawings.reshape(12, 28, 28)}) == 12


def test_all_eight_symmetries_occur() -> None:
    bitmap = np.zeros((1, 1, 105, 105), dtype=np.uint8)
    bitmap[..., 10:95, 30:35] = bitmap[..., 10:15, 30:75] = bitmap[..., 50:55, 30:55] = 1  # an F
    flips = Augmentation(
        new_concepts=1, turn=0, shear=0, stretch=1, scale=1,
        drawing_turn=0, drawing_shear=0, drawing_stretch=1, drawing_scale=1, drawing_shift=0, pen=0,
    )  # fmt: skip
    drawings = flips(np.repeat(bitmap, 64, axis=0), 52, np.random.default_rng(0))
    assert len({drawing.numpy().tobytes() for drawing in drawings}) == 8


def test_a_share_of_the_groups_is_made_new(groups: np.ndarray) -> None:
    half = Augmentation(
        new_concepts=0.5,
        drawing_turn=0, drawing_shear=0, drawing_stretch=1, drawing_scale=1, drawing_shift=0, pen=0,
    )  # fmt: skip
    random = np.random.default_rng(0)
    plain = UNCHANGED(groups, 52, random)
    kept = sum(
        overlap(one, other) > 0.95 for _ in range(4) for one, other in zip(half(groups, 52, random), plain, strict=True)
    )
    assert 60 <= kept <= 100


def test_drawings_are_binary_and_of_the_shape_asked_for(groups: np.ndarray) -> None:
    drawings = Augmentation()(groups, 52, np.random.default_rng(0))
    assert isinstance(drawings, Float[torch.Tensor, "40 2 1 52 52"])
    assert set(drawings.unique().tolist()) == {0.0, 1.0}


def test_the_generator_alone_decides(groups: np.ndarray) -> None:
    numpy_before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()
    one, other, third = (Augmentation()(groups, 52, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert torch.equal(one, other) and not torch.equal(one, third)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_strokes_stay_connected_whole_and_of_one_width(groups: np.ndarray, strokes: ConceptDataset) -> None:
    plain = strokes.drawings(strokes.at(np.arange(40)[:, None], [[0, 3]]).reshape(-1), 52)
    changed = Augmentation()(groups, 52, np.random.default_rng(0)).reshape(-1, 1, 52, 52)
    torn = sum(parts(after) > parts(before) for before, after in zip(plain, changed, strict=True))
    assert torn <= 2
    assert changed.mean().item() == pytest.approx(plain.mean().item(), rel=0.15)

    # Twice the area over the length of the outline is about the width of a stroke.
    def width(drawings: torch.Tensor) -> float:
        across = drawings.diff(dim=2).abs().sum() + drawings.diff(dim=3).abs().sum()
        return (2 * drawings.sum() / across).item()

    assert width(changed) == pytest.approx(width(plain), rel=0.06)


@given(seed=st.integers(0, 2**32 - 1))
def test_all_ink_is_mapped_into_the_frame_however_wild_the_map(groups: np.ndarray, seed: int) -> None:
    random = np.random.default_rng(seed)
    bitmaps = groups[:4, 0]
    linear, windows = _fit(bitmaps, random.normal(0, 1.5, (4, 2, 2)), random.normal(0, 1, (4, 2)))
    for bitmap, forwards, window in zip(bitmaps, linear, windows, strict=True):
        np.testing.assert_allclose(forwards @ window[:, :2], np.eye(2), atol=1e-6)
        rows, columns = np.nonzero(bitmap)
        corners = np.array([(columns + dx, rows + dy) for dx in (0, 1) for dy in (0, 1)]) * (2 / 105) - 1
        mapped = forwards @ (corners - window[:, 2:])
        assert np.abs(mapped).max() <= 0.96 + 1e-5


def test_an_empty_drawing_stays_empty() -> None:
    assert Augmentation()(np.zeros((2, 2, 105, 105), dtype=np.uint8), 52, np.random.default_rng(0)).sum() == 0


@pytest.mark.parametrize("ranges", [{"new_concepts": 1.5}, {"scale": 0.9}, {"drawing_stretch": 0}, {"pen": -1}])
def test_impossible_ranges_are_refused(ranges: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"share|at least"):
        Augmentation(**ranges)  # type: ignore[arg-type]


STILL_PICTURES = replace(UNCHANGED, new_concepts=0)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Six groups of two colour pictures, (6, 2, 3, 24, 24), smooth and without symmetry."""
    coarse = np.random.default_rng(0).random((12, 3, 6, 6)) * 255
    return np.kron(coarse, np.ones((4, 4))).round().astype(np.uint8).reshape(6, 2, 3, 24, 24)


@pytest.mark.parametrize("size", [24, 12, 48])
def test_unchanged_pictures_are_the_plain_ones(pictures: np.ndarray, size: int) -> None:
    same = STILL_PICTURES.pictures(pictures, size, np.random.default_rng(0))
    assert isinstance(same, Float[torch.Tensor, f"6 2 3 {size} {size}"])
    plain = grey(pictures.reshape(12, 3, 24, 24), size).reshape(same.shape)
    if size == 48:  # enlarged, pictures are interpolated
        assert (same - plain).abs().mean() < 0.05
    else:
        torch.testing.assert_close(same, plain, atol=1.01 / 255, rtol=0)


def test_a_group_of_pictures_is_mirrored_as_a_whole(pictures: np.ndarray) -> None:
    plain = grey(pictures.reshape(12, 3, 24, 24), 24).reshape(pictures.shape)
    flips = replace(STILL_PICTURES, new_concepts=1)
    random = np.random.default_rng(0)
    mirrored = 0
    for _ in range(20):
        for seen, group in zip(flips.pictures(pictures, 24, random), plain, strict=True):
            assert torch.equal(seen, group) or torch.equal(seen, group.flip(-1))
            mirrored += torch.equal(seen, group.flip(-1))
    assert 40 <= mirrored <= 80  # half of 120
    unflipped = replace(flips, symmetries=False).pictures(pictures, 24, random)
    assert torch.equal(unflipped, plain)


def test_pictures_keep_their_grey_and_vary_by_themselves(pictures: np.ndarray) -> None:
    groups = np.repeat(pictures[:1], 6, axis=0)
    varied = Augmentation(new_concepts=0).pictures(groups, 24, np.random.default_rng(0))
    assert len({image.numpy().tobytes() for image in varied[:, 0]}) == 6
    torch.testing.assert_close(varied * 255, (varied * 255).round(), atol=1e-4, rtol=0)
    assert varied.mean().item() == pytest.approx(pictures[0].mean() / 255, abs=0.05)
    flat = np.full((2, 2, 1, 24, 24), 77, dtype=np.uint8)
    # Beyond the frame the edge goes on: no dark rim.
    assert (Augmentation().pictures(flat, 20, np.random.default_rng(1)) == np.float32(77) / np.float32(255)).all()


@pytest.mark.parametrize("limit", [1, 3])
def test_shifting_repeats_the_edge(limit: int) -> None:
    images = torch.arange(64.0).reshape(1, 1, 1, 8, 8).expand(40, 2, 1, 8, 8).contiguous()
    moved = shifted(images, limit, np.random.default_rng(0)).reshape(80, 8, 8)
    pixel = torch.arange(8)
    seen = set()
    for image in moved:
        down, across = 3 - int(image[3, 3]) // 8, 3 - int(image[3, 3]) % 8
        seen.add((down, across))
        expected = images[0, 0, 0][(pixel - down).clamp(0, 7)][:, (pixel - across).clamp(0, 7)]
        assert torch.equal(image, expected)
    assert max(map(max, seen)) == limit and min(map(min, seen)) == -limit


def test_what_is_seen_by_its_maximum_is_warped_at_its_own_size_first(groups: np.ndarray) -> None:
    bitmaps = groups.reshape(-1, 105, 105)
    still = np.broadcast_to(IDENTITY, (80, 2, 3))
    seen = warp(bitmaps, still, 52, reduction="maximum")
    assert torch.equal(seen, pooled(torch.from_numpy(bitmaps).float()[:, None], 52))
    thin = warp(bitmaps, still, 52, -1.5, reduction="maximum")
    wide = warp(bitmaps, still, 52, 1.5, reduction="maximum")
    assert (thin <= seen).all() and (seen <= wide).all() and thin.sum() < seen.sum() < wide.sum()
