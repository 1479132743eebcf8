"""The conditional sequential generative model: T steps of looking, deciding and writing.

Generative model, for t = 1..T (x' the context, h the hidden state of an LSTM, c the hidden canvas)

    look_t = window(h_{t-1});  v_t = read(x', look_t)                              the context, by attention
    z_t ~ N(0, I)  or  N(mu_p(h_{t-1}, v_t, e'), sigma_p(h_{t-1}, v_t, e'))        standard or learned prior
    h_t = LSTM(h_{t-1}, z_t, v_t, e')                                              e' = embedding of x'
    c_t = c_{t-1} + write(sprite(h_t), look_t o move(h_t))                         ink, and at first bends
    x ~ p(x | f_o(c_T, x'))

and inference: ``r_t = read(x, window(h_{t-1})), read(x, look_t)``,
``z_t ~ N(mu(r_t, h_{t-1}, v_t, e, e'), sigma(...))``, e the embedding of x and x' together.

The canvas has two layers: ink, and displacement. For each place, the displacement says where in the exemplar to look,
so ``f_o(c, x')(p) = ink(p) + filter(x')(p + displacement(p))``: the drawing is the exemplar, bent by all steps
together, with ink added and removed. A symbol's parts move, turn and stretch from one hand to the next but do not come
apart, and a smooth displacement cannot tear them. A missing exemplar is an exemplar without ink, so the unconditional
model is the same network on a blank context.

The canvas never feeds back into h. So the loop over t holds only reading, the posterior and the LSTM; sprites, their
writing, the prior, the KL terms and the likelihood are computed once, batched over all T.

Source: Rezende et al., *One-Shot Generalization in Deep Generative Models*, 2016, equations 3 to 10; the displacement
layer is ours.
"""

from __future__ import annotations

__all__ = ["BendingConfig", "BendingModel"]

from functools import partial
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from allograph.attention import WindowNetwork, compose, read
from allograph.canvas import BentCanvas, BentPicture, Strokes
from allograph.likelihoods import Bernoulli, likelihood_from_config
from allograph.models.base import Drawings, GenerativeModel, Inference
from allograph.models.bending_config import BendingConfig, first_plan
from allograph.models.cells import Cell, Gaussian, GaussianHead, State, at_least_float32, prior_of
from allograph.models.encoders import ImageEncoder
from allograph.models.recurrence import Trace, recomputed, recur, unrolled


class _Seen(NamedTuple):
    """The exemplars, and what is computed once from them."""

    exemplar: Float[Tensor, "batch channel size size"]
    """Their mean. All are read through one window, and reading is linear, so reading the mean gives the mean of the
    readings."""
    embedding: Float[Tensor, "batch features"]
    filtered: Float[Tensor, "batch bells size size"]

    def repeat(self, times: int) -> _Seen:
        return _Seen(*(part.repeat_interleave(times, dim=0) for part in self))


class _Given(NamedTuple):
    """The inputs that all steps share."""

    target: Tensor | None
    """x; None where z is drawn from the prior."""
    exemplar: Tensor
    for_head: Tensor
    """The part of the posterior (without x, of the prior) that does not change with t."""
    for_core: Tensor
    """The part of the LSTM's input that does not change with t."""


