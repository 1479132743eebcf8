"""The paper's sequential generative model: T steps of looking, deciding and writing.

Generative model, for t = 1..T (x' the context, if any, h the hidden state of an LSTM, c the hidden canvas)

    v_t = read(x', look_t),  look_t = f_a(h_{t-1})                          the context, by attention
    z_t ~ N(0, I)  or  N(mu_p(h_{t-1}, v_t, e'), sigma_p(h_{t-1}, v_t, e')) standard or learned prior
    h_t = LSTM(h_{t-1}, z_t, v_t, e')                                       e' = embedding of x'
    c_t = c_{t-1} + write(sprite(h_t), f_b(h_t)),  or gated                 the canvas
    x ~ p(x | f_o(c_T))

and inference: ``r_t = read(x, f_r(h_{t-1}))``, ``z_t ~ N(mu(r_t, h_{t-1}, v_t, e, e'), sigma(...))``, e an embedding of
x. Both embeddings are ours and optional (``embedding = 0``); everything else is the paper's.

With ``context_by = "inference"`` (also ours) the model knows an exemplar by what it would have done to draw it: first
it infers z' and h' from x', without context, then attention recalls v_t from them
(`allograph.models.exemplar_attention`). The model sees nothing else of x'.

The canvas never feeds back into h. So the loop over t holds only reading, the posterior and the LSTM
(`SequentialModel._step`); sprites, their writing, the prior, the KL terms and the likelihood are computed once, batched
over all T.

Source: Rezende et al., *One-Shot Generalization in Deep Generative Models*, 2016, equations 3 to 10.
"""

from __future__ import annotations

__all__ = ["SequentialConfig", "SequentialModel"]

from functools import partial
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from allograph.attention import Attention, WholeImage, attention_of
from allograph.canvas import AdditiveCanvas, GatedCanvas
from allograph.likelihoods import likelihood_from_config
from allograph.models.base import Drawings, GenerativeModel, Inference
from allograph.models.cells import Cell, Constants, Gaussian, GaussianHead, State, at_least_float32, prior_of
from allograph.models.encoders import ImageEncoder
from allograph.models.exemplar_attention import ExemplarAttention, ExemplarView, Memory
from allograph.models.guidance import guided
from allograph.models.recurrence import GROUP, Trace, recomputed, recur, unrolled
from allograph.models.sequential_config import SequentialConfig


class _Given(NamedTuple):
    """The inputs that all steps share."""

    target: Tensor | None
    """x; None where z is drawn from the prior."""
    exemplar: Tensor
    memory: Memory | None
    for_head: Tensor
    """The part of the posterior (without x, of the prior) that does not change with t."""
    for_core: Tensor
    """The part of the LSTM's input that does not change with t."""
    guidance: float | None = None


