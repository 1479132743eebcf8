"""Several windows: what each of them does, beside each other where they read and added where they write."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from allograph.attention import SeveralWindows, WholeImage, WindowBounds, attention_of

FEATURES, SIZE, PATCH = 5, 8, 3


def several(kind: str, windows: int) -> SeveralWindows:
    torch.manual_seed(0)
    module = attention_of(kind, FEATURES, SIZE, PATCH, WindowBounds(), 0.5, windows).double()  # type: ignore[arg-type]
    assert isinstance(module, SeveralWindows)
    return module


@pytest.mark.parametrize("kind", ["gaussian", "zoom", "stretch", "affine"])
def test_each_window_reads_and_writes_at_its_own_place(kind: str) -> None:
    module = several(kind, 3)
    hidden, image = torch.randn(4, FEATURES).double(), torch.randn(4, 2, SIZE, SIZE).double()
    patches = torch.randn(4, 3, 2, PATCH, PATCH).double()
    where = module(hidden)
    own = [window(hidden) for window in module.windows]
    assert_close(where, torch.cat(own, dim=1))
    read = [window.read(image, place) for window, place in zip(module.windows, own, strict=True)]
    assert_close(module.read(image, where), torch.cat(read, dim=1))
    parts = zip(module.windows, patches.unbind(1), own, strict=True)
    written = [window.write(patch, place) for window, patch, place in parts]
    assert_close(module.write(patches.flatten(1, 2), where), sum(written))


def test_all_steps_at_once_are_the_sum_of_each() -> None:
    module = several("stretch", 2)
    where, patches = module(torch.randn(4, 5, FEATURES).double()), torch.randn(4, 5, 6, PATCH, PATCH).double()
    each = module.write_each(patches, where)
    assert each.shape == (4, 5, 3, SIZE, SIZE)
    assert_close(module.write_all(patches, where), each.sum(dim=1))


def test_the_outline_is_the_upright_window_around_all() -> None:
    module = several("affine", 3)
    where = module(3 * torch.randn(20, FEATURES).double())
    corners = torch.tensor([[x, y, 1.0] for x in (-1, 1) for y in (-1, 1)], dtype=torch.float64)
    parts = zip(module.windows, where.chunk(3, dim=1), strict=True)
    points = torch.cat([window.outline(part) @ corners.T for window, part in parts], dim=-1)
    low, high = points.amin(dim=-1), points.amax(dim=-1)
    expected = torch.cat([torch.diag_embed((high - low) / 2), ((low + high) / 2)[..., None]], dim=-1)
    assert_close(module.outline(where), expected)


def test_one_window_is_the_window_itself_and_the_whole_image_is_one() -> None:
    assert not isinstance(attention_of("affine", FEATURES, SIZE, PATCH, WindowBounds(), 0.5), SeveralWindows)
    with pytest.raises(ValueError, match="the whole image"):
        SeveralWindows([WholeImage(SIZE), WholeImage(SIZE)])
