"""The sequential generative model of the paper: T steps of looking, deciding and writing.

Generative model, for t = 1..T (x' the context where there is one, h the hidden state of an LSTM, c the hidden canvas)

    v_t = read(x', look_t),  look_t = f_a(h_{t-1})                          the context, by attention
    z_t ~ N(0, I)  or  N(mu_p(h_{t-1}, v_t, e'), sigma_p(h_{t-1}, v_t, e')) standard or learned prior
    h_t = LSTM(h_{t-1}, z_t, v_t, e')                                       e' = embedding of x'
    c_t = c_{t-1} + write(sprite(h_t), f_b(h_t)),  or gated                 the canvas
    x ~ p(x | f_o(c_T))

and inference: ``r_t = read(x, f_r(h_{t-1}))``, ``z_t ~ N(mu(r_t, h_{t-1}, v_t, e, e'), sigma(...))``, e an embedding of
x. Both embeddings are ours and optional (``embedding = 0``); everything else is the paper's.

With ``context_by = "inference"`` (ours, too) the exemplar is known by what the model itself would have done to draw it:
z' and h' are inferred from x' first, without context, and v_t is recalled from them by attention
(`allograph.models.exemplar_attention`); nothing else is seen of x'.

The canvas never feeds back into h. So the loop over t holds only reading, the posterior and the LSTM; sprites, their
writing, the prior, the KL terms and the likelihood are computed once, batched over all T.

Source: Rezende et al., *One-Shot Generalization in Deep Generative Models*, 2016, equations 3 to 10.
"""

from __future__ import annotations

__all__ = ["SequentialConfig", "SequentialModel"]

from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from allograph.attention import Attention, WholeImage, attention_of
from allograph.canvas import AdditiveCanvas, GatedCanvas
from allograph.likelihoods import likelihood_from_config
from allograph.models.base import Drawings, GenerativeModel, Inference
from allograph.models.cells import Cell, Constants, Gaussian, GaussianHead, State, prior_of
from allograph.models.encoders import ImageEncoder
from allograph.models.exemplar_attention import ExemplarAttention, Memory
from allograph.models.guidance import View, guided
from allograph.models.products import Linear, linear
from allograph.models.sequential_config import SequentialConfig
from allograph.models.stepping import Glances, recomputed, recurrence

_TOGETHER = 4
"""Steps that write at once where memory is short."""


class _Seen(NamedTuple):
    """The exemplars, and what is computed from them once."""

    images: Float[Tensor, "batch count channel size size"]
    constant: Float[Tensor, "batch features"]
    """What does not change with t: their embedding; without attention their pixels too."""
    memory: Memory | None
    """What was done to them, where they are known by inference."""
    looks: Float[Tensor, "batch steps numbers"]
    """Where the model looked at the first of them then."""

    def repeat(self, times: int) -> _Seen:
        """For so many rows each; a memory serves any number of them."""
        images, constant, looks = (
            part.repeat_interleave(times, dim=0) for part in (self.images, self.constant, self.looks)
        )
        return _Seen(images, constant, self.memory, looks)


class _Trace(NamedTuple):
    """What the loop leaves behind, stacked over steps: (batch, T, ...)."""

    latents: Tensor
    before: Tensor
    """h_{t-1}"""
    after: Tensor
    """h_t"""
    noticed: Tensor
    """v_t and look_t; nothing without context"""