@final
class SequentialModel(GenerativeModel):
    """See the module's documentation for the equations."""

    compilable = ("_steps", "_describe")

    def __init__(self, config: SequentialConfig) -> None:
        super().__init__()
        self.config = config
        self.likelihood = likelihood_from_config(config.likelihood)
        channels, size, hidden = self.likelihood.channels, config.image_size, config.hidden

        def attention(patch: int) -> Attention:
            return attention_of(config.attention, hidden, size, patch, config.bounds, 0.7, config.windows)

        read_patch = config.read_patch or config.patch
        self.look_target, self.placing = attention(read_patch), attention(config.patch)
        patch, numbers = self.placing.patch, self.placing.numbers
        glimpse = config.windows * channels * self.look_target.patch**2 + numbers
        # Without attention the glimpse is the same image at every step, so it is multiplied once, like embeddings.
        moving, still = (glimpse, 0) if numbers else (0, glimpse)
        noticed, for_context = 0, 0
        self.can_be_guided = config.context and config.prior == "learned"
        self.infers_context = config.context and config.context_by == "inference"
        if self.infers_context:
            noticed = config.embedding
            self.recall = ExemplarAttention(config.latent, hidden, config.steps, config.embedding, config.heads)
        elif config.context:
            self.look_context = attention(read_patch)
            noticed, for_context = moving, still + config.embedding
        if config.embedding:
            seen = 2 * channels if config.context and not self.infers_context else channels
            self.encode_target = ImageEncoder(size, seen, config.encoder_width, config.embedding)
        if config.context and config.embedding and not self.infers_context:
            self.encode_context = ImageEncoder(size, channels, config.encoder_width, config.embedding)
        self.first_state = Constants(for_context, 2 * hidden, bias=True)
        for_posterior = still + config.embedding + for_context
        self.posterior = GaussianHead(moving + noticed + hidden, for_posterior, config.decision, config.latent)
        self.prior = prior_of(config.prior, noticed + hidden, for_context, config.decision, config.latent)
        self.core = Cell(config.latent + noticed, for_context, hidden)
        self.sprite = nn.Linear(hidden, config.windows * config.canvas_channels * patch**2)
        canvas = AdditiveCanvas if config.canvas == "additive" else GatedCanvas
        self.canvas = canvas(size, config.canvas_channels, self.likelihood.parameters_per_pixel)
        if config.canvas == "gated":  # step after step: a graph of all T would take too long to compile
            self.compilable = ("_steps",)

    # ---------------------------------------------------------------- the contract

    @property
    def noise_shape(self) -> tuple[int, int]:
        return self.config.steps, self.config.latent

    def initialise(self, mean: Tensor) -> None:
        self.canvas.begin_with(self.likelihood.bias(mean))

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor, *, ink: Tensor | None = None) -> Inference:
        many = len(noise) // len(x)
        seen = self._see(context, len(x))
        trace = self._posterior(x, seen, noise)
        for_prior = self.prior.fixed(seen.constant).repeat_interleave(many, dim=0)
        x = x.repeat_interleave(many, dim=0)
        log_likelihood, prior = self.part("_describe")(x, trace, for_prior)
        return Inference(log_likelihood, (trace.latents,), (trace.drawn_from,), (prior,))

    def _draw(self, context: Tensor | None, noise: Tensor, *, history: bool, shown: bool, guidance: float) -> Drawings:
        seen, shape = self._see(context, 1), noise.shape[:2]
        trace = self._imagine(seen.repeat(shape[1]), noise.flatten(0, 1), guidance)
        where = self.placing(trace.after)
        if history:
            canvases = self.canvas.history(self.placing, self._sprites(trace), where)
        else:
            canvases = self._observed(trace, where)[:, None]
        if self.infers_context:
            looks = seen.looks.repeat_interleave(shape[1], dim=0)
        elif self.conditional:
            looks = trace.noticed[..., trace.noticed.shape[-1] - self.placing.numbers :]
        else:
            looks = where[:, :0]
        return Drawings(
            canvases=canvases.unflatten(0, shape),
            write_windows=self.placing.outline(where).unflatten(0, shape),
            read_windows=self.placing.outline(looks).unflatten(0, shape),
        )

    # ---------------------------------------------------------------- what is done once

    def _see(self, context: Tensor | None, batch: int) -> ExemplarView:
        """Looks at the whole context once; None means one blank exemplar for each image."""
        like, size, channels = self.canvas.first, self.config.image_size, self.likelihood.channels
        unseen = context is None
        if context is None:
            context = like.new_zeros(1, 1, channels, size, size).expand(batch, -1, -1, -1, -1)
        elif not self.conditional:
            self.refuse(context)
        exemplar, nothing = context.mean(dim=1), like.new_zeros(len(context), self.config.steps, 0)
        if not self.conditional:
            return ExemplarView(exemplar, nothing[:, 0], None, nothing)
        if self.infers_context and unseen:  # nothing to recall
            return ExemplarView(exemplar, nothing[:, 0], None, like.new_zeros(len(context), 0, self.placing.numbers))
        if self.infers_context:
            return self._see_by_inference(context)
        parts = [self._still(exemplar)]
        if self.config.embedding:
            parts.append(self.encode_context(context.flatten(0, 1)).unflatten(0, context.shape[:2]).mean(dim=1))
        return ExemplarView(exemplar, torch.cat(parts, dim=-1), None, nothing)

    def _see_by_inference(self, context: Tensor) -> ExemplarView:
        """z' is the mean of each exemplar's posterior. Inference learns only from targets: no gradient flows into it
        here."""
        images, shape = context.flatten(0, 1), context.shape[:2]
        which = torch.arange(len(images), device=images.device)
        if not torch.is_grad_enabled():  # many drawings often share one exemplar, but seldom in training
            images, which = torch.unique(images, dim=0, return_inverse=True)
        with torch.no_grad():
            # With reserved space, as many exemplars at a time as there are targets, so that tensors have one shape.
            groups = images.split(len(images) if self.room is None else len(context))
            traces = zip(*map(self._infer_alone, groups), strict=True)
            latents, before = (torch.cat(part)[which].unflatten(0, shape) for part in traces)
            looks = self.look_target(before[:, 0])
            done = torch.cat([latents, before], dim=-1)
        memory = self.recall.memory(done, context.flatten(2).any(dim=2), self.room)
        return ExemplarView(context.mean(dim=1), looks[:, 0, :0], memory, looks)

    def _infer_alone(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """z and h_{t-1} of all steps, for images without any context."""
        nothing = images.new_zeros(len(images), self.config.steps, 0)
        alone = ExemplarView(torch.zeros_like(images), nothing[:, 0], None, nothing)
        trace = self._posterior(images, alone, images.new_zeros(len(images), *self.noise_shape))
        return trace.latents, trace.before

    def _still(self, image: Tensor) -> Tensor:
        """The part of an image's glimpse that is the same at every step: the whole image without attention, nothing
        with it."""
        return image.flatten(1)[:, : 0 if self.placing.numbers else None]

    def _for_posterior(self, x: Tensor, seen: ExemplarView) -> Tensor:
        """The part of the posterior that does not change with t."""
        parts = [self._still(x), seen.constant]
        if self.config.embedding:
            # One network sees the target and the exemplar together, so that it can tell how they differ.
            together = self.conditional and not self.infers_context
            shown = torch.cat([x, seen.exemplar], dim=1) if together else x
            parts.append(self.encode_target(shown))
        return self.posterior.fixed(torch.cat(parts, dim=-1))

    def _describe(self, x: Tensor, trace: Trace, for_prior: Tensor) -> tuple[Tensor, Gaussian]:
        """``log p(x | z, x')``, and the prior of all z_t."""
        prior = self.prior([trace.noticed, trace.before], for_prior[:, None])
        return self.likelihood.log_prob(self._observed(trace, self.placing(trace.after)), x), prior

    def _observed(self, trace: Trace, where: Tensor) -> Tensor:
        """``f_o(c_T)``."""
        if isinstance(self.placing, WholeImage) and isinstance(self.canvas, AdditiveCanvas):
            # All sprites cover the whole image, so their sum is taken before the linear map: one sprite, not T.
            sprite = F.linear(trace.after.sum(dim=1), self.sprite.weight, self.config.steps * self.sprite.bias)
            return self.canvas.after(at_least_float32(sprite).unflatten(-1, self.canvas.first.shape))
        if not (self.recompute and isinstance(self.canvas, AdditiveCanvas)):
            return self.canvas(self.placing, self._sprites(trace), where)
        # A few steps at a time, so that only the windows of their sprites are in memory.
        parts = zip(self._sprites(trace).split(GROUP, dim=1), where.split(GROUP, dim=1), strict=True)
        written = [recomputed(True, self.placing.write_all, *part) for part in parts]
        return self.canvas.after(torch.stack(written).sum(dim=0))

    def _sprites(self, trace: Trace) -> Tensor:
        """What each step writes, for all steps."""
        patch = self.placing.patch
        return at_least_float32(self.sprite(trace.after)).unflatten(-1, (-1, patch, patch))

    # ---------------------------------------------------------------- the loop over t

    def _step(self, given: _Given, state: State, eps: Tensor, order: Tensor) -> tuple[State, Trace]:
        """Step t: what is noticed, z_t and h_t; see the module's documentation for the equations."""
        h = state.hidden
        v = self._notice(given, h, order)
        if given.target is not None:
            r = self._glimpse(self.look_target, given.target, h)
            head = self.posterior([r, v, h], given.for_head)
        else:
            head = self.prior([v, h], given.for_head)
            if given.guidance is not None:
                head = guided(head, given.guidance)
        z = head.sample(eps)
        after = self.core([z, v], given.for_core, state)
        return after, Trace(z, head.mean, head.log_std, v, h, after.hidden)

    def _notice(self, given: _Given, h: Tensor, order: Tensor) -> Tensor:
        """v_t: what the step recalls of the exemplars, or reads of them and where."""
        if self.infers_context:
            return self.recall(h, order, given.memory)
        return self._glimpse(self.look_context, given.exemplar, h) if self.conditional else h[:, :0]

    def _glimpse(self, attention: Attention, image: Tensor, h: Tensor) -> Tensor:
        """What is read of an image, and where; nothing without attention, since that glimpse does not change with t."""
        if not attention.numbers:
            return h[:, :0]
        where = attention(h)
        return torch.cat([attention.read(image, where).flatten(1), where], dim=1)

    def _steps(self, given: _Given, state: State, noise: Tensor, order: Tensor) -> tuple[State, Trace]:
        """Runs a group of steps; time is the first dimension."""
        return unrolled(partial(self._step, given), state, noise, order)

    def _run(self, given: _Given, seen: ExemplarView, noise: Tensor) -> Trace:
        hidden, cell = at_least_float32(self.first_state(seen.constant)).chunk(2, dim=-1)
        order = self.recall.order.transpose(0, 1) if self.infers_context else noise.new_zeros(noise.shape[1], 0)
        steps = partial(self.part("_steps"), given)
        state = State(torch.tanh(hidden), cell.contiguous())
        return recur(steps, state, noise.transpose(0, 1), order, recompute=self.recompute)[1]

    def _posterior(self, x: Tensor, seen: ExemplarView, noise: Tensor) -> Trace:
        """Draws z_1..z_T from the posterior of x; noise may hold several rows for each image."""
        many = len(noise) // len(x)
        for_posterior = self._for_posterior(x, seen).repeat_interleave(many, dim=0)
        x, seen = x.repeat_interleave(many, dim=0), seen.repeat(many)
        for_core = self.core.fixed(seen.constant)
        return self._run(_Given(x, seen.exemplar, seen.memory, for_posterior, for_core), seen, noise)

    def _imagine(self, seen: ExemplarView, noise: Tensor, guidance: float) -> Trace:
        """Draws z_1..z_T from the prior, guided or not; the context is the only image that it sees."""
        if guidance == 1:
            return self._run(self._given_prior(seen), seen, noise)
        rows, both = len(noise), seen.beside(self._see(None, len(seen.exemplar)))
        trace = self._run(self._given_prior(both)._replace(guidance=guidance), both, noise.repeat(2, 1, 1))
        return Trace(*(part[:rows] for part in trace))

    def _given_prior(self, seen: ExemplarView) -> _Given:
        for_prior, for_core = self.prior.fixed(seen.constant), self.core.fixed(seen.constant)
        return _Given(None, seen.exemplar, seen.memory, for_prior, for_core)
