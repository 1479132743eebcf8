"""The sequential model once more, step by step, straight from the equations: the oracle for the batched one.

Everything happens inside the loop over t, with the library's own building blocks: affine_grid and grid_sample for the
windows, LSTMCell for the core, torch.distributions for the KL terms and the likelihood. Only the weights are shared.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from allograph.attention import WindowBounds
from allograph.models import SequentialModel


def window_of(raw: Tensor, bounds: WindowBounds) -> Tensor:
    """R(turn) [[1, shear], [0, 1]] diag(scale), with the shift: (batch, 2, 3)."""
    low, high = math.log(bounds.min_scale), math.log(bounds.max_scale)
    scale = torch.exp(low + (high - low) * torch.sigmoid(raw[:, :2]))
    shift = bounds.max_shift * torch.tanh(raw[:, 2:4])
    turn, shear = bounds.max_turn * torch.tanh(raw[:, 4]), bounds.max_shear * torch.tanh(raw[:, 5])
    one, zero = torch.ones_like(turn), torch.zeros_like(turn)
    rotation = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()], dim=1).view(-1, 2, 2)
    slant = torch.stack([one, shear, zero, one], dim=1).view(-1, 2, 2)
    return torch.cat([rotation @ slant @ torch.diag_embed(scale), shift[:, :, None]], dim=2)


def look_through(image: Tensor, window: Tensor, size: int) -> Tensor:
    grid = F.affine_grid(window, [len(image), image.shape[1], size, size], align_corners=False)
    return F.grid_sample(image, grid, align_corners=False)


def homogeneous(window: Tensor) -> Tensor:
    last = torch.tensor([0.0, 0.0, 1.0], dtype=window.dtype).expand(len(window), 1, 3)
    return torch.cat([window, last], dim=1)


def normal(decision: nn.Module, inputs: Tensor, constants: Tensor) -> Normal:
    hidden = F.silu(decision.inputs(inputs) + decision.constant(constants))
    mean, log_std = decision.output(hidden).chunk(2, dim=-1)
    return Normal(mean, torch.exp(5 * torch.tanh(log_std / 5)))


def bell_filter(image: Tensor, width: float) -> Tensor:
    """Convolution with a Gaussian of this standard deviation, by its definition, zeros outside."""
    size = image.shape[-1]
    offset = torch.arange(1 - size, size, dtype=image.dtype)
    bell = torch.exp(-0.5 * (offset / width) ** 2) / max(1.0, width * math.sqrt(2 * math.pi))
    bell = bell * math.sqrt(max(1.0, width * math.sqrt(2 * math.pi) / (1.5 * size / 52)))
    rows = F.conv2d(image, bell.view(1, 1, -1, 1), padding=(size - 1, 0))
    return F.conv2d(rows, bell.view(1, 1, 1, -1), padding=(0, size - 1))


class ReferenceSequential(nn.Module):
    """The plain program: ``free_energy`` and ``sample`` of one `SequentialModel`, sharing its weights."""

    def __init__(self, model: SequentialModel) -> None:
        super().__init__()
        self.model = model
        config = model.config
        self.cell = nn.LSTMCell(config.latent + config.patch**2 + 6 + config.embedding, config.hidden)
        self.cell.to(model.ink_sprite.weight.dtype)
        self.share_core()

    def share_core(self) -> None:
        """LSTMCell wants one matrix for all inputs, one for the state, and gates in the order in, forget, new, out."""
        core, hidden = self.model.core, self.model.config.hidden

        def order(weight: Tensor) -> Tensor:
            keep_in, keep, out, new = weight.split(hidden)
            return torch.cat([keep_in, keep, new, out])

        with torch.no_grad():
            changing, state = core.gates.weight[:, :-hidden], core.gates.weight[:, -hidden:]
            self.cell.weight_ih.copy_(order(torch.cat([changing, core.constant.weight], dim=1)))
            self.cell.weight_hh.copy_(order(state))
            self.cell.bias_ih.copy_(order(core.gates.bias[:, None])[:, 0])
            self.cell.bias_hh.zero_()
        self.cell.bias_hh.requires_grad_(False)  # LSTMCell has the bias twice

    def run(
        self, x: Tensor | None, context: Tensor, noise: Tensor, temperature: float = 1.0, ink_beside: bool = True
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The logits after each step, the KL of each step (none without x), and the latents.

        ``ink_beside``: whether ink is written beside an exemplar.
        """
        model, config = self.model, self.model.config
        batch, count = context.shape[:2]
        embedding = sum(model.encode_context(context[:, k]) for k in range(count)) / count
        shown = context.sum(dim=(1, 2, 3, 4)) > 0
        hidden, cell = model.first_state(embedding).chunk(2, dim=-1)
        hidden = torch.tanh(hidden)
        ink = torch.zeros(batch, 1, config.image_size, config.image_size, dtype=noise.dtype)
        displacement = torch.zeros(batch, 2, config.field_size, config.field_size, dtype=noise.dtype)
        gain = torch.zeros(batch, len(config.bells), dtype=noise.dtype)
        logits, divergences, latents = [], [], []
        for t in range(config.steps):
            look = window_of(model.look_context.linear(hidden) + model.plan[t], config.look)
            glimpse = sum(look_through(context[:, k], look, config.patch) for k in range(count)).flatten(1) / count
            prior = Normal(torch.zeros_like(noise[:, t]), torch.ones_like(noise[:, t]))
            if config.prior == "learned":
                prior = normal(model.prior, torch.cat([glimpse, look.flatten(1), hidden], dim=-1), embedding)
            if x is None:
                z = prior.mean + temperature * prior.stddev * noise[:, t]
            else:
                own = look_through(x, window_of(model.look_target.linear(hidden), config.look), config.patch).flatten(1)
                same = look_through(x, look, config.patch).flatten(1)
                posterior = normal(
                    model.posterior,
                    torch.cat([own, same, glimpse, look.flatten(1), hidden], dim=-1),
                    torch.cat([model.encode_target(torch.cat([x, context.mean(dim=1)], dim=1)), embedding], dim=-1),
                )
                z = posterior.mean + posterior.stddev * noise[:, t]
                used = t < config.bends or ink_beside or not shown.any()
                divergences.append(kl_divergence(posterior, prior).sum(dim=-1) * used)
            latents.append(z)
            hidden, cell = self.cell(torch.cat([z, glimpse, look.flatten(1), embedding], dim=-1), (hidden, cell))
            window = homogeneous(look) @ homogeneous(window_of(model.move.linear(hidden), config.move))
            back = torch.linalg.inv(window)[:, :2]
            sprite = model.ink_sprite(hidden).reshape(batch, -1, config.patch, config.patch)
            for image in range(batch):
                if shown[image] and not ink_beside:
                    sprite = sprite.clone()
                    sprite[image] = 0.0
            ink = ink + look_through(sprite, back, config.image_size)
            if t < config.bends:
                bend = model.bend_sprite(hidden).reshape(batch, 2, config.control, config.control)
                displacement = displacement + look_through(bend, back, config.field_size)
                gain = gain + model.gain(hidden)
            if x is None or t == config.steps - 1:
                logits.append(self.observe(ink, displacement, gain, context.mean(dim=1)))
        return torch.stack(logits, dim=1), divergences, latents

    def observe(self, ink: Tensor, displacement: Tensor, gain: Tensor, exemplar: Tensor) -> Tensor:
        """empty + ink + the exemplar through each bell, bent, times its gain."""
        canvas, size = self.model.canvas, self.model.config.image_size
        large = F.interpolate(displacement, size=(size, size), mode="bilinear", align_corners=False)
        whole = torch.eye(2, 3, dtype=ink.dtype).expand(len(ink), 2, 3)
        grid = F.affine_grid(whole, [len(ink), 1, size, size], align_corners=False)
        grid = torch.stack([grid[..., 0] + large[:, 0], grid[..., 1] + large[:, 1]], dim=-1)
        logits = canvas.empty + ink
        for m, width in enumerate(self.model.config.bells):
            copy = F.grid_sample(bell_filter(exemplar, width * size / 52), grid, align_corners=False)
            logits = logits + F.softplus(canvas.base[m] + gain[:, m])[:, None, None, None] * copy
        return logits

    def free_energy(
        self, x: Tensor, context: Tensor, noise: Tensor, *, ink_beside: bool = True
    ) -> tuple[Tensor, Tensor]:
        """(distortion (batch,), KL (batch, T))."""
        logits, divergences, _ = self.run(x, context, noise, ink_beside=ink_beside)
        distortion = -Bernoulli(logits=logits[:, -1]).log_prob(x).sum(dim=(-3, -2, -1))
        return distortion, torch.stack(divergences, dim=1)
