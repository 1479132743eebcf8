"""The writer: one exemplar in, new drawings of its kind out, or drawings from nothing, without touching a file.

Drawing k of an exemplar depends on (weights, exemplar, seed, temperature, guidance, k) and on nothing else: not on how
many drawings are asked for, not on the other images of the call. Its noise follows from a hash of (seed, exemplar, k).
And because a matrix product may round differently at another number of rows, the model always draws a whole block.
"""

from __future__ import annotations

__all__ = ["Ink", "Writer"]

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from allograph.card import GUIDANCE, TEMPERATURES
from allograph.errors import AllographError
from allograph.generation.blank import ATTEMPTS, are_blank
from allograph.generation.samples import BLOCK, Block, Wish
from allograph.weights import DEFAULT, exemplars_of

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from PIL import Image

    from allograph.imaging import Exemplar, Picture, Space
    from allograph.models import Drawings, GenerativeModel

Ink = Literal["auto", "dark", "light"]
"""Which of an image's two tones is the ink; `auto` finds out."""

_DRAWINGS = range(1, 100_001)
_SIZES = range(8, 8193)


@dataclass(frozen=True)
class Writer:
    """A model that makes new drawings after an exemplar, or from nothing; `allograph.load` makes it.

    Attributes:
        model: the generative model, on the CPU, in evaluation mode.
        card: its model card.
        sha256: hash of the weights file, which names the weights without doubt.
    """

    model: GenerativeModel
    card: Mapping[str, Any]
    sha256: str

    @cached_property
    def images(self) -> str:
        """What the model was trained on, one of `allograph.imaging.spaces.IMAGES`: `images` in the card's `data`.

        A card that does not say so is taken at the likelihood's word: binary pixels are symbols, others grey or colour.
        """
        from allograph.likelihoods import Bernoulli

        likelihood = self.model.likelihood
        binary = isinstance(likelihood, Bernoulli) and likelihood.channels == 1
        unsaid = "symbols" if binary else "grey" if likelihood.channels == 1 else "colour"
        return str(self.card.get("data", {}).get("images", unsaid))

    @property
    def guidance(self) -> float:
        """How closely exemplars are followed, the card's ``guidance``; see `allograph.models.guidance`."""
        return float(self.card.get("guidance", 1.0))

    def guided(self, guidance: float | None) -> Writer:
        """The same writer with another guidance; None leaves the card's.

        Raises:
            AllographError: out of range, or not of a model that can be guided.
        """
        from allograph.models import SequentialModel

        if guidance is None:
            return self
        remedy = f"leave the guidance out, or take {DEFAULT}"
        if not (isinstance(self.model, SequentialModel) and self.model.can_be_guided):
            raise AllographError(f"this model's drawings cannot be guided: {remedy}")
        if guidance != 1 and self.card.get("settings", {}).get("data", {}).get("blank") == 0:
            raise AllographError(f"this model was never trained without exemplars (data.blank = 0): {remedy}")
        low, high = GUIDANCE
        if not low <= guidance <= high:
            raise AllographError(f"guidance {guidance} is out of range; take one of {low:g} to {high:g}")
        return replace(self, card={**self.card, "guidance": float(guidance)})

    @cached_property
    def space(self) -> Space:
        """How pictures go into the model and drawings come out.

        Exemplars are binarised where those of the training were, at one half also where that was done at random.

        Raises:
            AllographError: the card says of the model's images what cannot be true.
        """
        from allograph.imaging import space_of

        binarisation = self.card.get("settings", {}).get("data", {}).get("binarisation", "none")
        size, channels = self.model.config.image_size, self.model.likelihood.channels
        try:
            return space_of(self.images, size, channels, binary=binarisation != "none")
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
        together: Literal[False] = False,
    ) -> list[list[Image.Image]]: ...

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
        together: Literal[True],
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
    ) -> list[Image.Image] | list[list[Image.Image]]:
        """Write n new drawings of what an image shows.

        Those of a symbol have the image's size, ink colour and background; those of a grey or colour picture have the
        size of its middle square, which is what the model sees.

        Args:
            image: a PIL image, an array (grey or colour), a file or its bytes; or a list of them, for a list of lists.
            n: number of drawings of each image.
            seed: 0 or more; same seed, same drawings.
            temperature: scale of the noise; below 1 the drawings vary less; None takes the weights' own choice.
            size: the longer side of the drawings in pixels; None keeps the image's size.
            ink: `dark` or `light` where the ink of a symbol is not found by itself.
            together: the images of the list show one symbol: n drawings after all of them, with the first one's looks.

        Raises:
            AllographError: the model takes no exemplar, an argument is out of range, or an image cannot be used.
        """
        self.check(n, temperature, size, seed)
        self.check_exemplar(ink)
        images: Sequence[Any] = [image]
        if isinstance(image, Sequence) and not isinstance(image, str | bytes):
            if not together:
                return [self.write(one, n, seed=seed, temperature=temperature, size=size, ink=ink) for one in image]
            self.check_together(len(image))
            images = image
        exemplars = [self.space.preprocess(one, ink) for one in images]
        return [
            exemplars[0].style.render(drawing, size)
            for block in self.blocks(exemplars, n, seed=seed, temperature=temperature)
            for drawing in block.drawings
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

        With images of some symbols of an alphabet in `like`, they are new symbols of that alphabet; in which order the
        images come does not matter.

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
            for block in self.blocks(taken, n, seed=seed, temperature=temperature)
            for drawing in block.drawings
        ]

    def blocks(
        self,
        exemplar: Exemplar | Sequence[Exemplar] | None,
        n: int,
        *,
        seed: int = 0,
        temperature: float | None = None,
        history: bool = False,
    ) -> Iterator[Block]:
        """The first n drawings after one exemplar, several or none, see `Wish`, block after block; with every step's
        canvas if `history`."""
        several = isinstance(exemplar, Sequence)
        exemplars = tuple(exemplar) if several else () if exemplar is None else (exemplar,)
        for first in range(0, n, BLOCK):
            (block,) = self.draw_blocks([Wish(exemplars, seed, first)], temperature=temperature, history=history)
            yield block.first(n - first)

    def draw_blocks(
        self, wishes: Sequence[Wish], *, temperature: float | None = None, history: bool = False
    ) -> list[Block]:
        """The whole block of each wish, all in one batch; all have the same number of exemplars.

        Several exemplars are looked at together. With other wishes beside it a block is the same but for
        rounding.
        """
        import torch

        started = time.perf_counter()
        contexts = [[torch.from_numpy(exemplar.image) for exemplar in wish.exemplars] for wish in wishes]
        context = torch.stack([torch.stack(images) for images in contexts]) if contexts[0] else None
        noise = torch.stack([wish.noise(self.model.noise_shape) for wish in wishes])
        if context is None:  # one context, the blank one, for all
            noise = noise.flatten(0, 1)[None]
        drawn = self.draw(context, noise, temperature, history=history)
        shape = (len(wishes), BLOCK)
        canvases = drawn.canvases.flatten(0, 1).unflatten(0, shape)
        writes, reads = (w.flatten(0, 1).unflatten(0, shape) for w in (drawn.write_windows, drawn.read_windows))
        seconds = time.perf_counter() - started
        blocks = [
            Block(self.values(canvases[i]), writes[i].numpy(), reads[i].numpy(), seconds) for i in range(len(wishes))
        ]
        return [
            self._without_blanks(block, wish, temperature, history) for block, wish in zip(blocks, wishes, strict=True)
        ]

    def _without_blanks(self, block: Block, wish: Wish, temperature: float | None, history: bool) -> Block:
        """The block with every drawing that shows no ink, or a lone speck, made again from the next noise of its own
        (`Wish.again`): drawing k still follows from its seed and k alone. Pictures have no ink and stay as they are."""
        exemplars = [exemplar.image for exemplar in wish.exemplars]
        if not self.space.inked or not (blank := are_blank(block.drawings, exemplars)).any():
            return block
        if wish.again >= ATTEMPTS:
            return block
        (other,) = self.draw_blocks([replace(wish, again=wish.again + 1)], temperature=temperature, history=history)
        return block.replaced(blank, other)

    def draw(
        self,
        context: Float[torch.Tensor, "batch count C S S"] | None,
        noise: Float[torch.Tensor, "batch n steps latent"],
        temperature: float | None = None,
        *,
        history: bool = False,
    ) -> Drawings:
        """Drawings as a person is shown them: samples of the latents.

        A model that bends its exemplar shows it bent, crisp, nothing written beside it. Exemplars are followed as
        closely as the card's ``guidance`` says.
        """
        import torch

        from allograph.models import BendingModel, SequentialModel

        temperature = self.temperature_for(temperature)
        with torch.inference_mode():
            if isinstance(self.model, BendingModel) and self.model.bends_ink and context is not None:
                return self.model.sample(
                    context, temperature=temperature, ink=False, crisp=True, history=history, noise=noise
                )
            if isinstance(self.model, SequentialModel) and context is not None:
                return self.model.sample(
                    context, temperature=temperature, history=history, noise=noise, guidance=self.guidance
                )
            return self.model.sample(context, temperature=temperature, history=history, noise=noise)

    def values(self, parameters: Float[torch.Tensor, "*batch P S S"]) -> Float[np.ndarray, "*batch C S S"]:
        """What `RenderStyle.render` takes, of the likelihood's parameters: logits of ink, or mean intensities."""
        import torch

        from allograph.likelihoods import Bernoulli

        likelihood = self.model.likelihood
        with torch.inference_mode():
            if not self.space.inked:
                return likelihood.mean(parameters).numpy()
            if isinstance(likelihood, Bernoulli):
                return parameters.numpy()
            return likelihood.mean(parameters).logit(eps=1e-6).numpy()

    def check(self, n: int, temperature: float | None, size: int | None, seed: int = 0) -> None:
        """Refuse a number of drawings, a temperature, a size (pixels) or a seed that makes no sense."""
        if seed < 0:
            raise AllographError(f"seed {seed} is negative; take one from 0 on")
        if n not in _DRAWINGS:
            raise AllographError(f"{n} drawings cannot be made; ask for {_DRAWINGS[0]} to {_DRAWINGS[-1]}")
        if size is not None and size not in _SIZES:
            raise AllographError(
                f"drawings of {size} pixels cannot be made; take a size of {_SIZES[0]} to {_SIZES[-1]}"
            )
        self.temperature_for(temperature)

    def check_exemplar(self, ink: Ink) -> None:
        """Refuse an exemplar where the model takes none or would not draw it again, and a choice of ink where its
        images have none."""
        if not self.model.conditional:
            raise AllographError(
                "this model takes no exemplar; `allograph invent --model ...` makes drawings from nothing"
            )
        if exemplars_of(self.card) == "family":
            raise AllographError(
                "this model makes new symbols of an alphabet from several of its symbols: use `allograph invent --like "
                "FOLDER`, or a model of single symbols"
            )
        self._check_ink(ink)

    def check_together(self, count: int) -> None:
        """Refuse several exemplars of one symbol at once where the model has only ever seen one."""
        if not count:
            raise AllographError("no image is named; hand in at least one")
        contexts = self.card.get("settings", {}).get("data", {}).get("contexts", (1,))
        if count > 1 and max(contexts) < 2:
            raise AllographError(
                "this model has learned from one exemplar at a time: take omniglot-28-fewshot, train one with several "
                "data.contexts, or leave out --together"
            )

    def _check_ink(self, ink: Ink) -> None:
        if ink != "auto" and not self.space.inked:
            raise AllographError("this model's images are pictures, not ink on paper; do not choose an ink")

    def check_like(self, ink: Ink = "auto") -> None:
        """Refuse symbols of an alphabet where the model has not learned to make others from them, and a choice of ink
        where its images have none."""
        if not self.model.conditional or exemplars_of(self.card) != "family":
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
        chosen = float(self.card.get("temperature", 1.0)) if temperature is None else temperature
        low, high = TEMPERATURES
        if not low < chosen <= high:
            raise AllographError(f"temperature {chosen} is out of range; take one above {low:g}, {high:g} at most")
        return chosen
