"""DRAW: a recurrent auto-encoder whose encoder sees what the canvas still lacks.

For t = 1..T (h the hidden state of the decoder, g of the encoder, both LSTMs; c the canvas)

    x^_t = x - E[x | f_o(c_{t-1})]                               the error image
    r_t = read(x, x^_t; f_r(h_{t-1}))
    g_t = LSTM(g_{t-1}, r_t, h_{t-1})
    z_t ~ q(z_t | g_t) = N(mu(g_t), sigma(g_t)),   p(z_t) = N(0, I)
    h_t = LSTM(h_{t-1}, z_t)
    c_t = c_{t-1} + write(sprite(h_t), f_w(h_t))
    x ~ p(x | f_o(c_T))

Unlike in `allograph.models.sequential`, the canvas feeds back into the encoder through the error image, so writing must
stay inside the loop during inference. (During sampling it need not.)

Source: Gregor, Danihelka, Graves, Rezende, Wierstra, *DRAW: A Recurrent Neural Network For Image Generation*, 2015,
equations 3 to 8.
"""

from __future__ import annotations

__all__ = ["DrawConfig", "DrawModel"]

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal, NamedTuple, final

import torch
from torch import Tensor, nn

from allograph.attention import Attention, AttentionKind, WindowBounds, attention_of
from allograph.canvas import AdditiveCanvas
from allograph.likelihoods import LikelihoodConfig, likelihood_from_config
from allograph.limits import SIDE, STEPS, UNITS, require, require_room
from allograph.models.base import Drawings, GenerativeModel, Inference
from allograph.models.cells import Cell, Gaussian, State, at_least_float32
from allograph.models.recurrence import Trace, recur, unrolled


@dataclass(frozen=True)
class DrawConfig:
    """Everything that fixes the network.

    Attributes:
        image_size: side of the images in pixels.
        likelihood: observation model of the pixels, and their number of channels.
        steps: T, the paper's "glimpses".
        latent: dimensions of each z_t.
        hidden: units of each LSTM.
        attention: as in `allograph.models.sequential.SequentialConfig`; the paper uses ``gaussian`` and ``none``.
        read_patch, patch: N, sides of the patches that are read and written.
        bounds: bounds of the windows of spatial transformers.
        error_image: whether the encoder sees the error image as well as the image.
    """

    conditional: ClassVar[bool] = False
    copies_exemplar: ClassVar[bool] = False
    kind: Literal["draw"] = "draw"
    image_size: int = 28
    likelihood: LikelihoodConfig = field(default_factory=LikelihoodConfig)
    steps: int = 16
    latent: int = 16
    hidden: int = 256
    attention: AttentionKind = "gaussian"
    read_patch: int = 2
    patch: int = 5
    bounds: WindowBounds = field(default=WindowBounds(min_scale=0.15, max_scale=1.5, max_turn=1.0, max_shear=0.5))
    error_image: bool = True

    def __post_init__(self) -> None:
        require(self, image_size=SIDE, steps=STEPS, latent=UNITS, hidden=UNITS, read_patch=SIDE, patch=SIDE)
        side = max(self.image_size, self.read_patch, self.patch)
        require_room(self.steps, self.latent, self.likelihood.parameters_per_pixel * side**2)


class _Drawing(NamedTuple):
    """The state passed from step to step."""

    encoder: State
    decoder: State
    canvas: Tensor


