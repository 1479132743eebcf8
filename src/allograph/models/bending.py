"""The conditional sequential generative model: T steps of looking, deciding and writing.

Generative model, for t = 1..T (x' the context, h the hidden state of an LSTM, c the hidden canvas)

    look_t = window(h_{t-1});  v_t = read(x', look_t)                              the context, by attention
    z_t ~ N(0, I)  or  N(mu_p(h_{t-1}, v_t, e'), sigma_p(h_{t-1}, v_t, e'))        standard or learned prior
    h_t = LSTM(h_{t-1}, z_t, v_t, e')                                              e' = embedding of x'
    c_t = c_{t-1} + write(sprite(h_t), look_t o move(h_t))                         ink, and at first bends
    x ~ p(x | f_o(c_T, x'))

and inference: ``r_t = read(x, window(h_{t-1})), read(x, look_t)``,
``z_t ~ N(mu(r_t, h_{t-1}, v_t, e, e'), sigma(...))``, e the embedding of x and x' together.

The canvas has two layers: ink, and displacement. The displacement says for each place where in the exemplar to look, so
``f_o(c, x')(p) = ink(p) + filter(x')(p + displacement(p))``: what is written is the exemplar, bent by all steps
together, with ink added and taken away. A symbol's parts move, turn and stretch from one hand to the next, but they do
not come apart, and a smooth displacement cannot tear them. No exemplar at all is an exemplar without ink, so the
unconditional model is the same network on a blank context.

The canvas never feeds back into h. So the loop over t holds only reading, the posterior and the LSTM; sprites, their
writing, the prior, the KL terms and the likelihood are computed once, batched over all T.

Source: Rezende et al., *One-Shot Generalization in Deep Generative Models*, 2016, equations 3 to 10; the displacement
layer is ours.
"""

from __future__ import annotations

__all__ = ["BendingConfig", "BendingModel"]

from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from allograph.attention import WindowNetwork, compose, read
from allograph.bounds import FreeEnergy
from allograph.canvas import BentCanvas, BentPicture, Strokes
from allograph.likelihoods import Bernoulli, likelihood_from_config
from allograph.models.base import Drawings, GenerativeModel, Inference
from allograph.models.bending_config import BendingConfig, first_plan
from allograph.models.encoders import ImageEncoder
from allograph.models.parts import Cell, Decision, Gaussian, State, prior_of
from allograph.models.products import Linear
from allograph.models.stepping import recomputed, recurrence


class _Seen(NamedTuple):
    """The exemplars, and what is computed from them once."""

    images: Float[Tensor, "batch count channel size size"]
    embedding: Float[Tensor, "batch features"]
    filtered: Float[Tensor, "batch bells size size"]

    def repeat(self, times: int) -> _Seen:
        return _Seen(*(part.repeat_interleave(times, dim=0) for part in self))


class _Trace(NamedTuple):
    """What the loop leaves behind, stacked over steps: (batch, T, ...)."""

    latents: Tensor
    before: Tensor
    """h_{t-1}"""
    after: Tensor
    """h_t"""
    looks: Tensor
    glimpses: Tensor
    """v_t, flattened"""


