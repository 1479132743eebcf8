"""The writer: one exemplar in, new drawings of its kind out, or drawings from nothing, without touching a file.

Drawing k of an exemplar depends on (weights, exemplar, seed, temperature, guidance, k) and on nothing else: not on how
many drawings are asked for, not on the other images of the call. Its noise follows from a hash of (seed, exemplar, k).
And because a matrix product may round differently at another number of rows, the model always draws a whole batch.
"""

from __future__ import annotations

__all__ = ["Ink", "Writer"]

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from allograph.card import GUIDANCE, TEMPERATURES, ModelCard
from allograph.errors import AllographError
from allograph.generation.publishing import Published
from allograph.generation.samples import BATCH_SIZE, SampleBatch, SampleRequest, check_amount
from allograph.weights import DEFAULT

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from PIL import Image

    from allograph.imaging import Exemplar, Picture, Space
    from allograph.models import Drawings, GenerativeModel

Ink = Literal["auto", "dark", "light"]
"""Which of an image's two tones is the ink; `auto` finds out."""


@dataclass(frozen=True)
class Writer(Published):
    """A model that makes new drawings after an exemplar, or from nothing; `allograph.load` makes it.

    Attributes:
        model: the generative model, on the CPU, in evaluation mode.
        card: its model card.
        sha256: hash of the weights file, which names the weights without doubt.
    """

    model: GenerativeModel
    card: ModelCard
    sha256: str

    @cached_property
    def images(self) -> str:
        """What the model was trained on, one of `allograph.imaging.spaces.IMAGES`: `images` in the card's `data`.

        A card that does not say so is taken at the likelihood's word: binary pixels are symbols, others grey or colour.
        """
        likelihood = self.model.likelihood
        binary = likelihood.binary and likelihood.channels == 1
        return self.card.data.images or ("symbols" if binary else "grey" if likelihood.channels == 1 else "colour")

    @property
    def guidance(self) -> float:
        """How closely exemplars are followed, see `allograph.models.guidance`."""
        return self.card.guidance

    def guided(self, guidance: float | None) -> Writer:
        """The same writer with another guidance; None leaves the card's.

        Raises:
            AllographError: out of range, or not of a model that can be guided.
        """
        if guidance is None:
            return self
        remedy = f"leave the guidance out, or take {DEFAULT}"
        if not self.model.can_be_guided:
            raise AllographError(f"this model's drawings cannot be guided: {remedy}")
        if guidance != 1 and self.card.blank == 0:
            raise AllographError(f"this model was never trained without exemplars (data.blank = 0): {remedy}")
        low, high = GUIDANCE
        if not low <= guidance <= high:
            raise AllographError(f"guidance {guidance} is out of range; take one of {low:g} to {high:g}")
        return replace(self, card=ModelCard.of({**self.card, "guidance": float(guidance)}))

    @cached_property
    def space(self) -> Space:
        """How pictures go into the model and drawings come out.

        Exemplars are binarised where those of the training were, at one half also where that was done at random.

        Raises:
            AllographError: the card says of the model's images what cannot be true.
        """
        from allograph.imaging import space_of

        size, channels = self.model.config.image_size, self.model.likelihood.channels
        try:
            return space_of(self.images, size, channels, binary=self.card.binarisation != "none")
        except ValueError as error:
            raise AllographError(f"the model's card does not fit the model ({error}); train the model again") from error

    @overload
    def write(
        self,
        image: Picture,
        n: int = 16,
        *,
        seed: int = 0,
        temperature: float | None = None,
        size: int | None = None,
        ink: Ink = "auto",
    ) -> list[Image.Image]: ...

    @overload
    def write(
        self,
        image: Sequence[Picture],
        n: int = 16,
        *,
        seed: int = 0,
        temperature: float | None = None,
        size: int | None = None,
        ink: Ink = "auto",
    ) -> list[list[Image.Image]]: ...

    def write(
        self,
        image: Picture | Sequence[Picture],
        n: int = 16,
        *,
        seed: int = 0,
        temperature: float | None = None,
        size: int | None = None,
        ink: Ink = "auto",
    ) -> list[Image.Image] | list[list[Image.Image]]:
        """Write n new drawings of what an image shows.

        Those of a symbol have the image's size, ink colour and background; those of a grey or colour picture have the
        size of its middle square, which is what the model sees.

        Args:
            image: a PIL image, an array (grey or colour), a file or its bytes; or a list of them, for a list of lists.
            n: number of drawings of each image.
            seed: same seed, same drawings.
            temperature: scale of the noise; below 1 the drawings vary less; None takes the weights' own choice.
            size: the longer side of the drawings in pixels; None keeps the image's size.
            ink: `dark` or `light` where the ink of a symbol is not found by itself.

        Raises:
            AllographError: the model takes no exemplar, an argument is out of range, or an image cannot be used.
        """
        self.check(n, temperature, size)
        self.check_exemplar(ink)
        if isinstance(image, Sequence) and not isinstance(image, str | bytes):
            return [self.write(one, n, seed=seed, temperature=temperature, size=size, ink=ink) for one in image]
        exemplar = self.space.preprocess(image, ink)
        return [
            exemplar.style.render(drawing, size)
            for batch in self.sample_batches(exemplar, n, seed=seed, temperature=temperature)
            for drawing in batch.drawings
        ]

    def invent(
        self,
        n: int = 16,
        *,
        like: Sequence[Picture] = (),
        seed: int = 0,
        temperature: float | None = None,
        size: int | None = None,
    ) -> list[Image.Image]:
        """Make n drawings after no exemplar, square, 256 pixels or `size` a side; see `write` for the arguments.

        With images of some symbols of an alphabet in `like`, in any order, they are new symbols of that alphabet.

        Raises:
            AllographError: an argument is out of range, the model has not learned from symbols of an alphabet, or an
                image cannot be used.
        """
        self.check(n, temperature, size)
        if len(like):
            self.check_like()
        taken = [self.space.preprocess(image) for image in like]
        return [
            self.space.plain.render(drawing, size)
            for batch in self.sample_batches(taken, n, seed=seed, temperature=temperature)
            for drawing in batch.drawings
        ]

    def sample_batches(
        self,
        exemplar: Exemplar | Sequence[Exemplar] | None,
        n: int,
        *,
        seed: int = 0,
        temperature: float | None = None,
        history: bool = False,
    ) -> Iterator[SampleBatch]:
        """The first n drawings after one exemplar, several or none, batch after batch; with every step's canvas if
        ``history``."""
        several = isinstance(exemplar, Sequence)
        exemplars = tuple(exemplar) if several else () if exemplar is None else (exemplar,)
        for first in range(0, n, BATCH_SIZE):
            request = SampleRequest(exemplars, seed, first)
            (batch,) = self.draw_batches([request], temperature=temperature, history=history)
            yield batch.first(n - first)

    def draw_batches(
        self, requests: Sequence[SampleRequest], *, temperature: float | None = None, history: bool = False
    ) -> list[SampleBatch]:
        """The batch of each request, all drawn at once; all have the same number of exemplars, which are looked at
        together. With other requests beside it, a batch is the same but for rounding."""
        import torch

        started = time.perf_counter()
        contexts = [[torch.from_numpy(exemplar.image) for exemplar in request.exemplars] for request in requests]
        context = torch.stack([torch.stack(images) for images in contexts]) if contexts[0] else None
        noise = torch.stack([request.noise(self.model.noise_shape) for request in requests])
        if context is None:  # one context, the blank one, for all
            noise = noise.flatten(0, 1)[None]
        drawn = self.draw(context, noise, temperature, history=history)
        shape = (len(requests), BATCH_SIZE)
        canvases = drawn.canvases.flatten(0, 1).unflatten(0, shape)
        writes, reads = (w.flatten(0, 1).unflatten(0, shape) for w in (drawn.write_windows, drawn.read_windows))
        seconds = time.perf_counter() - started
        parts = zip(canvases, writes, reads, strict=True)
        return [SampleBatch(self.values(c), write.numpy(), read.numpy(), seconds) for c, write, read in parts]

    def draw(
        self,
        context: Float[torch.Tensor, "batch count C S S"] | None,
        noise: Float[torch.Tensor, "batch n steps latent"],
        temperature: float | None = None,
        *,
        history: bool = False,
    ) -> Drawings:
        """Drawings as a person is shown them, guided as the card says (see `GenerativeModel.sample`)."""
        import torch

        temperature, guidance = self.temperature_for(temperature), 1.0 if context is None else self.guidance
        with torch.inference_mode():
            return self.model.sample(
                context, temperature=temperature, history=history, shown=True, guidance=guidance, noise=noise
            )

    def values(self, parameters: Float[torch.Tensor, "*batch P S S"]) -> Float[np.ndarray, "*batch C S S"]:
        """What `RenderStyle.render` takes: logits of ink, or mean intensities."""
        import torch

        likelihood = self.model.likelihood
        with torch.inference_mode():
            if not self.space.inked:
                return likelihood.mean(parameters).numpy()
            if likelihood.binary:
                return parameters.numpy()
            return likelihood.mean(parameters).logit(eps=1e-6).numpy()

    def check(self, n: int, temperature: float | None, size: int | None) -> None:
        """Refuse a number of drawings, a temperature or a size (pixels) that makes no sense."""
        check_amount(n, size)
        self.temperature_for(temperature)

    def check_exemplar(self, ink: Ink) -> None:
        """Refuse an exemplar that the model would not draw again, and a choice of ink where its images have none."""
        if not self.model.conditional:
            raise AllographError(
                "this model takes no exemplar; `allograph invent --model ...` makes drawings from nothing"
            )
        if self.card.exemplars == "family":
            raise AllographError(
                "this model makes new symbols of an alphabet from several of its symbols: use `allograph invent --like "
                "FOLDER`, or a model of single symbols"
            )
        self._check_ink(ink)

    def _check_ink(self, ink: Ink) -> None:
        if ink != "auto" and not self.space.inked:
            raise AllographError("this model's images are pictures, not ink on paper; do not choose an ink")

    def check_like(self, ink: Ink = "auto") -> None:
        """Refuse symbols of an alphabet where the model has not learned to make others, and ink as above."""
        if not self.model.conditional or self.card.exemplars != "family":
            raise AllographError(
                "this model has not learned to make new symbols from others of their alphabet: take omniglot-alphabet, "
                "train one of your own with --preset omniglot-alphabet, or leave out --like"
            )
        self._check_ink(ink)

    def check_growing(self) -> None:
        """Refuse an animation where the model draws all at once."""
        if self.model.noise_shape[0] == 1:
            raise AllographError("this model draws in a single step, so nothing grows; leave out --animate")

    def temperature_for(self, temperature: float | None) -> float:
        """The temperature to use: the one asked for, else the one on the model's card, else 1."""
        chosen = self.card.temperature if temperature is None else temperature
        low, high = TEMPERATURES
        if not low < chosen <= high:
            raise AllographError(f"temperature {chosen} is out of range; take one above {low:g}, {high:g} at most")
        return chosen
