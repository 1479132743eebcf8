"""The paper's sequential model and DRAW once more, step by step, straight from the equations of their modules: the
oracles for the batched ones. One step at a time, reading, deciding and writing inside the loop."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import kl_divergence
from torch.nn import functional as F

from allograph.models import DrawModel, SequentialModel
from models.reference import (
    PlainAttention,
    PlainWindows,
    grown,
    log_likelihood,
    lstm_of,
    normal,
    normal_of,
    observed,
    standard,
)


class ReferenceSequential:
    """The plain program: ``free_energy`` and ``run`` of one `SequentialModel`, sharing its weights."""

    def __init__(self, model: SequentialModel) -> None:
        self.model, self.config = model, model.config

    def attention(self, name: str) -> PlainWindows:
        config, module = self.config, getattr(self.model, name)
        modules = [module] if config.windows == 1 else module.windows
        patch = config.patch if name == "placing" else config.read_patch or config.patch
        shape = config.bounds, config.image_size, patch
        return PlainWindows([PlainAttention(config.attention, module, *shape) for module in modules])

    def run(
        self,
        x: Tensor | None,
        context: Tensor | None,
        noise: Tensor,
        temperature: float = 1.0,
        trace: list[Tensor] | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """The likelihood's parameters after each step, and the KL of each step (none without x); ``trace`` gets z_t and
        h_{t-1} of each step, as one vector."""
        model, config = self.model, self.config
        batch, size, channels = len(noise), config.image_size, config.likelihood.channels
        core = lstm_of(model.core)
        # The weights' columns for v_t stand among those for constants where v_t is all of x' at every t.
        whole = config.attention == "none"
        inferred = config.context and config.context_by == "inference"
        constant = noise.new_zeros(batch, 0)
        done = None
        if inferred and context is not None:
            done = [self.done(exemplar) for exemplar in context.unbind(dim=1)]
        elif config.context and not inferred:
            if context is None:
                context = noise.new_zeros(batch, 1, channels, size, size)
            exemplars = context.unbind(dim=1)
            if whole:
                constant = torch.stack([exemplar.flatten(1) for exemplar in exemplars]).mean(dim=0)
            if config.embedding:
                embedding = torch.stack([model.encode_context(exemplar) for exemplar in exemplars]).mean(dim=0)
                constant = torch.cat([constant, embedding], dim=1)
        hidden, cell = (model.first_state.bias + constant @ model.first_state.weight.T).chunk(2, dim=1)
        hidden = torch.tanh(hidden)
        canvas = model.canvas.first.expand(batch, -1, -1, -1)
        parameters, divergences = [], []
        for t in range(config.steps):
            noticed = hidden[:, :0]
            if inferred:
                noticed = self.recalled(t, hidden, context, done)
            elif context is not None and not whole:
                look = self.attention("look_context")
                seen = torch.stack([look.read(exemplar, hidden) for exemplar in context.unbind(dim=1)]).mean(dim=0)
                noticed = torch.cat([seen.flatten(1), look.numbers(hidden)], dim=1)
            prior = standard(noise[:, t])
            if config.prior == "learned":
                prior = normal(model.prior, torch.cat([noticed, hidden], dim=1), constant)
            if x is None:
                z = prior.mean + temperature * prior.stddev * noise[:, t]
            else:
                look = self.attention("look_target")
                glimpse = torch.cat([look.read(x, hidden).flatten(1), look.numbers(hidden)], dim=1)
                changing, constants = (hidden[:, :0], [glimpse, constant]) if whole else (glimpse, [constant])
                if config.embedding:
                    images = x if context is None or inferred else torch.cat([x, context.mean(dim=1)], dim=1)
                    constants = [*constants, model.encode_target(images)]
                inputs = torch.cat([changing, noticed, hidden], dim=1)
                posterior = normal(model.posterior, inputs, torch.cat(constants, dim=1))
                z = posterior.mean + posterior.stddev * noise[:, t]
                divergences.append(kl_divergence(posterior, prior).sum(dim=1))
            if trace is not None:
                trace.append(torch.cat([z, hidden], dim=1).detach())
            hidden, cell = core(torch.cat([z, noticed, constant], dim=1), (hidden, cell))
            place = self.attention("placing")
            sprite = model.sprite(hidden).view(batch, -1, place.patch, place.patch)
            canvas = grown(config.canvas, model.canvas, canvas, place.write(sprite, hidden))
            parameters.append(observed(model.canvas, canvas))
        return torch.stack(parameters, dim=1), divergences

    def done(self, exemplar: Tensor) -> list[Tensor]:
        """What each step did to an exemplar when it was inferred alone."""
        trace: list[Tensor] = []
        self.run(exemplar, None, exemplar.new_zeros(len(exemplar), *self.model.noise_shape), trace=trace)
        return trace

    def recalled(self, t: int, hidden: Tensor, context: Tensor | None, done: list[list[Tensor]] | None) -> Tensor:
        """v_t: softmax over exemplars k and steps s of each head, nothing of blank exemplars."""
        recall, config = self.model.recall, self.config
        if context is None or done is None:
            return hidden.new_zeros(len(hidden), config.embedding)
        steps = torch.stack([torch.stack(of_one, dim=1) for of_one in done], dim=1)
        heads = (config.heads, config.embedding // config.heads)
        keys, values = (steps @ recall.key.weight.T).unflatten(-1, heads), F.silu(recall.value(steps))
        query = (hidden @ recall.query.weight.T).unflatten(-1, heads)
        scores = torch.einsum("bhd,bkshd->bhks", query, keys) / heads[1] ** 0.5 + recall.order[:, None, t]
        inked = context.flatten(2).any(dim=2)
        scores = scores.masked_fill(~inked[:, None, :, None], -1e30)
        shares = torch.softmax(scores.flatten(2), dim=2).unflatten(2, scores.shape[2:])
        found = torch.einsum("bhks,bkshd->bhd", shares, values.unflatten(-1, heads)).flatten(1)
        return found * inked.any(dim=1, keepdim=True)

    def free_energy(self, x: Tensor, context: Tensor | None, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(distortion (batch,), KL (batch, T))."""
        parameters, divergences = self.run(x, context, noise)
        return -log_likelihood(self.config.likelihood, parameters[:, -1], x), torch.stack(divergences, dim=1)


