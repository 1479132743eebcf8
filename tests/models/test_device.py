"""What a GPU asks of a training step: nothing in it waits for the device, every tensor is made where the others are.

No GPU is needed to see that: every call to torch within a step is looked at, of the forward and of the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from allograph.config import Preset
from allograph.data import PairBatch
from allograph.runtime.distributed import Share
from allograph.training.module import Fitting, SharedBatch
from models.members import MEMBERS, images, random_model

MAKING = {"arange", "empty", "eye", "full", "linspace", "ones", "rand", "randn", "tensor", "zeros", "as_tensor"}
WAITING = {"_local_scalar_dense", "nonzero", "unique_dim", "_unique2", "masked_select", "equal", "bincount"}


class Homeless(TorchFunctionMode):
    """Tensors made within without a word of where, in the forward pass: gradients are made beside what they are of."""

    def __enter__(self) -> Homeless:
        self.made: list[str] = []
        return super().__enter__()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in MAKING and "device" not in (kwargs or {}):
            self.made.append(name)
        return func(*args, **(kwargs or {}))


class Waited(TorchDispatchMode):
    """Operations within, also of the backward pass, that need a number from the device before they can go on."""

    def __enter__(self) -> Waited:
        self.calls: list[str] = []
        return super().__enter__()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        if name in WAITING or (name.startswith("index") and len(args) > 1 and _chosen_by_value(args[1])):
            self.calls.append(name)
        return func(*args, **(kwargs or {}))


def _chosen_by_value(index: Any) -> bool:
    """Whether how much is taken depends on the index's values."""
    parts = index if isinstance(index, list | tuple) else [index]
    return any(isinstance(part, Tensor) and part.dtype in (torch.bool, torch.uint8) for part in parts)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_step_waits_for_no_device_and_makes_its_tensors_there(name: str) -> None:
    model = random_model(name)
    x = images(model, 3)
    context = images(model, 3, 2) if model.conditional else None
    noise = model.noise(3, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    model.infer(x, context, noise).free_energy.total.mean().backward()  # what is made once and kept
    with Homeless() as homeless, Waited() as waited:
        model.infer(x, context, noise).free_energy.total.mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert waited.calls == homeless.made == []


@pytest.mark.parametrize("name", ["sequential-inferred-context", "bending-learned", "deep-top-down"])
def test_nor_does_what_training_adds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exemplars and ink that are left out by chance, noise that belongs to the step, the weight of the KL terms."""
    model = random_model(name).float()
    fitting = Fitting(model, Preset())
    which = torch.arange(3, device="cpu")
    pairs = PairBatch(images(model, 3).float(), images(model, 3, 2).float(), which, which, which[:, None].expand(3, 2))
    batch = SharedBatch(pairs, Share.whole(3))
    for word in ("log", "log_dict"):  # which want a trainer
        monkeypatch.setattr(fitting, word, lambda *rest, **options: None)
    fitting.training_step(batch, 0)
    with Homeless() as homeless, Waited() as waited:
        fitting.training_step(batch, 0)
    assert waited.calls == homeless.made == []


@pytest.mark.parametrize(
    "careless",
    [
        lambda x: x[x > 0],
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x + torch.ones(3),
        lambda x: x.unique(),
    ],
)
def test_what_would_wait_or_lie_elsewhere_is_seen(careless: Callable[[Tensor], object]) -> None:
    with Homeless() as homeless, Waited() as waited:
        careless(torch.arange(3.0, device="cpu"))
    assert waited.calls or homeless.made
