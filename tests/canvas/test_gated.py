"""The hidden canvases against a plain loop over steps, and what their first layer is begun with."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from allograph.attention import Attention, WindowBounds, attention_of
from allograph.canvas import AdditiveCanvas, Canvas, GatedCanvas
from models.reference import grown, observed

SIZE, PATCH, STEPS = 6, 3, 4
CANVASES = {"additive": AdditiveCanvas, "gated": GatedCanvas}
each_canvas = pytest.mark.parametrize("kind", list(CANVASES))
each_number = pytest.mark.parametrize(("channels", "parameters"), [(1, 1), (3, 1), (3, 6), (6, 6)])


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def canvas_of(kind: str, channels: int, parameters: int) -> Canvas:
    """Random weights everywhere."""
    canvas = CANVASES[kind](SIZE, channels, parameters).double()
    for seed, parameter in enumerate(canvas.parameters()):
        parameter.data = 0.7 * some(*parameter.shape, seed=seed)
    return canvas


def work(channels: int) -> tuple[Attention, Tensor, Tensor]:
    """What two images' steps write, and where."""
    torch.manual_seed(0)
    attention = attention_of("affine", 5, SIZE, PATCH, WindowBounds(), 0.7).double()
    return attention, some(2, STEPS, channels, PATCH, PATCH), attention(2 * some(2, STEPS, 5)).detach()


@each_canvas
@each_number
def test_history_is_a_plain_loop_and_ends_in_the_drawing(kind: str, channels: int, parameters: int) -> None:
    canvas, (attention, sprites, where) = canvas_of(kind, channels, parameters), work(channels)
    layer, frames = canvas.first.expand(2, -1, -1, -1), []
    for t in range(STEPS):
        layer = grown(kind, canvas, layer, attention.write(sprites[:, t], where[:, t]))
        frames.append(observed(canvas, layer))
    assert_close(canvas.history(attention, sprites, where), torch.stack(frames, dim=1))
    assert_close(canvas(attention, sprites, where), frames[-1])


@each_canvas
def test_images_of_a_batch_do_not_mix(kind: str) -> None:
    canvas, (attention, sprites, where) = canvas_of(kind, 2, 1), work(2)
    changed = sprites.clone()
    changed[1] += 1
    before, after = canvas(attention, sprites, where), canvas(attention, changed, where)
    assert torch.equal(before[0], after[0])
    assert (before - after)[1].abs().max() > 1e-3


def test_on_the_additive_canvas_the_order_of_steps_does_not_matter_and_on_the_gated_one_it_does() -> None:
    for kind, same in (("additive", True), ("gated", False)):
        canvas, (attention, sprites, where) = canvas_of(kind, 2, 1), work(2)
        forth, back = canvas(attention, sprites, where), canvas(attention, sprites.flip(1), where.flip(1))
        assert torch.allclose(forth, back, rtol=1e-10, atol=1e-10) == same


@each_canvas
@pytest.mark.parametrize(("channels", "parameters"), [(1, 1), (3, 1), (6, 6)])
def test_an_untouched_canvas_shows_what_it_was_begun_with(kind: str, channels: int, parameters: int) -> None:
    canvas = CANVASES[kind](SIZE, channels, parameters).double()
    asked = some(parameters, SIZE, SIZE) - 2
    canvas.begin_with(asked)
    assert_close(canvas.observe(canvas.first[None])[0], asked, rtol=1e-5, atol=1e-5)  # solved in float32


def test_with_more_parameters_than_channels_it_comes_as_near_as_it_can() -> None:
    """Least squares over the first layer and the output's bias, solved by their normal equations."""
    canvas = AdditiveCanvas(SIZE, 2, 5).double()
    asked = some(5, SIZE, SIZE) + torch.arange(5.0)[:, None, None]
    canvas.begin_with(asked)
    misfit = (canvas.observe(canvas.first[None])[0] - asked).flatten(1)
    weight = canvas.output.weight[:, :, 0, 0]
    tolerance = 1e-4 * asked.square().sum().sqrt().item()
    assert (weight.T @ misfit).abs().max() < tolerance, "no change of the first layer makes it smaller"
    assert misfit.sum(dim=1).abs().max() < tolerance, "nor one of the bias"
    assert 0.1 < misfit.square().mean() / (asked - asked.mean(dim=(1, 2), keepdim=True)).square().mean() < 0.9


def test_a_new_gated_canvas_begins_near_the_additive_one() -> None:
    torch.manual_seed(1)
    gated, additive = GatedCanvas(SIZE, 1, 1).double(), AdditiveCanvas(SIZE, 1, 1).double()
    additive.output.load_state_dict(gated.output.state_dict())
    attention, sprites, where = work(1)
    one, other = (canvas(attention, sprites, where) for canvas in (gated, additive))
    blank = additive.observe(additive.first[None])
    assert (one - other).square().mean() < 0.2 * (other - blank).square().mean()


@each_canvas
def test_under_bfloat16_the_canvas_stays_in_float32(kind: str) -> None:
    canvas, (attention, sprites, where) = canvas_of(kind, 2, 3).float(), work(2)
    attention, sprites, where = attention.float(), sprites.float(), where.float()
    exact = canvas(attention, sprites, where)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        near, frames = canvas(attention, sprites, where), canvas.history(attention, sprites, where)
    assert near.dtype == frames.dtype == torch.float32
    tolerance = 1e-4 if kind == "additive" else 0.1  # the gates are convolutions
    assert_close(near, exact, rtol=tolerance, atol=tolerance)
