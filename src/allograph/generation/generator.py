"""The writer: makes new drawings from one exemplar, or from nothing, without touching a file.

Drawing k of an exemplar depends only on (weights, exemplar, seed, temperature, guidance, attempts, size variation, k),
not on the number of drawings, nor on other images of the call. Its noise follows from a hash of (seed, exemplar, k).
And because a matrix product may round differently with another number of rows, the model always draws a whole batch.
"""

from __future__ import annotations

__all__ = ["Ink", "Writer"]

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

import numpy as np

from allograph.errors import AllographError
from allograph.generation.adjusting import Adjusted
from allograph.generation.blank import without_blanks
from allograph.generation.complete import Completing
from allograph.generation.publishing import Published
from allograph.generation.samples import BATCH_SIZE, SampleBatch, SampleRequest, check_amount, noise_of

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from PIL import Image

    from allograph.card import ModelCard
    from allograph.imaging import Exemplar, Picture, Space
    from allograph.models import Drawings, GenerativeModel

Ink = Literal["auto", "dark", "light"]
"""Which of an image's two tones is the ink; `auto` finds out."""


class _Options(TypedDict, total=False):
    seed: int
    temperature: float | None
    size: int | None
    ink: Ink
    change: tuple[Picture, Picture] | None


@dataclass(frozen=True)
class Writer(Published, Adjusted, Completing):
    """A model that makes new drawings from an exemplar or from nothing; `allograph.load` returns one.

    Attributes:
        model: the generative model, on the CPU, in evaluation mode.
        card: the model card.
        sha256: hash of the weights file, which identifies the weights.
        attempts: how often at most a drawing after an exemplar is made, see `with_attempts`.
    """

    model: GenerativeModel
    card: ModelCard
    sha256: str

    @cached_property
    def images(self) -> str:
        """The kind of images that the model was trained on, one of `allograph.imaging.spaces.IMAGES`: `images` in the
        card's `data`.

        If the card does not say, the likelihood decides: binary pixels are symbols, others grey or colour.
        """
        likelihood = self.model.likelihood
        binary = likelihood.binary and likelihood.channels == 1
        return self.card.data.images or ("symbols" if binary else "grey" if likelihood.channels == 1 else "colour")

    @cached_property
    def space(self) -> Space:
        """How pictures go into the model and drawings come out.

        Exemplars are binarised if those of the training were; always at one half, even if the training did it at
        random.

        Raises:
            AllographError: what the card says about the model's images cannot be true.
        """
        from allograph.imaging import space_of

        size, channels = self.model.config.image_size, self.model.likelihood.channels
        try:
            return space_of(self.images, size, channels, binary=self.card.binarisation != "none")
        except ValueError as error:
            raise AllographError(f"the model's card does not fit the model ({error}); train the model again") from error

    @overload
    def write(self, image: Picture, n: int = 16, **options: Unpack[_Options]) -> list[Image.Image]: ...

    @overload
    def write(
        self, image: Sequence[Picture], n: int = 16, *, together: Literal[False] = False, **options: Unpack[_Options]
    ) -> list[list[Image.Image]]: ...

    @overload
    def write(
        self, image: Sequence[Picture], n: int = 16, *, together: Literal[True], **options: Unpack[_Options]
    ) -> list[Image.Image]: ...

    def write(
        self,
        image: Picture | Sequence[Picture],
        n: int = 16,
        *,
        seed: int = 0,
        temperature: float | None = None,
        size: int | None = None,
        ink: Ink = "auto",
        together: bool = False,
        change: tuple[Picture, Picture] | None = None,
    ) -> list[Image.Image] | list[list[Image.Image]]:
        """Write n new drawings of what an image shows.

        Drawings of a symbol have the image's size, ink colour and background. Drawings of a grey or colour picture have
        the size of its middle square, which is what the model sees.

        Args:
            image: a PIL image, an array (grey or colour), a file or its bytes; or a list of them, for a list of lists.
            n: number of drawings of each image.
            seed: 0 or more; same seed, same drawings.
            temperature: scale of the noise; below 1 the drawings vary less; None means the weights' own choice.
            size: the longer side of the drawings in pixels; None keeps the image's size.
            ink: `dark` or `light` if the ink of a symbol is not found automatically.
            together: the images of the list show one symbol: make n drawings after all of them, in the style of the
                first.
            change: two drawings of another symbol; the drawings differ from ``image`` as the second from the first.

        Raises:
            AllographError: the model takes no exemplar, an argument is out of range, or an image cannot be used.
        """
        self.check(n, temperature, size, seed)
        self.check_exemplar(ink)
        images: Sequence[Any] = [image]
        if isinstance(image, Sequence) and not isinstance(image, str | bytes):
            if not together:
                options: _Options = {
                    "seed": seed,
                    "temperature": temperature,
                    "size": size,
                    "ink": ink,
                    "change": change,
                }
                return [self.write(one, n, **options) for one in image]
            self.check_together(len(image))
            images = image
        exemplars = [self.space.preprocess(one, ink) for one in images]
        changed = self.changed(change, ink)
        return [
            style.render(drawing, size)
            for batch in self.sample_batches(exemplars, n, seed=seed, temperature=temperature, change=changed)
            for drawing, style in batch.styled(exemplars[0].style)
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
        """Make n square drawings from nothing, with a side of 256 pixels or `size`; see `write` for the arguments.

        With images of some symbols of an alphabet in `like`, in any order, make new symbols of that alphabet.

        Raises:
            AllographError: an argument is out of range, the model has not learned from symbols of an alphabet, or an
                image cannot be used.
        """
        self.check(n, temperature, size, seed)
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
        change: tuple[Exemplar, Exemplar] | None = None,
    ) -> Iterator[SampleBatch]:
        """The first n drawings from one exemplar, several or none, batch by batch; with every step's canvas if
        ``history``; for ``change`` see `SampleRequest`."""
        several = isinstance(exemplar, Sequence)
        exemplars = tuple(exemplar) if several else () if exemplar is None else (exemplar,)
        for first in range(0, n, BATCH_SIZE):
            request = SampleRequest(exemplars, seed, first, change=change)
            (batch,) = self.draw_batches([request], temperature=temperature, history=history)
            yield batch.first(n - first)

    def draw_batches(
        self, requests: Sequence[SampleRequest], *, temperature: float | None = None, history: bool = False
    ) -> list[SampleBatch]:
        """The batch of each request, all drawn at once. All requests have the same number of exemplars, which the model
        sees together; all have a change, or none. Other requests change a batch only by rounding."""
        import torch

        started = time.perf_counter()
        contexts = [[torch.from_numpy(exemplar.image) for exemplar in request.exemplars] for request in requests]
        context = torch.stack([torch.stack(images) for images in contexts]) if contexts[0] else None
        noise = torch.stack([noise_of(self.model, request) for request in requests])
        if context is None:  # one blank context for all
            noise = noise.flatten(0, 1)[None]
        # The noise of a change makes the change, so there is no other.
        writer = replace(self, attempts=1) if any(request.change for request in requests) else self
        drawn = writer.draw(context, noise, temperature, history=history)
        shape = (len(requests), BATCH_SIZE)
        canvases = drawn.canvases.flatten(0, 1).unflatten(0, shape)
        writes, reads = (w.flatten(0, 1).unflatten(0, shape) for w in (drawn.write_windows, drawn.read_windows))
        seconds = time.perf_counter() - started
        heat = self.temperature_for(temperature)
        sizes = (request.sizes(self.card.size_variation, heat) for request in requests)
        parts = zip(canvases, writes, reads, sizes, strict=True)
        batches = [SampleBatch(self.values(c), w.numpy(), r.numpy(), own, seconds) for c, w, r, own in parts]
        options = {"temperature": temperature, "history": history}
        return [without_blanks(self, *pair, **options) for pair in zip(batches, requests, strict=True)]

    def draw(
        self,
        context: Float[torch.Tensor, "batch count C S S"] | None,
        noise: Float[torch.Tensor, "batch n steps latent"],
        temperature: float | None = None,
        *,
        history: bool = False,
    ) -> Drawings:
        """Drawings for people to look at, with the card's guidance (see `GenerativeModel.sample`). After exemplars,
        drawings with other numbers of parts or holes are made again (`allograph.generation.rejection`)."""
        import torch

        temperature, guidance = self.temperature_for(temperature), 1.0 if context is None else self.guidance

        def sample(context: torch.Tensor | None, noise: torch.Tensor) -> Drawings:
            return self.model.sample(
                context, temperature=temperature, history=history, shown=True, guidance=guidance, noise=noise
            )

        with torch.inference_mode():
            if context is None or self.adjusted["attempts"] == 1:
                return sample(context, noise)
            from allograph.generation.rejection import draw_with_rejection

            def ink(drawn: Drawings) -> torch.Tensor:
                return self.model.likelihood.mean(drawn.parameters).squeeze(2) > 0.5

            return draw_with_rejection(sample, ink, context, noise, self.attempts)

    def values(self, parameters: Float[torch.Tensor, "*batch P S S"]) -> Float[np.ndarray, "*batch C S S"]:
        """The values that `RenderStyle.render` takes: logits of ink, or mean intensities."""
        import torch

        likelihood = self.model.likelihood
        with torch.inference_mode():
            if not self.space.inked:
                return likelihood.mean(parameters).numpy()
            if likelihood.binary:
                return parameters.numpy()
            return likelihood.mean(parameters).logit(eps=1e-6).numpy()

    def check(self, n: int, temperature: float | None, size: int | None, seed: int = 0) -> None:
        """Refuse a number of drawings, a temperature, a size (pixels) or a seed that makes no sense."""
        if seed < 0:
            raise AllographError(f"seed {seed} is negative; choose 0 or more")
        check_amount(n, size)
        self.temperature_for(temperature)