class ReferenceDraw:
    """The plain program: ``free_energy`` and ``run`` of one `DrawModel`, sharing its weights."""

    def __init__(self, model: DrawModel) -> None:
        self.model, self.config = model, model.config

    def run(self, x: Tensor | None, noise: Tensor, temperature: float = 1.0) -> tuple[Tensor, list[Tensor]]:
        """The likelihood's parameters after each step, and the KL of each step (none without x)."""
        model, config = self.model, self.config
        batch, size = len(noise), config.image_size
        reads = PlainAttention(config.attention, model.look, config.bounds, size, config.read_patch)
        writes = PlainAttention(config.attention, model.placing, config.bounds, size, config.patch)
        encode, decode = lstm_of(model.encoder), lstm_of(model.decoder)
        encoder = decoder = (noise.new_zeros(batch, config.hidden), noise.new_zeros(batch, config.hidden))
        canvas = model.canvas.first.expand(batch, -1, -1, -1)
        parameters, divergences = [], []
        for t in range(config.steps):
            z = temperature * noise[:, t]
            if x is not None:
                seen = reads.read(x, decoder[0])
                if config.error_image:
                    logits = observed(model.canvas, canvas)
                    mean = logits.sigmoid() if config.likelihood.kind == "bernoulli" else logits.clamp(0, 1)
                    seen = torch.cat([seen, reads.read(x - mean, decoder[0])], dim=1)
                encoder = encode(torch.cat([seen.flatten(1), decoder[0]], dim=1), encoder)
                posterior = normal_of(model.posterior(encoder[0]))
                z = posterior.mean + posterior.stddev * noise[:, t]
                divergences.append(kl_divergence(posterior, standard(z)).sum(dim=1))
            decoder = decode(z, decoder)
            sprite = model.sprite(decoder[0]).view(batch, -1, writes.patch, writes.patch)
            canvas = canvas + writes.write(sprite, decoder[0])
            parameters.append(observed(model.canvas, canvas))
        return torch.stack(parameters, dim=1), divergences

    def free_energy(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(distortion (batch,), KL (batch, T))."""
        parameters, divergences = self.run(x, noise)
        return -log_likelihood(self.config.likelihood, parameters[:, -1], x), torch.stack(divergences, dim=1)