@final
class SequentialModel(GenerativeModel):
    """See the module's documentation for the equations."""

    def __init__(self, config: SequentialConfig) -> None:
        super().__init__()
        self.config = config
        self.likelihood = likelihood_from_config(config.likelihood)
        channels, size, hidden = self.likelihood.channels, config.image_size, config.hidden

        def attention() -> Attention:
            return attention_of(config.attention, hidden, size, config.patch, config.bounds, 0.7)

        self.look_target, self.placing = attention(), attention()
        patch, numbers = self.placing.patch, self.placing.numbers
        glimpse = channels * patch**2 + numbers
        # Without attention a glimpse is the image at every step: multiplied once, like embeddings.
        moving, still = (glimpse, 0) if numbers else (0, glimpse)
        noticed, for_context = 0, 0
        self.infers_context = config.context and config.context_by == "inference"
        if self.infers_context:
            noticed = config.embedding
            self.recall = ExemplarAttention(config.latent, hidden, config.steps, config.embedding, config.heads)
        elif config.context:
            self.look_context = attention()
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
        self.sprite = Linear(hidden, config.canvas_channels * patch**2)
        canvas = AdditiveCanvas if config.canvas == "additive" else GatedCanvas
        self.canvas = canvas(size, config.canvas_channels, self.likelihood.parameters_per_pixel)

    # ---------------------------------------------------------------- the contract

    @property
    def conditional(self) -> bool:
        return self.config.context

    @property
    def can_be_guided(self) -> bool:
        """Whether there is a prior that exemplars change (`allograph.models.guidance`)."""
        return self.conditional and self.config.prior == "learned"

    @property
    def noise_shape(self) -> tuple[int, int]:
        return self.config.steps, self.config.latent

    def initialise(self, mean: Tensor) -> None:
        self.canvas.begin_with(self.likelihood.bias(mean))

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor) -> Inference:
        many = len(noise) // len(x)
        seen = self._see(context, len(x))
        trace, posterior = self._posterior(x, seen, noise)
        for_prior = self.prior.constant(seen.constant).repeat_interleave(many, dim=0)
        prior = self.prior([trace.noticed, trace.before], for_prior[:, None])
        parameters = self._observed(trace, self.placing(trace.after))
        return Inference(
            log_likelihood=self.likelihood.log_prob(parameters, x.repeat_interleave(many, dim=0)),
            latents=(trace.latents,),
            posterior=(posterior,),
            prior=(prior,),
        )

    def sample(
        self,
        context: Tensor | None = None,
        *,
        n: int = 1,
        temperature: float = 1.0,
        history: bool = False,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        guidance: float = 1.0,
    ) -> Drawings:
        """See `GenerativeModel.sample`; and ``guidance``: how closely the exemplars are followed, 1 as the model says
        (`allograph.models.guidance`). ValueError for another one of a model without exemplars or learned prior."""
        seen = self._see(context, 1)
        noise = self.sampling_noise(len(seen.images), n, noise, generator)
        shape, heated = noise.shape[:2], temperature * noise.flatten(0, 1)
        shown = seen.repeat(shape[1])
        trace = self._imagine(shown, heated) if guidance == 1 else self._imagine_guided(shown, heated, guidance)
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

    def _see(self, context: Tensor | None, batch: int) -> _Seen:
        """Looks at the whole context once; None is one blank exemplar for each image."""
        like, size, channels = self.canvas.first, self.config.image_size, self.likelihood.channels
        unseen = context is None
        if context is None:
            context = like.new_zeros(1, 1, channels, size, size).expand(batch, -1, -1, -1, -1)
        elif not self.conditional:
            self.refuse(context)
        nothing = like.new_zeros(len(context), self.config.steps, 0)
        if not self.conditional:
            return _Seen(context, nothing[:, 0], None, nothing)
        if self.infers_context and unseen:  # nothing to recall
            return _Seen(context, nothing[:, 0], None, like.new_zeros(len(context), 0, self.placing.numbers))
        if self.infers_context:
            return self._see_by_inference(context)
        parts = [self._still(context.flatten(0, 1))]
        if self.config.embedding:
            parts.append(self.encode_context(context.flatten(0, 1)))
        return _Seen(context, torch.cat(parts, dim=-1).unflatten(0, context.shape[:2]).mean(dim=1), None, nothing)

    def _see_by_inference(self, context: Tensor) -> _Seen:
        """z' is the mean of each exemplar's posterior. Inference learns from targets alone: no gradient goes there."""
        images, shape = context.flatten(0, 1), context.shape[:2]
        which = torch.arange(len(images), device=images.device)
        if not torch.is_grad_enabled():  # one exemplar is often that of many drawings; seldom in training
            images, which = torch.unique(images, dim=0, return_inverse=True)
        none = images.new_zeros(len(images), self.config.steps, 0)
        with torch.no_grad():
            alone = _Seen(images[:, None], none[:, 0], None, none)
            trace, _ = self._posterior(images, alone, images.new_zeros(len(images), *self.noise_shape))
            looks = self.look_target(trace.before)[which].unflatten(0, shape)[:, 0]
            done = torch.cat([trace.latents, trace.before.to(trace.latents.dtype)], dim=-1)[which]
        memory = self.recall.memory(done.unflatten(0, shape), context.flatten(2).any(dim=2), trace.latents.dtype)
        return _Seen(context, looks[:, 0, :0], memory, looks)

    def _still(self, image: Tensor) -> Tensor:
        """The glimpse of an image that is the same at every step: all of it without attention, nothing with."""
        return image.flatten(1)[:, : 0 if self.placing.numbers else None]

    def _for_posterior(self, x: Tensor, seen: _Seen) -> Tensor:
        """What the posterior makes of what does not change with t."""
        parts = [self._still(x), seen.constant]
        if self.config.embedding:
            # One network sees target and exemplar together, so that it can tell how they differ.
            together = self.conditional and not self.infers_context
            shown = torch.cat([x, seen.images.mean(dim=1)], dim=1) if together else x
            parts.append(self.encode_target(shown))
        return self.posterior.constant(torch.cat(parts, dim=-1))

    def _observed(self, trace: _Trace, where: Tensor) -> Tensor:
        """``f_o(c_T)``."""
        if isinstance(self.placing, WholeImage) and isinstance(self.canvas, AdditiveCanvas):
            # Sprites are added where they are, so the sum over t is taken before the linear map: one sprite, not T.
            total = trace.after.to(trace.latents.dtype).sum(dim=1)
            sprite = linear(total, self.sprite.weight, self.config.steps * self.sprite.bias)
            return self.canvas.after(sprite.to(total.dtype).unflatten(-1, self.canvas.first.shape))
        if not (self.recompute and isinstance(self.canvas, AdditiveCanvas)):
            return self.canvas(self.placing, self._sprites(trace), where)
        # Sprites of a few steps at a time, so that only their windows are in memory.
        parts = zip(self._sprites(trace).split(_TOGETHER, dim=1), where.split(_TOGETHER, dim=1), strict=True)
        written = [recomputed(True, self.placing.write_all, *part) for part in parts]
        return self.canvas.after(torch.stack(written).sum(dim=0))

    def _sprites(self, trace: _Trace) -> Tensor:
        """What all steps write."""
        patch = self.placing.patch
        return self.sprite(trace.after).to(trace.latents.dtype).unflatten(-1, (-1, patch, patch))

    # ---------------------------------------------------------------- the loop over t

    def _first(self, seen: _Seen) -> State:
        hidden, cell = self.first_state(seen.constant).chunk(2, dim=-1)
        return State(torch.tanh(hidden), cell)

    def _posterior(self, x: Tensor, seen: _Seen, noise: Tensor) -> tuple[_Trace, Gaussian]:
        """z_1..z_T from the posterior of x, and that posterior; noise may hold several rows for each image."""
        many = len(noise) // len(x)
        for_posterior = self._for_posterior(x, seen).repeat_interleave(many, dim=0)
        attentions, images = [self.look_target], x[:, None]
        if self.conditional and not self.infers_context:
            attentions, images = [*attentions, self.look_context], torch.cat([images, seen.images], dim=1)
        images, seen = images.repeat_interleave(many, dim=0), seen.repeat(many)
        return self._run(self.posterior, for_posterior, seen, noise, attentions, images)

    def _imagine(self, seen: _Seen, noise: Tensor) -> _Trace:
        """z_1..z_T from the prior; no image is seen but the context."""
        prior = self.prior if isinstance(self.prior, GaussianHead) else None
        attentions = [self.look_context] if self.conditional and not self.infers_context else []
        return self._run(prior, self.prior.constant(seen.constant), seen, noise, attentions, seen.images)[0]

    def _imagine_guided(self, seen: _Seen, noise: Tensor, guidance: float) -> _Trace:
        """The same, guided."""
        if not (self.can_be_guided and isinstance(self.prior, GaussianHead)):
            raise ValueError(f"guidance = {guidance} takes a model with exemplars and a learned prior")
        glances_of = Glances([] if self.infers_context else [self.look_context])

        def view(seen: _Seen) -> View:
            def notice(t: int, hidden: Tensor) -> Tensor:
                return self._noticed(t, hidden, seen, glances_of(hidden, seen.images))

            constants = self.prior.constant(seen.constant), self.core.constant(seen.constant)
            return View(notice, *constants, self._first(seen))

        blank = self._see(None, 1).repeat(len(noise))
        return _Trace(*guided(self.prior, self.core, view(seen), view(blank), noise, guidance))

    def _noticed(self, t: int, hidden: Tensor, seen: _Seen, glances: Tensor) -> Tensor:
        """v_t: what is recalled, or what was read, and where, of all exemplars on average."""
        if self.infers_context:
            return self.recall(t, hidden, seen.memory)
        return glances[:, -1] if self.conditional else hidden[:, :0]

    def _run(
        self,
        decision: GaussianHead | None,
        for_decision: Tensor,
        seen: _Seen,
        noise: Tensor,
        attentions: list[Attention],
        images: Tensor,
    ) -> tuple[_Trace, Gaussian]:
        """The loop, and what z_t is drawn from. One window after the other is given to the images, the last one to all
        that are left, the exemplars."""
        config = self.config
        loop = recurrence(
            config.steps, decision, for_decision, self.core, self.core.constant(seen.constant), config.latent
        )
        state = self._first(seen)
        glances_of = Glances(attentions)
        steps = []

        def advance(t: int, hidden: Tensor, cell: Tensor, eps: Tensor, carrier: Tensor | None) -> tuple[Tensor, ...]:
            glances = glances_of(hidden, images)
            noticed = self._noticed(t, hidden, seen, glances)
            private = glances[:, 0] if loop.private else hidden[:, :0]
            return *loop(t, private, noticed, State(hidden, cell), eps, carrier), noticed

        with torch.autocast(noise.device.type, enabled=False):
            hidden, cell = (part.to(noise.dtype) for part in state)
            for t, (eps, carrier) in enumerate(zip(noise.unbind(dim=1), loop.carriers(), strict=True)):
                before = hidden
                latent, mean, log_std, hidden, cell, noticed = recomputed(
                    self.recompute, advance, t, hidden, cell, eps, carrier
                )
                steps.append((mean, log_std, latent, before, hidden, noticed))
            mean, log_std, *rest = (torch.stack(part, dim=1) for part in zip(*steps, strict=True))
        return _Trace(*rest), Gaussian(mean, log_std)
