"""The bending model once more, step by step, straight from the equations: the oracle for the batched one."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import kl_divergence
from torch.nn import functional as F

from allograph.attention import bend_strokes
from allograph.models import BendingModel
from models.reference import backwards, homogeneous, log_likelihood, look_through, lstm_of, normal, standard, window_of


def bell_filter(image: Tensor, width: float) -> Tensor:
    """Convolution with a Gaussian of this standard deviation, by its definition, zeros outside."""
    size = image.shape[-1]
    offset = torch.arange(1 - size, size, dtype=image.dtype)
    bell = torch.exp(-0.5 * (offset / width) ** 2) / max(1.0, width * math.sqrt(2 * math.pi))
    bell = bell * math.sqrt(max(1.0, width * math.sqrt(2 * math.pi) / (1.5 * size / 52)))
    rows = F.conv2d(image, bell.view(1, 1, -1, 1), padding=(size - 1, 0))
    return F.conv2d(rows, bell.view(1, 1, 1, -1), padding=(0, size - 1))


class ReferenceBending:
    """The plain program: ``free_energy`` and ``run`` of one `BendingModel`, sharing its weights."""

    def __init__(self, model: BendingModel, *, crisp: bool = False) -> None:
        self.model, self.crisp = model, crisp

    def run(
        self, x: Tensor | None, context: Tensor, noise: Tensor, temperature: float = 1.0, ink_beside: bool = True
    ) -> tuple[Tensor, list[Tensor]]:
        """The logits after each step and the KL of each step (none without x).

        ``ink_beside``: whether ink is written beside an exemplar.
        """
        model, config = self.model, self.model.config
        core = lstm_of(model.core)
        batch, count = context.shape[:2]
        embedding = torch.stack([model.encode_context(context[:, k]) for k in range(count)]).sum(dim=0) / count
        shown = context.sum(dim=(1, 2, 3, 4)) > 0
        hidden, cell = model.first_state(embedding).chunk(2, dim=-1)
        hidden = torch.tanh(hidden)
        parameters = model.likelihood.parameters_per_pixel
        ink = torch.zeros(batch, parameters, config.image_size, config.image_size, dtype=noise.dtype)
        displacement = torch.zeros(batch, 2, config.field_size, config.field_size, dtype=noise.dtype)
        gain = torch.zeros(batch, model.gain.out_features, dtype=noise.dtype)
        logits, divergences = [], []
        for t in range(config.steps):
            look = window_of(model.look_context.linear(hidden) + model.plan[t], config.look)
            glimpses = [look_through(context[:, k], look, config.patch).flatten(1) for k in range(count)]
            glimpse = torch.stack(glimpses).sum(dim=0) / count
            prior = standard(noise[:, t])
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
            hidden, cell = core(torch.cat([z, glimpse, look.flatten(1), embedding], dim=-1), (hidden, cell))
            window = homogeneous(look) @ homogeneous(window_of(model.move.linear(hidden), config.move))
            back = backwards(window[:, :2])
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
        return torch.stack(logits, dim=1), divergences

    def observe(self, ink: Tensor, displacement: Tensor, gain: Tensor, exemplar: Tensor) -> Tensor:
        """empty + ink + the exemplar through each bell, bent, times its gain; for pictures the exemplar itself, bent,
        times its contrast, in the first parameters, the locations."""
        canvas, size = self.model.canvas, self.model.config.image_size
        large = F.interpolate(displacement, size=(size, size), mode="bilinear", align_corners=False)
        whole = torch.eye(2, 3, dtype=ink.dtype).expand(len(ink), 2, 3)
        grid = F.affine_grid(whole, [len(ink), 1, size, size], align_corners=False)
        grid = torch.stack([grid[..., 0] + large[:, 0], grid[..., 1] + large[:, 1]], dim=-1)
        if not self.model.bends_ink:
            channels = exemplar.shape[1]
            copy = torch.exp(torch.tanh(gain))[:, :, None, None] * F.grid_sample(exemplar, grid, align_corners=False)
            seen = canvas.empty[:, None, None] + ink
            return torch.cat([seen[:, :channels] + copy, seen[:, channels:]], dim=1)
        logits = canvas.empty + ink
        if self.crisp:
            narrow = bell_filter(exemplar, min(self.model.config.bells) * size / 52)
            return logits + 2 * canvas.empty.abs() * bend_strokes(narrow, large)
        for m, width in enumerate(self.model.config.bells):
            copy = F.grid_sample(bell_filter(exemplar, width * size / 52), grid, align_corners=False)
            logits = logits + F.softplus(canvas.base[m] + gain[:, m])[:, None, None, None] * copy
        return logits

    def free_energy(
        self, x: Tensor, context: Tensor, noise: Tensor, *, ink_beside: bool = True
    ) -> tuple[Tensor, Tensor]:
        """(distortion (batch,), KL (batch, T))."""
        logits, divergences = self.run(x, context, noise, ink_beside=ink_beside)
        return -log_likelihood(self.model.config.likelihood, logits[:, -1], x), torch.stack(divergences, dim=1)