@final
class BendingModel(GenerativeModel):
    """See the module's documentation for the equations; shapes are (batch, ..., channel, S, S), ink = 1."""

    def __init__(self, config: BendingConfig) -> None:
        super().__init__()
        self.config = config
        self.likelihood = likelihood_from_config(config.likelihood)
        channels = self.likelihood.channels
        pixels = channels * config.patch**2
        hidden, embedding = config.hidden, config.embedding

        self.encode_context = ImageEncoder(config.image_size, channels, config.encoder_width, embedding)
        self.encode_target = ImageEncoder(config.image_size, 2 * channels, config.encoder_width, embedding)
        self.first_state = Linear(embedding, 2 * hidden)
        self.look_context = WindowNetwork(hidden, config.look, initial_scale=0.45)
        self.look_target = WindowNetwork(hidden, config.look, initial_scale=0.45)
        device = self.first_state.weight.device
        with torch.device("cpu"):  # wherever the model is: see `allograph.weights`
            plan, empty = first_plan(config), self.likelihood.bias(torch.zeros(channels))
        self.plan = nn.Parameter(plan.to(device))
        self.posterior = Decision(3 * pixels + 6 + hidden, 2 * embedding, config.decision, config.latent)
        self.prior = prior_of(config.prior, pixels + 6 + hidden, embedding, config.decision, config.latent)
        self.core = Cell(config.latent + pixels + 6, embedding, hidden)
        self.move = WindowNetwork(hidden, config.move, initial_scale=1.0)
        self.ink_sprite = Linear(hidden, self.likelihood.parameters_per_pixel * config.patch**2)
        self.bend_sprite = Linear(hidden, 2 * config.control**2)
        if self.bends_ink:
            self.gain = Linear(hidden, len(config.bells))
            self.canvas = BentCanvas(config.image_size, config.field_size, config.bells)
        else:
            self.gain = Linear(hidden, 1)
            self.canvas = BentPicture(config.image_size, config.field_size, channels, empty.to(device))
        with torch.no_grad():
            self.bend_sprite.weight.mul_(0.2)  # begin close to a plain copy

    # ---------------------------------------------------------------- the contract

    @property
    def conditional(self) -> bool:
        return True

    @property
    def bends_ink(self) -> bool:
        """Whether its images are ink on paper: then a drawing is shown best bent alone and crisp, see `sample`."""
        return isinstance(self.likelihood, Bernoulli)

    @property
    def noise_shape(self) -> tuple[int, int]:
        return self.config.steps, self.config.latent

    def free_energy(
        self,
        x: Tensor,
        context: Tensor | None = None,
        *,
        ink: Bool[Tensor, " batch"] | None = None,
        generator: torch.Generator | None = None,
    ) -> FreeEnergy:
        """See `GenerativeModel.free_energy`; ``ink`` as for `infer`."""
        return self.infer(x, context, self.noise(len(x), generator=generator), ink=ink).free_energy

    def infer(
        self, x: Tensor, context: Tensor | None, noise: Tensor, *, ink: Bool[Tensor, " batch"] | None = None
    ) -> Inference:
        """See `GenerativeModel.infer`. Where ``ink`` is false the image is modelled by bending the exemplar alone: no
        ink is written beside it, so the posterior of the later steps is the prior, and their KL is 0."""
        many = len(noise) // len(x)
        seen = self._see(context, x)
        writes = self._writes(seen, ink).repeat_interleave(many)
        trace, posterior = self._infer(x, seen, noise)
        seen = seen.repeat(many)
        prior = self.prior(
            [trace.glimpses, trace.looks.flatten(-2), trace.before], self.prior.constant(seen.embedding)[:, None]
        )
        bends = torch.arange(self.config.steps, device=x.device) < self.config.bends
        used = (writes[:, None] | bends)[..., None]
        parameters = recomputed(self.recompute, self.canvas, self._strokes(trace, writes), seen.filtered)
        return Inference(
            log_likelihood=self.likelihood.log_prob(parameters, x.repeat_interleave(many, dim=0)),
            latents=(trace.latents,),
            posterior=(Gaussian(*(torch.where(used, q, p) for q, p in zip(posterior, prior, strict=True))),),
            prior=(prior,),
        )

    def sample(
        self,
        context: Tensor | None = None,
        *,
        n: int = 1,
        temperature: float = 1.0,
        ink: bool = True,
        crisp: bool = False,
        history: bool = False,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Drawings:
        """See `GenerativeModel.sample`. Without ``ink`` the exemplar is bent and nothing written beside it, in as many
        steps as bend; ``crisp`` shows it as a pen draws it, see `BentCanvas`."""
        seen = self._see(context)
        noise = self.sampling_noise(len(seen.images), n, noise, generator)
        shape = noise.shape[:2]
        noise, seen = noise.flatten(0, 1), seen.repeat(shape[1])
        writes = self._writes(seen, torch.full((len(noise),), ink, device=noise.device))
        if not writes.any():
            noise = noise[:, : self.config.bends]  # later steps would change nothing
        trace = self._imagine(seen, temperature * noise)
        strokes = self._strokes(trace, writes)
        if history:
            canvases = self.canvas.history(strokes, seen.filtered, crisp=crisp)
        else:
            canvases = self.canvas(strokes, seen.filtered, crisp=crisp)[:, None]
        return Drawings(
            canvases=canvases.unflatten(0, shape),
            write_windows=strokes.windows.unflatten(0, shape),
            read_windows=trace.looks.unflatten(0, shape),
        )

    # ---------------------------------------------------------------- what is done once

    def _see(self, context: Tensor | None, x: Tensor | None = None) -> _Seen:
        """Looks at the whole context once; None is one blank exemplar (for each image of x)."""
        if context is None:
            weight, size = self.ink_sprite.weight, self.config.image_size
            batch = 1 if x is None else x.shape[0]
            context = torch.zeros(1, 1, self.likelihood.channels, size, size, device=weight.device, dtype=weight.dtype)
            context = context.expand(batch, -1, -1, -1, -1)
        batch, count = context.shape[:2]
        embedding = self.encode_context(context.flatten(0, 1)).unflatten(0, (batch, count)).mean(dim=1)
        return _Seen(context, embedding, self.canvas.filter(context.mean(dim=1)))

    def _writes(self, seen: _Seen, ink: Bool[Tensor, " batch"] | None = None) -> Bool[Tensor, " batch"]:
        """Whose ink is written: everyone's without an exemplar; beside one, that of the images chosen (None: all)."""
        blank = ~seen.images.flatten(1).any(dim=1)
        return torch.ones_like(blank) if ink is None else blank | ink

    def _strokes(self, trace: _Trace, writes: Bool[Tensor, " batch"]) -> Strokes:
        """What all steps write, and where."""
        config, dtype = self.config, trace.latents.dtype
        ink = self.ink_sprite(trace.after).to(dtype).unflatten(-1, (-1, config.patch, config.patch))
        bending = trace.after[:, : config.bends]
        return Strokes(
            ink=writes[:, None, None, None, None] * ink,
            bend=self.bend_sprite(bending).to(dtype).unflatten(-1, (2, config.control, -1)),
            gain=self.gain(bending).to(dtype),
            windows=compose(trace.looks, self.move(trace.after)),
        )

    # ---------------------------------------------------------------- the loop over t

    def _first(self, seen: _Seen) -> State:
        hidden, cell = self.first_state(seen.embedding).chunk(2, dim=-1)
        return State(torch.tanh(hidden), cell)

    def _infer(self, x: Tensor, seen: _Seen, noise: Tensor) -> tuple[_Trace, Gaussian]:
        """z_1..z_T from the posterior of x, and that posterior; noise may hold several rows for each image."""
        # One network sees target and exemplar together, so that it can tell how far apart their strokes are.
        together = self.encode_target(torch.cat([x, seen.images.mean(dim=1)], dim=1))
        many = len(noise) // len(x)
        both = torch.cat([together, seen.embedding], dim=-1)
        for_posterior = self.posterior.constant(both).repeat_interleave(many, dim=0)
        x, seen = x.repeat_interleave(many, dim=0), seen.repeat(many)
        return self._run(self.posterior, for_posterior, x, seen, noise)

    def _imagine(self, seen: _Seen, noise: Tensor) -> _Trace:
        """z_1..z_T from the prior; no image is seen but the context."""
        prior = self.prior if isinstance(self.prior, Decision) else None
        return self._run(prior, self.prior.constant(seen.embedding), None, seen, noise)[0]

    def _run(
        self, decision: Decision | None, for_decision: Tensor, x: Tensor | None, seen: _Seen, noise: Tensor
    ) -> tuple[_Trace, Gaussian]:
        """The loop, and what z_t is drawn from. x is seen by the decision alone."""
        steps, latent, patch = noise.shape[1], self.config.latent, self.config.patch
        loop = recurrence(steps, decision, for_decision, self.core, self.core.constant(seen.embedding), latent)
        count = seen.images.shape[1]
        # x through two windows, its own and the exemplars'; every exemplar through the latter, averaged, so that their
        # order does not matter.
        images = seen.images if x is None else torch.cat([x[:, None], x[:, None], seen.images], dim=1)
        networks = [self.look_context] if x is None else [self.look_target, self.look_context]
        weight, bias = (
            torch.cat(parts) for parts in zip(*((n.linear.weight, n.linear.bias) for n in networks), strict=True)
        )
        plan = functional.pad(self.plan, (len(bias) - self.plan.shape[1], 0)) + bias
        state, trace = self._first(seen), []

        def advance(t: int, hidden: Tensor, cell: Tensor, eps: Tensor, carrier: Tensor | None) -> tuple[Tensor, ...]:
            raw = functional.linear(hidden, weight, plan[t]).unflatten(1, (len(networks), -1))
            windows = self.look_context.window(raw)
            look = windows[:, -1]
            each = torch.cat([windows, look[:, None].expand(-1, images.shape[1] - len(networks), -1, -1)], dim=1)
            patches = read(images.flatten(0, 1), each.flatten(0, 1), patch).flatten(1).unflatten(0, images.shape[:2])
            own, glimpse = patches[:, :-count].flatten(1), patches[:, -count:].mean(dim=1)
            noticed = torch.cat([glimpse, look.flatten(1)], dim=1)
            return *loop(t, own, noticed, State(hidden, cell), eps, carrier), look, glimpse

        with torch.autocast(noise.device.type, enabled=False):
            hidden, cell = (part.to(noise.dtype) for part in state)
            for t, (eps, carrier) in enumerate(zip(noise.unbind(dim=1), loop.carriers(), strict=True)):
                before = hidden
                latent, mean, log_std, hidden, cell, look, glimpse = recomputed(
                    self.recompute, advance, t, hidden, cell, eps, carrier
                )
                trace.append((mean, log_std, latent, before, hidden, look, glimpse))
            mean, log_std, *rest = (torch.stack(part, dim=1) for part in zip(*trace, strict=True))
        return _Trace(*rest), Gaussian(mean, log_std)