@final
class DrawModel(GenerativeModel):
    """See the module's documentation for the equations; the model takes no context."""

    compilable = ("_steps",)

    def __init__(self, config: DrawConfig) -> None:
        super().__init__()
        self.config = config
        self.likelihood = likelihood_from_config(config.likelihood)
        channels, size, hidden = self.likelihood.channels, config.image_size, config.hidden

        def attention(patch: int) -> Attention:
            return attention_of(config.attention, hidden, size, patch, config.bounds, 0.7)

        self.look, self.placing = attention(config.read_patch), attention(config.patch)
        glimpse = (2 if config.error_image else 1) * channels * self.look.patch**2
        self.encoder = Cell(glimpse + hidden, 0, hidden)
        self.posterior = nn.Linear(hidden, 2 * config.latent)
        self.decoder = Cell(config.latent, 0, hidden)
        self.sprite = nn.Linear(hidden, self.likelihood.parameters_per_pixel * self.placing.patch**2)
        self.canvas = AdditiveCanvas(size, self.likelihood.parameters_per_pixel, self.likelihood.parameters_per_pixel)
        with torch.no_grad():
            self.posterior.weight.zero_()  # posterior = prior at first, so KL = 0
            self.posterior.bias.zero_()

    @property
    def noise_shape(self) -> tuple[int, int]:
        return self.config.steps, self.config.latent

    def initialise(self, mean: Tensor) -> None:
        self.canvas.begin_with(self.likelihood.bias(mean))

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor, *, ink: Tensor | None = None) -> Inference:
        self.refuse(context)
        x = x.repeat_interleave(len(noise) // len(x), dim=0)
        canvas = self.canvas.first.expand(len(x), -1, -1, -1)
        first = _Drawing(self._blank(noise), self._blank(noise), canvas.contiguous())
        steps = partial(self.part("_steps"), x, self._constants(noise))
        drawing, trace = recur(steps, first, noise.transpose(0, 1), recompute=self.recompute)
        zeros = torch.zeros_like(trace.latents)
        return Inference(
            log_likelihood=self.likelihood.log_prob(self.canvas.observe(drawing.canvas), x),
            latents=(trace.latents,),
            posterior=(trace.drawn_from,),
            prior=(Gaussian(zeros, zeros),),
        )

    def _step(
        self, x: Tensor, constants: tuple[Tensor, Tensor], drawing: _Drawing, eps: Tensor
    ) -> tuple[_Drawing, Trace]:
        """Step t of inference; see the module's documentation for the equations."""
        encoder, decoder, c = drawing
        h = decoder.hidden
        seen = [x, x - self.likelihood.mean(self.canvas.observe(c))] if self.config.error_image else [x]
        r = self.look.read(torch.cat(seen, dim=1), self.look(h)).flatten(1)
        encoder = self.encoder([r, h], constants[0], encoder)
        head = Gaussian.of(self.posterior(encoder.hidden))
        z = head.sample(eps)
        decoder = self.decoder([z], constants[1], decoder)
        c = c + self.placing.write(self._sprite(decoder.hidden), self.placing(decoder.hidden))
        return _Drawing(encoder, decoder, c), Trace(z, head.mean, head.log_std, r[:, :0], h, decoder.hidden)

    def _steps(
        self, x: Tensor, constants: tuple[Tensor, Tensor], drawing: _Drawing, noise: Tensor
    ) -> tuple[_Drawing, Trace]:
        """Runs a group of steps; time is the first dimension."""
        return unrolled(partial(self._step, x, constants), drawing, noise)

    def _constants(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The constant inputs of the cells of encoder and decoder: none."""
        nothing = noise.new_zeros(len(noise), 0)
        return self.encoder.fixed(nothing), self.decoder.fixed(nothing)

    def _draw(self, context: Tensor | None, noise: Tensor, *, history: bool, shown: bool, guidance: float) -> Drawings:
        shape, noise = noise.shape[:2], noise.flatten(0, 1)
        decoder, (_, constant), after = self._blank(noise), self._constants(noise), []
        for z in noise.unbind(dim=1):
            decoder = self.decoder([z], constant, decoder)
            after.append(decoder.hidden)
        hidden = torch.stack(after, dim=1)
        sprites, where = self._sprite(hidden), self.placing(hidden)
        if history:
            canvases = self.canvas.history(self.placing, sprites, where)
        else:
            canvases = self.canvas(self.placing, sprites, where)[:, None]
        windows = self.placing.outline(where).unflatten(0, shape)
        return Drawings(canvases=canvases.unflatten(0, shape), write_windows=windows, read_windows=windows[:, :, :0])

    def _blank(self, noise: Tensor) -> State:
        return State(*noise.new_zeros(2, len(noise), self.config.hidden).unbind(0))

    def _sprite(self, hidden: Tensor) -> Tensor:
        patch = self.placing.patch
        return at_least_float32(self.sprite(hidden)).unflatten(-1, (-1, patch, patch))
