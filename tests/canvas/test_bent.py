"""The canvas: sprites of all steps at once, the exemplar bent through it, and the pen that keeps its width."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from allograph.attention import bend, bend_strokes, identity_window
from allograph.canvas import BentCanvas, Strokes

SIZE, FIELD = 52, 26


def canvas() -> BentCanvas:
    return BentCanvas(SIZE, FIELD, bells=(0.6, 1.5, 4.0))


def strokes(steps: int = 3, bends: int = 2, **parts: Tensor) -> Strokes:
    """Nothing at all, in windows that are the whole image, with some parts put in."""
    nothing = {
        "ink": torch.zeros(1, steps, 1, 8, 8),
        "bend": torch.zeros(1, bends, 2, 5, 5),
        "gain": torch.zeros(1, bends, 3),
        "windows": identity_window(1, steps),
    }
    return Strokes(**{**nothing, **parts})


def bar(width: int = 2) -> Tensor:
    """A long upright stroke in the middle: (1, 1, 52, 52)."""
    image = torch.zeros(1, 1, SIZE, SIZE)
    image[..., 4:-4, SIZE // 2 - width // 2 : SIZE // 2 + width - width // 2] = 1
    return image


def width_of(logits: Tensor) -> float:
    """The stroke's width in pixels, from the middle row, to a fraction of a pixel."""
    row = torch.nn.functional.interpolate(logits[0, 0, SIZE // 2][None, None], scale_factor=20, mode="linear")
    return (row > 0).sum().item() / 20


def test_an_empty_canvas_without_exemplar_is_empty_everywhere() -> None:
    paper = canvas()
    logits = paper(strokes(), paper.filter(torch.zeros(1, 1, SIZE, SIZE)))
    assert torch.equal(logits, torch.full_like(logits, paper.empty.item()))


def test_an_untouched_canvas_shows_the_exemplar_where_it_is() -> None:
    paper, image = canvas(), bar()
    crisp = paper(strokes(), paper.filter(image), crisp=True)
    assert torch.equal(crisp > 0, image > 0)
    fog = paper(strokes(), paper.filter(image))
    assert fog[image > 0].min() > fog[..., :, :10].max()


def test_ink_of_several_steps_adds_up_and_its_history_ends_in_the_drawing() -> None:
    paper, image = canvas(), bar()
    random = torch.Generator().manual_seed(0)
    work = strokes(
        ink=torch.randn(1, 3, 1, 8, 8, generator=random),
        bend=0.2 * torch.randn(1, 2, 2, 5, 5, generator=random),
        gain=torch.randn(1, 2, 3, generator=random),
    )
    for crisp in (False, True):
        history = paper.history(work, paper.filter(image), crisp=crisp)
        assert history.shape == (1, 3, 1, SIZE, SIZE)
        torch.testing.assert_close(history[:, -1], paper(work, paper.filter(image), crisp=crisp), rtol=0, atol=1e-4)
    first = Strokes(work.ink[:, :1], work.bend[:, :1], work.gain[:, :1], work.windows[:, :1])
    torch.testing.assert_close(history[:, 0], paper(first, paper.filter(image), crisp=True), rtol=0, atol=1e-4)


def test_a_displacement_moves_what_is_copied_the_other_way() -> None:
    paper, image = canvas(), bar()
    work = strokes()
    work.bend[:, :, 0] = 0.1  # two steps: look 0.2 half images, 5.2 pixels, further right
    moved = paper(work, paper.filter(image), crisp=True)
    columns = torch.arange(SIZE).float()
    row = (moved[0, 0, SIZE // 2] > 0).float()
    before = (image[0, 0, SIZE // 2] > 0).float()
    shift = (columns * row).sum() / row.sum() - (columns * before).sum() / before.sum()
    assert shift.item() == pytest.approx(-5.2, abs=0.6)


@pytest.mark.parametrize("stretch", [0.6, 0.8, 1.25, 1.6])
def test_the_crisp_pen_keeps_its_width_where_the_paper_is_stretched(stretch: float) -> None:
    """Looking at a fraction 1 / stretch of the paper across the stroke makes a plain copy's stroke wider by stretch."""
    centre = (2 * torch.arange(SIZE) + 1) / SIZE - 1
    displacement = torch.zeros(1, 2, SIZE, SIZE)
    displacement[:, 0] = centre * (1 / stretch - 1)
    profile = canvas().filter(bar())[:, :1]
    own = width_of(profile - 0.5)
    plain = width_of(bend(profile, displacement) - 0.5)
    kept = width_of(bend_strokes(profile, displacement) - 0.5)
    assert plain / own == pytest.approx(stretch, rel=0.25)
    assert abs(kept - own) < 0.4 * abs(plain - own) + 0.1
    along = displacement.flip(1).mT  # stretched along the stroke: nothing to put right
    torch.testing.assert_close(bend_strokes(profile, along)[..., 15:-15, :], profile[..., 15:-15, :], rtol=0, atol=0.02)


def test_bells_see_a_long_stroke_with_about_the_same_height_whatever_their_width() -> None:
    middle = canvas().filter(bar())[0, :, SIZE // 2].amax(dim=-1)
    assert ((middle > 0.6) & (middle < 1.6)).all()
