"""Drawing anew as a transform of a training pipeline: an image in, a new drawing of the same symbol out."""

from __future__ import annotations

__all__ = ["Augment"]

import hashlib
from collections import OrderedDict, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image

from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.generation.generator import Ink, Writer

T = TypeVar("T")


class Augment:
    """A callable that draws what an image shows anew, with probability p; else the image comes back as it is.

    Takes a PIL image, an array (height, width[, channels]) or a tensor ([channels,] height, width), of bytes or of
    numbers from 0 to 1, and gives the same kind, mode, size and range. So it stands in a list of torchvision's v2
    transforms, in `datasets.Dataset.map` or in a data set's own `__getitem__`.

    The model draws a block ahead for each image and keeps what is left for the next time that the image comes; an image
    in which no ink is found comes back as it is. Each worker of a DataLoader loads the model when it first needs it and
    draws other random numbers than the others; the seed and, in workers, PyTorch's own seed fix them.

    Args:
        model: a known name, a weights file or a `Writer`.
        p: how likely a call draws anew.
        seed: of which drawings come, and when.
        temperature, guidance, ink: see `Writer.write`.
        ahead: drawings that are kept for one image; `images`: how many images they are kept for.

    Raises:
        AllographError: a setting that makes no sense; when called, a value that is no image.
    """

    def __init__(
        self,
        model: str | Path | Writer = "omniglot-bending",
        p: float = 0.5,
        *,
        seed: int = 0,
        temperature: float | None = None,
        guidance: float | None = None,
        ink: Ink = "auto",
        ahead: int = 16,
        images: int = 4096,
    ) -> None:
        if not 0 <= p <= 1:
            raise AllographError(f"p = {p} is no probability; take a number from 0 to 1")
        if ahead < 1 or images < 1:
            raise AllographError("ahead and images are counts; take at least 1")
        self.model, self.p, self.seed = model, p, seed
        self.temperature, self.guidance = temperature, guidance
        self.ink: Ink = ink
        self.ahead, self.images = ahead, images
        self._forget()

    def __call__(self, image: T) -> T:
        """The image, drawn anew or as it is."""
        if self._random().random() >= self.p:
            return image
        picture, back = _as_picture(image)
        drawing = self._next(picture)
        return image if drawing is None else back(drawing)

    def __repr__(self) -> str:
        return f"Augment(model={self.model!r}, p={self.p}, seed={self.seed})"

    def __getstate__(self) -> dict[str, Any]:
        """The settings alone: a worker has its own model, drawings and random numbers."""
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self) -> None:
        self._writer: Writer | None = None
        self._waiting: OrderedDict[str, tuple[deque[Image.Image], int]] = OrderedDict()
        self._generator: np.random.Generator | None = None
        self._process = -1

    def _random(self) -> np.random.Generator:
        """Random numbers of this process: of each worker others, also where the object was copied by a fork."""
        import os

        if self._generator is None or self._process != os.getpid():
            from torch.utils.data import get_worker_info

            worker = get_worker_info()
            self._generator = np.random.default_rng([self.seed, 0 if worker is None else worker.seed])
            self._process = os.getpid()
        return self._generator

    def _next(self, picture: Image.Image) -> Image.Image | None:
        """The next drawing after a picture; None where it shows no ink."""
        key = hashlib.sha256(repr((picture.size, picture.mode)).encode() + picture.tobytes()).hexdigest()
        drawings, turn = self._waiting.pop(key, (deque(), 0))
        if not drawings and turn >= 0:
            drawings, turn = self._drawn(picture, turn)
        self._waiting[key] = drawings, turn
        if len(self._waiting) > self.images:
            self._waiting.popitem(last=False)
        return drawings.popleft() if drawings else None

    def _drawn(self, picture: Image.Image, turn: int) -> tuple[deque[Image.Image], int]:
        """New drawings, and the number of the next turn; -1 where there are none to come."""
        import allograph
        from allograph.generation.generator import Writer

        if self._writer is None:
            loaded = self.model if isinstance(self.model, Writer) else allograph.load(self.model)
            self._writer = loaded.guided(self.guidance)
            self._writer.check_exemplar(self.ink)
        seed = int(self._random().integers(2**31))
        try:
            made = self._writer.write(picture, self.ahead, seed=seed, temperature=self.temperature, ink=self.ink)
        except AllographError:
            return deque(), -1
        return deque(made), turn + 1


def _as_picture(image: Any) -> tuple[Image.Image, Any]:
    """An image as PIL's, and what turns a drawing of its size back into its own kind."""
    if isinstance(image, Image.Image):
        return image, lambda drawing: drawing.convert(image.mode).resize(image.size)
    if isinstance(image, np.ndarray):
        channels_last, tensor = image, None
    else:
        import torch

        if not isinstance(image, torch.Tensor):
            raise AllographError(f"an image is a PIL image, an array or a tensor, not {type(image).__name__}")
        tensor = image
        values = image.detach().cpu().numpy()
        channels_last = np.moveaxis(values, 0, -1) if values.ndim == 3 else values
    single = channels_last.ndim == 3 and channels_last.shape[-1] == 1
    flat = channels_last[..., 0] if single else channels_last
    if flat.ndim not in (2, 3) or (flat.ndim == 3 and flat.shape[-1] not in (3, 4)):
        raise AllographError(f"an image of shape {tuple(image.shape)} cannot be drawn; it has 1, 3 or 4 channels")
    counted = np.issubdtype(flat.dtype, np.integer)
    levels = flat.astype(np.uint8) if counted else (flat.clip(0, 1) * 255).round().astype(np.uint8)
    picture = Image.fromarray(levels)

    def back(drawing: Image.Image) -> Any:
        made = np.asarray(drawing.convert(picture.mode).resize(picture.size))
        made = made[..., None] if single else made
        made = made.astype(channels_last.dtype) if counted else (made / 255).astype(channels_last.dtype)
        if tensor is None:
            return made
        import torch

        ordered = np.moveaxis(made, -1, 0) if made.ndim == 3 else made
        return torch.from_numpy(np.ascontiguousarray(ordered)).to(tensor.device, tensor.dtype)

    return picture, back
