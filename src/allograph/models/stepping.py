"""One step of a sequential model, decision and LSTM together, with its gradient written down.

For t = 1..T, from what is seen (p_t by the decision alone, v_t by both) and the state before

    a = D [p_t, v_t, h_{t-1}] + d,   [mu, s] = O silu(a) + o,   log sigma = 5 tanh(s / 5),   z_t = mu + sigma eps_t
    i, f, o, n = G [z_t, v_t, h_{t-1}] + g
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(n),   h_t = sigmoid(o) tanh(c_t)

This is what `GaussianHead` and `Cell` say, in a quarter of the operations:

- one row ``[p_t, v_t, h_{t-1}, z_t, silu(a)]`` holds what all three products take, so nothing is concatenated twice;
- the gradients of D, O, G are three products over all T steps after the loop, not 3 T products and as many sums;
- weights are cast to bfloat16 once, and everything but the products stays in float32.
"""

from __future__ import annotations

__all__ = ["Glances", "Recurrence", "recomputed", "recurrence"]

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from allograph.attention import Attention
from allograph.models.cells import LOG_STD_BOUND, Cell, GaussianHead, State, Step
from allograph.models.plain_step import PlainRecurrence
from allograph.models.products import product

_aten = torch.ops.aten


def recomputed(recompute: bool, function: Callable[..., Any], *arguments: Any) -> Any:
    """``function(*arguments)``; with ``recompute`` nothing in between is kept for the backward pass, which calls it
    again. Nothing in it may be drawn at random."""
    if not (recompute and torch.is_grad_enabled()):
        return function(*arguments)
    return checkpoint(function, *arguments, use_reentrant=False, preserve_rng_state=False)


class Glances:
    """What several attentions of one kind read, all of them by one product and one reading.

    Args:
        attentions: one for each place of a step; they differ by the weights of their projections alone.
    """

    def __init__(self, attentions: Sequence[Attention]) -> None:
        self.attentions = tuple(attentions)
        if self.attentions and self.attentions[0].numbers:
            maps = [attention.projection for attention in self.attentions]
            self.weight, self.bias = (
                torch.cat(parts) for parts in zip(*((m.weight, m.bias) for m in maps), strict=True)
            )

    def __call__(self, hidden: Tensor, images: Tensor) -> Tensor:
        """Each place's patch and numbers, (batch, places, length), of images (batch, M, C, S, S).

        The images from the last place on are all read there, and averaged, so that their order does not matter. Without
        numbers nothing is read: length 0.
        """
        count = len(self.attentions)
        if not count or not self.attentions[0].numbers:
            return hidden.new_zeros(len(hidden), max(1, count), 0)
        attention = self.attentions[0]
        where = attention.place(functional.linear(hidden, self.weight, self.bias).unflatten(1, (count, -1)))
        more = images.shape[1] - count
        spread = torch.cat([where, where[:, -1:].expand(-1, more, -1)], dim=1) if more else where
        patches = attention.read(images.flatten(0, 1), spread.flatten(0, 1)).flatten(1).unflatten(0, (-1, count + more))
        if more:
            patches = torch.cat([patches[:, : count - 1], patches[:, count - 1 :].mean(dim=1, keepdim=True)], dim=1)
        return torch.cat([patches, where], dim=-1)


def recurrence(
    steps: int, decision: GaussianHead | None, for_decision: Tensor, core: Cell, for_core: Tensor, latent: int
) -> Recurrence | PlainRecurrence:
    """The loop's step; see `Recurrence` for the arguments."""
    kind = PlainRecurrence if torch.compiler.is_compiling() else Recurrence
    return kind(steps, decision, for_decision, core, for_core, latent)


