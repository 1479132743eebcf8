"""Nothing depends on memory that was never written.

torch's own switch fills every new buffer with NaN. What is still NaN where a product reads reaches results on some
processors: a kernel may read columns beside a slice that it was given, and NaN x 0 is NaN (oneDNN issue 5717). So it is
not enough that results are finite here: the whole storage behind each product's operands has to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from allograph.models import GenerativeModel
from models.members import MEMBERS, images, random_model

PRODUCTS = {"matmul", "mm", "addmm", "bmm", "baddbmm", "linear", "linear_backward", "_linear_pointwise"}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Products(TorchDispatchMode):
    """The products within that can reach what is no number, and how many there were in all."""

    def __enter__(self) -> Products:
        self.count, self.doubtful = 0, []
        return super().__enter__()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.partition("::")[2]
        if name in PRODUCTS or "convolution" in name:
            self.count += 1
            self.doubtful += [(name, tuple(x.shape)) for x in args if isinstance(x, Tensor) and not _written(x)]
        return func(*args, **(kwargs or {}))


def _written(x: Tensor) -> bool:
    """Whether all that lies in the same memory is finite."""
    whole = torch.empty(0, dtype=x.dtype, device=x.device).set_(x.untyped_storage())
    return bool(torch.isfinite(whole).all())


@pytest.fixture(autouse=True)
def new_memory_is_nan() -> Iterator[None]:
    assert torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def model_of(name: str) -> tuple[GenerativeModel, Tensor, Tensor | None, Tensor]:
    """In float32, with images, exemplars and noise."""
    model = random_model(name).float()
    context = images(model, 4, 2).float() if model.conditional else None
    noise = model.noise(4, generator=torch.Generator().manual_seed(0))
    return model, images(model, 4).float(), context, noise


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", MEMBERS)
def test_training_reads_only_what_was_written(name: str, precision: str) -> None:
    model, x, context, noise = model_of(name)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    with Products() as products:
        for _ in range(2):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                loss = model.infer(x, context, noise).free_energy.total.mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    assert products.doubtful == []
    assert products.count > 0
    assert torch.isfinite(loss)
    assert all(torch.isfinite(weight).all() for weight in model.parameters())


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", MEMBERS)
def test_drawing_reads_only_what_was_written(name: str, precision: str) -> None:
    model, _, context, _ = model_of(name)
    ways: list[dict[str, Any]] = [{}, {"history": True}]
    ways += [{"guidance": 1.5}] if model.can_be_guided else []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        for how in ways:
            with Products() as products:
                drawn = model.sample(context, n=2, generator=torch.Generator().manual_seed(0), **how)
            assert products.doubtful == []
            assert products.count > 0
            assert torch.isfinite(drawn.canvases).all()


def test_a_slice_beside_unwritten_memory_is_seen() -> None:
    """The mistake itself: the slice is written, what lies beside it is not."""
    row = torch.empty(4, 40)
    row[:, :10] = 1
    with Products() as products:
        F.linear(row[:, :10], torch.ones(3, 10))
    assert [shape for _, shape in products.doubtful] == [(4, 10)]
    with Products() as products:
        F.linear(row[:, :10].contiguous(), torch.ones(3, 10))
    assert products.doubtful == []