@final
class BendingModel(GenerativeModel):
    """See the module's documentation for the equations; shapes are (batch, ..., channel, S, S), ink = 1."""

    compilable = ("_steps", "_describe")

    def __init__(self, config: BendingConfig) -> None:
        super().__init__()
        self.config = config
        self.likelihood = likelihood_from_config(config.likelihood)
        self.bends_ink = isinstance(self.likelihood, Bernoulli)
        channels = self.likelihood.channels
        pixels = channels * config.patch**2
        hidden, embedding = config.hidden, config.embedding

        self.encode_context = ImageEncoder(config.image_size, channels, config.encoder_width, embedding)
        self.encode_target = ImageEncoder(config.image_size, 2 * channels, config.encoder_width, embedding)
        self.first_state = nn.Linear(embedding, 2 * hidden)
        self.look_context = WindowNetwork(hidden, config.look, initial_scale=0.45)
        self.look_target = WindowNetwork(hidden, config.look, initial_scale=0.45)
        device = self.first_state.weight.device
        with torch.device("cpu"):  # real even on the meta device: see `allograph.weights`
            plan, empty = first_plan(config), self.likelihood.bias(torch.zeros(channels))
        self.plan = nn.Parameter(plan.to(device))
        self.posterior = GaussianHead(3 * pixels + 6 + hidden, 2 * embedding, config.decision, config.latent)
        self.prior = prior_of(config.prior, pixels + 6 + hidden, embedding, config.decision, config.latent)
        self.core = Cell(config.latent + pixels + 6, embedding, hidden)
        self.move = WindowNetwork(hidden, config.move, initial_scale=1.0)
        self.ink_sprite = nn.Linear(hidden, self.likelihood.parameters_per_pixel * config.patch**2)
        self.bend_sprite = nn.Linear(hidden, 2 * config.control**2)
        if self.bends_ink:
            self.gain = nn.Linear(hidden, len(config.bells))
            self.canvas = BentCanvas(config.image_size, config.field_size, config.bells)
        else:
            self.gain = nn.Linear(hidden, 1)
            self.canvas = BentPicture(config.image_size, config.field_size, channels, empty.to(device))
        with torch.no_grad():
            self.bend_sprite.weight.mul_(0.2)  # start close to a plain copy

    # ---------------------------------------------------------------- the contract

    @property
    def noise_shape(self) -> tuple[int, int]:
        return self.config.steps, self.config.latent

    def initialise(self, mean: Tensor) -> None:
        """Does nothing: a new model draws a copy of its exemplar, or empty paper without one."""

    def infer(
        self, x: Tensor, context: Tensor | None, noise: Tensor, *, ink: Bool[Tensor, " batch"] | None = None
    ) -> Inference:
        """Without ``ink``, the posterior of the steps that do not bend is the prior, and their KL is 0."""
        many = len(noise) // len(x)
        seen = self._see(context, x)
        writes = self._writes(seen, ink).repeat_interleave(many)
        trace = self._posterior(x, seen, noise)
        x, seen = x.repeat_interleave(many, dim=0), seen.repeat(many)
        for_prior = self.prior.fixed(seen.embedding)
        log_likelihood, prior = self.part("_describe")(x, trace, for_prior, writes, seen.filtered)
        bends = torch.arange(self.config.steps, device=x.device) < self.config.bends
        used = (writes[:, None] | bends)[..., None]
        posterior = Gaussian(*(torch.where(used, q, p) for q, p in zip(trace.drawn_from, prior, strict=True)))
        return Inference(log_likelihood, (trace.latents,), (posterior,), (prior,))

    def _draw(self, context: Tensor | None, noise: Tensor, *, history: bool, shown: bool, guidance: float) -> Drawings:
        """With ``shown``, the first steps bend the exemplar and no step writes ink (see `BentCanvas`)."""
        bent = shown and self.bends_ink and context is not None
        seen, shape = self._see(context).repeat(noise.shape[1]), noise.shape[:2]
        noise = noise.flatten(0, 1)
        writes = self._writes(seen, torch.full((len(noise),), not bent, device=noise.device))
        if not writes.any():
            noise = noise[:, : self.config.bends]  # later steps would change nothing
        trace = self._imagine(seen, noise)
        strokes = self._strokes(trace, writes)
        if history:
            canvases = self.canvas.history(strokes, seen.filtered, crisp=bent)
        else:
            canvases = self.canvas(strokes, seen.filtered, crisp=bent)[:, None]
        return Drawings(
            canvases=canvases.unflatten(0, shape),
            write_windows=strokes.windows.unflatten(0, shape),
            read_windows=_looks(trace).unflatten(0, shape),
        )

    # ---------------------------------------------------------------- what is done once

    def _see(self, context: Tensor | None, x: Tensor | None = None) -> _Seen:
        """Looks at the whole context once; None means one blank exemplar (for each image of x)."""
        if context is None:
            weight, size = self.ink_sprite.weight, self.config.image_size
            batch = 1 if x is None else x.shape[0]
            context = torch.zeros(1, 1, self.likelihood.channels, size, size, device=weight.device, dtype=weight.dtype)
            context = context.expand(batch, -1, -1, -1, -1)
        batch, count = context.shape[:2]
        embedding = self.encode_context(context.flatten(0, 1)).unflatten(0, (batch, count)).mean(dim=1)
        exemplar = context.mean(dim=1)
        return _Seen(exemplar, embedding, self.canvas.filter(exemplar))

    def _writes(self, seen: _Seen, ink: Bool[Tensor, " batch"] | None = None) -> Bool[Tensor, " batch"]:
        """Which images get ink: all without an exemplar; with one, only the chosen images (None: all)."""
        blank = ~seen.exemplar.flatten(1).any(dim=1)
        return torch.ones_like(blank) if ink is None else blank | ink

    def _describe(
        self, x: Tensor, trace: Trace, for_prior: Tensor, writes: Tensor, filtered: Tensor
    ) -> tuple[Tensor, Gaussian]:
        """``log p(x | z, x')``, and the prior of all z_t."""
        prior = self.prior([trace.noticed, trace.before], for_prior[:, None])
        parameters = recomputed(self.recompute, self.canvas, self._strokes(trace, writes), filtered)
        return self.likelihood.log_prob(parameters, x), prior

    def _strokes(self, trace: Trace, writes: Bool[Tensor, " batch"]) -> Strokes:
        """What each step writes and where, for all steps."""
        config = self.config
        ink = at_least_float32(self.ink_sprite(trace.after)).unflatten(-1, (-1, config.patch, config.patch))
        bending = trace.after[:, : config.bends]
        return Strokes(
            ink=writes[:, None, None, None, None] * ink,
            bend=at_least_float32(self.bend_sprite(bending)).unflatten(-1, (2, config.control, -1)),
            gain=at_least_float32(self.gain(bending)),
            windows=compose(_looks(trace), self.move(trace.after)),
        )

    # ---------------------------------------------------------------- the loop over t

    def _step(self, given: _Given, state: State, eps: Tensor, plan: Tensor) -> tuple[State, Trace]:
        """Step t: what is noticed, z_t and h_t; see the module's documentation for the equations."""
        h = state.hidden
        look = self.look_context(h, plan)
        v = torch.cat([self._read(given.exemplar, look), look.flatten(1)], dim=1)
        if given.target is not None:
            own, beside = (self._read(given.target, window) for window in (self.look_target(h), look))
            head = self.posterior([own, beside, v, h], given.for_head)
        else:
            head = self.prior([v, h], given.for_head)
        z = head.sample(eps)
        after = self.core([z, v], given.for_core, state)
        return after, Trace(z, head.mean, head.log_std, v, h, after.hidden)

    def _read(self, image: Tensor, window: Tensor) -> Tensor:
        return read(image.to(window.dtype), window, self.config.patch).flatten(1)

    def _steps(self, given: _Given, state: State, noise: Tensor, plan: Tensor) -> tuple[State, Trace]:
        """Runs a group of steps; time is the first dimension."""
        return unrolled(partial(self._step, given), state, noise, plan)

    def _run(self, given: _Given, seen: _Seen, noise: Tensor) -> Trace:
        hidden, cell = at_least_float32(self.first_state(seen.embedding)).chunk(2, dim=-1)
        state, steps = State(torch.tanh(hidden), cell.contiguous()), partial(self.part("_steps"), given)
        return recur(steps, state, noise.transpose(0, 1), self.plan[: noise.shape[1]], recompute=self.recompute)[1]

    def _posterior(self, x: Tensor, seen: _Seen, noise: Tensor) -> Trace:
        """Draws z_1..z_T from the posterior of x; noise may hold several rows for each image."""
        # One network sees the target and the exemplar together, so that it can tell how far apart their strokes are.
        both = torch.cat([self.encode_target(torch.cat([x, seen.exemplar], dim=1)), seen.embedding], dim=-1)
        many = len(noise) // len(x)
        for_posterior = self.posterior.fixed(both).repeat_interleave(many, dim=0)
        x, seen = x.repeat_interleave(many, dim=0), seen.repeat(many)
        for_core = self.core.fixed(seen.embedding)
        return self._run(_Given(x, seen.exemplar, for_posterior, for_core), seen, noise)

    def _imagine(self, seen: _Seen, noise: Tensor) -> Trace:
        """Draws z_1..z_T from the prior; the context is the only image that it sees."""
        for_prior, for_core = (part.fixed(seen.embedding) for part in (self.prior, self.core))
        return self._run(_Given(None, seen.exemplar, for_prior, for_core), seen, noise)


def _looks(trace: Trace) -> Tensor:
    """Where each step read the exemplar, (batch, T, 2, 3): the last numbers of v_t."""
    return trace.noticed[..., -6:].unflatten(-1, (2, 3))