class Recurrence:
    """T steps of one decision and one cell, whose constant inputs are already multiplied.

    Args:
        steps: T.
        decision: of z_t; its inputs are p_t, v_t and h_{t-1}. None for ``z_t = eps_t``.
        for_decision: ``decision.constant(...)``, (batch, units).
        core: its inputs are z_t, v_t and h_{t-1}.
        for_core: ``core.constant(...)``, (batch, 4 hidden).
        latent: length of z_t.
    """

    def __init__(
        self, steps: int, decision: GaussianHead | None, for_decision: Tensor, core: Cell, for_core: Tensor, latent: int
    ) -> None:
        gates = core.gates.weight
        device = gates.device.type
        full = torch.promote_types(gates.dtype, torch.float32)
        self.kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else gates.dtype
        self.latent, self.hidden = latent, gates.shape[0] // 4
        shared = gates.shape[1] - latent
        with torch.autocast(device, enabled=False):
            self.for_core = for_core.to(full) + core.gates.bias
            # Columns in the order of a row: v_t, h_{t-1}, z_t.
            self.gates = torch.cat([gates[:, latent:], gates[:, :latent]], dim=1).detach().to(self.kind)
            sources = [gates, self.for_core]
            self.private = self.units = 0
            if decision is not None:
                self.for_decision = for_decision.to(full) + decision.inputs.bias
                self.inputs, self.output = (
                    part.weight.detach().to(self.kind) for part in (decision.inputs, decision.output)
                )
                self.output_bias = decision.output.bias.detach().to(full)
                self.private, self.units = self.inputs.shape[1] - shared, self.inputs.shape[0]
                sources += [decision.inputs.weight, self.for_decision, decision.output.weight, decision.output.bias]
        self.noticed = shared - self.hidden
        self.steps = steps
        read, known = self.private + self.noticed, self.private + shared
        whole = known + latent
        # Columns of a row: p_t, v_t and h_{t-1}; what the decision takes, what the core takes, z_t, silu(a).
        self.places = slice(0, self.private), slice(self.private, read), slice(read, known)
        self.spans = slice(0, known), slice(self.private, whole), slice(known, whole), slice(whole, whole + self.units)
        # Of all products' results of a step: gates, a, and mu and s.
        self.width = 4 * self.hidden + (self.units + 2 * latent if self.units else 0)
        # (T, batch, ...), where a gradient is wanted: the rows of all steps, and in the backward pass the gradient of
        # their products' results.
        self.rows: Tensor | None = None
        self.products: Tensor | None = None
        self._sources = sources
        self.for_core = self.for_core.detach()
        if decision is not None:
            self.for_decision = self.for_decision.detach()

    def carriers(self) -> tuple[Tensor | None, ...]:
        """What carries each step's gradient to the weights, to be given to it; asked for once. Not kept here, for it
        leads back here: a circle that nobody would free."""
        sources, self._sources = self._sources, []
        if not torch.is_grad_enabled():
            return (None,) * self.steps
        self.rows = self.gates.new_empty(self.steps, len(self.for_core), self.spans[-1].stop)
        return _Weights.apply(self, *sources).unbind(dim=0)  # type: ignore[union-attr]

    def __call__(
        self, t: int, private: Tensor, noticed: Tensor, state: State, noise: Tensor, carrier: Tensor | None
    ) -> Step:
        """Step t, from 0: p_t, v_t, the state before, eps_t and the step's carrier."""
        return Step(*_Advance.apply(self, t, private, noticed, *state, noise, carrier))  # type: ignore[misc]


