"""A step of a sequential model with its gradient written down, against the same by autograd."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import grad, gradcheck
from torch.autograd.graph import saved_tensors_hooks
from torch.testing import assert_close

from allograph.models import ModelConfig
from allograph.models.cells import Cell, GaussianHead, State, Step
from allograph.models.plain_step import PlainRecurrence
from allograph.models.stepping import Recurrence
from models.small import float64, small_config, small_sequential, some_images, with_random_weights

BATCH, STEPS, PRIVATE, NOTICED, HIDDEN, LATENT, UNITS = 3, 3, 4, 2, 5, 2, 6


def parts(decided: bool = True) -> tuple[GaussianHead | None, Cell]:
    generator = torch.Generator().manual_seed(0)
    with float64():
        decision, core = GaussianHead(PRIVATE + NOTICED + HIDDEN, 0, UNITS, LATENT), Cell(LATENT + NOTICED, 0, HIDDEN)
    for parameter in (*decision.parameters(), *core.parameters()):
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    return decision if decided else None, core


def inputs(private: int = PRIVATE) -> list[Tensor]:
    """p_t, v_t and eps_t of all steps, the first state, and what constant inputs add."""
    generator = torch.Generator().manual_seed(1)
    shapes = [(STEPS, BATCH, private), (STEPS, BATCH, NOTICED), (STEPS, BATCH, LATENT)]
    shapes += [(BATCH, HIDDEN), (BATCH, HIDDEN), (BATCH, UNITS), (BATCH, 4 * HIDDEN)]
    return [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


def run(kind: Callable, decision: GaussianHead | None, core: Cell, given: list[Tensor]) -> Tensor:
    """All that all steps leave behind, in one row for each image."""
    return torch.cat([part for step in steps_of(kind, decision, core, given) for part in step], dim=1)


def steps_of(kind: Callable, decision: GaussianHead | None, core: Cell, given: list[Tensor]) -> list[Step]:
    private, noticed, noise, hidden, cell, for_decision, for_core = given
    loop = kind(STEPS, decision, for_decision, core, for_core, LATENT)
    state, steps = State(hidden, cell), []
    for t, carrier in enumerate(loop.carriers()):
        steps.append(loop(t, private[t], noticed[t], state, noise[t], carrier))
        state = steps[-1].state
    return steps


@pytest.mark.parametrize("decided", [True, False], ids=["posterior", "standard prior"])
def test_values_and_all_gradients_are_those_of_decision_and_cell(decided: bool) -> None:
    decision, core = parts(decided)
    given = inputs() if decided else inputs(0)
    named = (
        dict(core.named_parameters())
        if decision is None
        else dict([*core.named_parameters(), *decision.named_parameters()])
    )
    wanted = [value for value in (*given, *named.values()) if value.numel()]
    ours, plain = (run(kind, decision, core, given) for kind in (Recurrence, PlainRecurrence))
    assert_close(ours, plain, rtol=1e-12, atol=1e-12)
    weights = torch.randn(plain.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for one, other in zip(
        grad(ours, wanted, weights, allow_unused=True), grad(plain, wanted, weights, allow_unused=True), strict=True
    ):
        if other is None:
            assert one is None
        else:
            assert_close(one, other, rtol=1e-10, atol=1e-11)


def test_gradients_are_those_of_differences() -> None:
    decision, core = parts()
    assert gradcheck(lambda *given: run(Recurrence, decision, core, list(given)), inputs())


def test_a_gradient_asked_for_by_halves_leaves_nothing_behind() -> None:
    """First of the inputs alone, then of one step's result alone, then of everything: each as if asked for first."""
    decision, core = parts()
    given, weight = inputs(), core.gates.weight
    ours, plain = (steps_of(kind, decision, core, given) for kind in (Recurrence, PlainRecurrence))
    grad(ours[-1].hidden.sum(), given[2], retain_graph=True)
    for of in (lambda steps: steps[1].hidden, lambda steps: steps[-1].cell, lambda steps: steps[1].cell):
        found, expected = (grad(of(steps).sum(), weight, retain_graph=True)[0] for steps in (ours, plain))
        assert_close(found, expected)


def test_in_bfloat16_only_products_are_rounded() -> None:
    decision, core = parts()
    decision, core = decision.float(), core.float()  # type: ignore[union-attr]
    given = [value.detach().float() for value in inputs()]
    exact = run(Recurrence, decision, core, given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = run(Recurrence, decision, core, given)
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    assert_close(rounded, exact, rtol=0.1, atol=0.05)
    one, other = (grad(value.square().mean(), core.gates.weight)[0] for value in (rounded, exact))
    assert torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.99


def test_what_a_pass_kept_is_freed_with_it() -> None:
    decision, core = parts()
    private, noticed, noise, hidden, cell, for_decision, for_core = inputs()
    gc.disable()
    try:
        loop = Recurrence(STEPS, decision, for_decision, core, for_core, LATENT)
        state = State(hidden, cell)
        for t, carrier in enumerate(loop.carriers()):
            step = loop(t, private[t], noticed[t], state, noise[t], carrier)
            state = step.state
        kept = weakref.ref(loop)
        del loop
        state.hidden.sum().backward()
        del step, state, carrier
        assert kept() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "config",
    [
        small_sequential(context=True),
        small_sequential(context=True, canvas="gated", attention="gaussian"),
        small_sequential(attention="affine", prior="standard"),
        small_config(),
    ],
    ids=["additive", "gated", "affine", "bending"],
)
def test_recomputed_steps_give_the_same_gradient_and_keep_less(config: ModelConfig) -> None:
    model = with_random_weights(config)
    x = some_images(3, size=config.image_size)
    context = some_images(3, 2, size=config.image_size, seed=2) if model.conditional else None
    noise, results, kept = model.noise(3), [], []
    for recompute in (False, True):
        model.recompute, sizes = recompute, []

        def keep(value: Tensor, sizes: list[int] = sizes) -> Tensor:
            sizes.append(value.numel())
            return value

        with saved_tensors_hooks(keep, lambda value: value):
            energy = model.infer(x, context, noise).free_energy.total.mean()
        results.append((energy, *grad(energy, list(model.parameters()))))
        kept.append(sum(sizes))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other) or (one - other).abs().max() < 1e-12 * one.abs().max()
    assert kept[1] < 0.7 * kept[0]
