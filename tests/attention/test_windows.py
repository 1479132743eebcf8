"""Windows, reading and writing, against loops over pixels and against the group laws."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from allograph.attention import (
    WindowBounds,
    WindowNetwork,
    bend,
    compose,
    identity_window,
    invert,
    read,
    write,
)

seeds = st.integers(0, 2**31)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_windows(seed: int, count: int = 3, bounds: WindowBounds | None = None) -> Tensor:
    attention = WindowNetwork(4, bounds or WindowBounds()).double()
    return attention.window(1.5 * torch.randn(count, 6, generator=generator(seed), dtype=torch.float64))


def bilinear(image: Tensor, x: float, y: float) -> float:
    """The value at (x, y) in [-1, 1]^2, from the four pixels around it, zero outside: by hand."""
    height, width = image.shape
    column, row = ((x + 1) * width - 1) / 2, ((y + 1) * height - 1) / 2
    total = 0.0
    for i in range(height):
        for j in range(width):
            total += max(0.0, 1 - abs(row - i)) * max(0.0, 1 - abs(column - j)) * image[i, j].item()
    return total


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_reading_is_bilinear_interpolation_at_the_windows_pixel_centres(seed: int) -> None:
    image = torch.rand(1, 1, 6, 6, generator=generator(seed), dtype=torch.float64)
    window = random_windows(seed, 1)
    patch = read(image, window, 4)[0, 0]
    (a, b, x0), (c, d, y0) = window[0].tolist()
    for i in range(4):
        for j in range(4):
            u, v = (2 * j + 1) / 4 - 1, (2 * i + 1) / 4 - 1
            assert patch[i, j].item() == pytest.approx(bilinear(image[0, 0], a * u + b * v + x0, c * u + d * v + y0))


@pytest.mark.parametrize("size", [1, 2, 7, 28, 52])
def test_the_identity_window_of_the_images_size_changes_nothing(size: int) -> None:
    image = torch.rand(2, 1, size, size, generator=generator(0), dtype=torch.float64)
    torch.testing.assert_close(read(image, identity_window(2, dtype=torch.float64), size), image)
    torch.testing.assert_close(write(image, identity_window(2, dtype=torch.float64), size), image)
    torch.testing.assert_close(bend(image, torch.zeros(2, 2, size, size, dtype=torch.float64)), image)


@pytest.mark.parametrize(("columns", "rows"), [(1, 0), (0, -2), (3, 2)])
def test_windows_shifted_by_whole_pixels_move_the_image_by_as_many(columns: int, rows: int) -> None:
    """No window is off by a pixel: reading at (+1, 0) shows what stood one column to the right."""
    size = 8
    image = torch.rand(1, 1, size, size, generator=generator(1), dtype=torch.float64)
    window = identity_window(1, dtype=torch.float64).clone()
    window[:, 0, 2], window[:, 1, 2] = 2 * columns / size, 2 * rows / size
    padded = torch.nn.functional.pad(image, (4, 4, 4, 4))
    expected = padded[..., 4 + rows : 4 + rows + size, 4 + columns : 4 + columns + size]
    torch.testing.assert_close(read(image, window, size), expected)
    expected = padded[..., 4 - rows : 4 - rows + size, 4 - columns : 4 - columns + size]
    torch.testing.assert_close(write(image, window, size), expected)


@pytest.mark.parametrize(("columns", "rows"), [(0, 0), (2, -1), (-3, 3)])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_writing_is_the_adjoint_of_reading_where_the_pixel_grids_meet(columns: int, rows: int, turns: int) -> None:
    """<write(a), b> = <a, read(b)> for shifts by pixels and quarter turns, where both grids carry the same samples."""
    size = 6
    a = torch.rand(1, 1, size, size, generator=generator(2), dtype=torch.float64)
    b = torch.rand(1, 1, size, size, generator=generator(3), dtype=torch.float64)
    angle = turns * math.pi / 2
    window = torch.tensor(
        [
            [
                [math.cos(angle), -math.sin(angle), 2 * columns / size],
                [math.sin(angle), math.cos(angle), 2 * rows / size],
            ]
        ],
        dtype=torch.float64,
    )
    torch.testing.assert_close((write(a, window, size) * b).sum(), (a * read(b, window, size)).sum())


def test_writing_then_reading_through_one_window_gives_the_patch_back() -> None:
    """Where a patch's pixels are larger than the canvas's, its middle survives the way there and back."""
    patch = torch.nn.functional.interpolate(
        torch.rand(4, 1, 3, 3, generator=generator(4), dtype=torch.float64), size=(8, 8), mode="bicubic"
    )
    windows = random_windows(4, 4, WindowBounds(min_scale=0.45, max_scale=0.55, max_shift=0.2, max_shear=0.2))
    back = read(write(patch, windows, 200), windows, 8)
    torch.testing.assert_close(back[..., 1:-1, 1:-1], patch[..., 1:-1, 1:-1], rtol=0, atol=0.05)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_inverse_and_composition_are_those_of_affine_maps(seed: int) -> None:
    one, two = random_windows(seed), random_windows(seed + 1)
    identity = identity_window(3, dtype=torch.float64)
    torch.testing.assert_close(compose(one, invert(one)), identity, rtol=0, atol=1e-10)
    torch.testing.assert_close(compose(invert(one), one), identity, rtol=0, atol=1e-10)
    torch.testing.assert_close(invert(compose(one, two)), compose(invert(two), invert(one)), rtol=1e-9, atol=1e-9)
    u = torch.tensor([0.3, -0.8], dtype=torch.float64)
    inside = two[:, :, :2] @ u + two[:, :, 2]
    expected = (one[:, :, :2] @ inside[..., None])[..., 0] + one[:, :, 2]
    both = compose(one, two)
    torch.testing.assert_close(both[:, :, :2] @ u + both[:, :, 2], expected)


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6))
@settings(max_examples=100, deadline=None)
def test_no_numbers_make_a_window_singular_or_infinite(raw: list[float]) -> None:
    bounds = WindowBounds(min_scale=0.1, max_scale=1.2)
    window = WindowNetwork(4, bounds).window(torch.tensor([raw]))
    determinant = torch.linalg.det(window[:, :, :2].double())
    assert torch.isfinite(window).all()
    assert torch.isfinite(invert(window)).all()
    assert 0.1**2 * 0.999 <= determinant.item() <= 1.2**2 * 1.001
    assert window[:, :, 2].abs().max() <= bounds.max_shift


def test_windows_have_full_affine_freedom() -> None:
    """The six numbers move the window in six independent directions, and all turns are within reach."""
    attention = WindowNetwork(4, WindowBounds())
    raw = torch.tensor([0.3, -0.2, 0.1, 0.4, 0.2, -0.3], dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda r: attention.window(r).flatten(), raw)
    assert torch.linalg.matrix_rank(jacobian) == 6
    half_turn = attention.window(torch.tensor([0.0, 0, 0, 0, 20, 0]))[:, :2]
    assert half_turn[0, 0] < 0
    assert half_turn[1, 1] < 0


def test_the_hidden_state_of_zero_gives_the_initial_scale() -> None:
    window = WindowNetwork(5, WindowBounds(), initial_scale=0.37)(torch.zeros(1, 5))
    torch.testing.assert_close(window, torch.tensor([[[0.37, 0, 0], [0, 0.37, 0]]]))


def test_bending_by_a_constant_shifts_the_image() -> None:
    image = torch.rand(1, 1, 6, 6, generator=generator(5), dtype=torch.float64)
    displacement = torch.zeros(1, 2, 6, 6, dtype=torch.float64)
    displacement[:, 0] = 2 / 6
    bent = bend(image, displacement)
    torch.testing.assert_close(bent[..., :-1], image[..., 1:])
    torch.testing.assert_close(bent[..., -1], torch.zeros_like(bent[..., -1]))


def test_windows_that_were_first_used_in_inference_mode_can_be_trained_through() -> None:
    size = 23  # of a grid that no other test has asked for
    with torch.inference_mode():
        read(torch.zeros(1, 1, size, size), identity_window(1), size)
    window = identity_window(1).clone().requires_grad_()
    read(torch.rand(1, 1, size, size, generator=generator(0)), window, size).sum().backward()
    assert window.grad is not None


def test_under_bfloat16_no_window_and_no_pixel_moves() -> None:
    one, two = random_windows(1).float(), random_windows(2).float()
    image = torch.rand(3, 1, 40, 40, generator=generator(0))

    def results() -> list[Tensor]:
        return [compose(one, two), invert(one), read(image, one, 12), write(image, one, 50)]

    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = results()
    for value, exact in zip(half, results(), strict=True):
        torch.testing.assert_close(value, exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("initial", [0.01, 0.2, 0.5, 3.0])
def test_an_initial_scale_beyond_the_bounds_is_taken_as_near_as_they_allow(initial: float) -> None:
    window = WindowNetwork(5, WindowBounds(min_scale=0.2, max_scale=0.5), initial_scale=initial)(torch.zeros(1, 5))
    assert 0.2 < window[0, 0, 0].item() < 0.5
    assert window[0, 0, 0].item() == pytest.approx(min(max(initial, 0.2), 0.5), rel=0.1)