class _Weights(torch.autograd.Function):
    """A number for each step that stands for what the weights add to its products. Its gradient is 1 where the backward
    pass has left that of the step's products in the loop's buffer; the weights' own are one product over all steps."""

    @staticmethod
    def forward(ctx: Any, loop: Recurrence, *sources: Tensor) -> Tensor:
        ctx.loop = loop
        return loop.gates.new_zeros(loop.steps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        loop: Recurrence = ctx.loop
        decided, remembered, _, activated = loop.spans
        assert loop.rows is not None and loop.products is not None
        rows, products = loop.rows.flatten(0, 1), loop.products
        loop.products = None
        if gradient.device.type != "cpu" or not gradient.all():  # a GPU is not asked: that would be to wait for it
            products = torch.where(gradient[:, None, None] > 0, products, 0)  # the others hold anything
        full, gates = loop.for_core.dtype, 4 * loop.hidden
        flat, total = products.flatten(0, 1), products[0].to(full, copy=True)
        for one in products[1:]:  # step by step, or all of it would be copied in full precision
            total += one
        weight = product(flat[:, :gates].mT, rows[:, remembered].mT)
        weight = torch.cat([weight[:, -loop.latent :], weight[:, : -loop.latent]], dim=1)
        results: list[Tensor | None] = [weight.to(full), total[:, :gates]]
        if loop.units:
            a, raw = slice(gates, gates + loop.units), slice(gates + loop.units, None)
            results += [
                product(flat[:, a].mT, rows[:, decided].mT).to(full),
                total[:, a],
                product(flat[:, raw].mT, rows[:, activated].mT).to(full),
                total[:, raw].sum(dim=0),
            ]
        return None, *results


class _Advance(torch.autograd.Function):
    """One step; see the module's documentation for the equations."""

    @staticmethod
    def forward(
        ctx: Any,
        loop: Recurrence,
        t: int,
        private: Tensor,
        noticed: Tensor,
        hidden: Tensor,
        cell: Tensor,
        noise: Tensor,
        carrier: Tensor | None,
    ) -> tuple[Tensor, ...]:
        decided, remembered, drawn, activated = loop.spans
        kept = loop.rows if carrier is not None else None
        row = hidden.new_empty((len(hidden), activated.stop), dtype=loop.kind) if kept is None else kept[t]
        for part, to in zip((private, noticed, hidden), loop.places, strict=True):
            row[:, to] = part
        a = spread = None
        if loop.units:
            a = loop.for_decision + product(row[:, decided], loop.inputs)
            row[:, activated] = functional.silu(a)
            mean, log_std = (loop.output_bias + product(row[:, activated], loop.output)).chunk(2, dim=1)
            log_std = LOG_STD_BOUND * torch.tanh(log_std / LOG_STD_BOUND)
            mean, spread = mean.contiguous(), log_std.exp() * noise
            latent = mean + spread
        else:
            latent, mean, log_std = noise.clone(), torch.zeros_like(noise), torch.zeros_like(noise)
        row[:, drawn] = latent
        gates = loop.for_core + product(row[:, remembered], loop.gates)
        keep_in, keep, out, new = gates.chunk(4, dim=1)
        torch.sigmoid_(gates[:, : 3 * loop.hidden])
        _tanh_(new)
        after = torch.addcmul(keep * cell, keep_in, new)
        squashed = _tanh_(after.clone())
        if carrier is not None:
            ctx.loop, ctx.t = loop, t
            ctx.save_for_backward(a, log_std, spread, gates, cell, squashed)
        return latent, mean, log_std, out * squashed, after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        to_latent, to_mean, to_log_std, to_hidden, to_cell = gradients
        loop: Recurrence = ctx.loop
        a, log_std, spread, gates, cell, squashed = ctx.saved_tensors
        keep_in, keep, out, new = gates.chunk(4, dim=1)
        size, known = loop.hidden, loop.noticed + loop.hidden
        to_cell = to_cell + _aten.tanh_backward(to_hidden * out, squashed)
        inner = torch.empty_like(gates)
        torch.mul(to_cell, new, out=inner[:, :size])
        torch.mul(to_cell, cell, out=inner[:, size : 2 * size])
        torch.mul(to_hidden, squashed, out=inner[:, 2 * size : 3 * size])
        if loop.products is None:
            loop.products = loop.gates.new_empty(loop.steps, len(gates), loop.width)
        products = loop.products[ctx.t]
        products[:, : 3 * size] = _aten.sigmoid_backward(inner[:, : 3 * size], gates[:, : 3 * size])
        products[:, 3 * size : 4 * size] = _aten.tanh_backward(to_cell * keep_in, new)
        to_row = product(products[:, : 4 * size], loop.gates.mT)
        to_known, to_latent = to_row[:, :known], to_latent + to_row[:, known:]
        to_private = None
        if loop.units:
            raw = products[:, 4 * size + loop.units :]
            raw[:, : loop.latent] = to_mean + to_latent
            raw[:, loop.latent :] = (to_log_std + to_latent * spread) * (1 - (log_std / LOG_STD_BOUND).square())
            through = products[:, 4 * size : 4 * size + loop.units]
            through.copy_(_aten.silu_backward(product(raw, loop.output.mT).to(a.dtype), a))
            to_inputs = product(through, loop.inputs.mT)
            to_private, to_known = to_inputs[:, : loop.private], to_inputs[:, loop.private :] + to_known
        full = gates.dtype
        to_noise = to_latent * log_std.exp() if ctx.needs_input_grad[6] else None
        to_noticed, to_hidden = to_known[:, : loop.noticed].to(full), to_known[:, loop.noticed :].to(full)
        to_private = None if to_private is None else to_private.to(full)
        return None, None, to_private, to_noticed, to_hidden, to_cell * keep, to_noise, loop.gates.new_ones(())


def _tanh_(x: Tensor) -> Tensor:
    """``tanh(x) = 2 sigmoid(2 x) - 1``, in place: a third of the time of the library's on a CPU."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)
