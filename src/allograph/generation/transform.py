"""A transform for training pipelines: with some probability, a new drawing in place of the image.

The first time that a process meets an image, it finds the symbol and makes a block of 16 drawings, which takes seconds.
After that, a call only copies a drawing. Images are identified by their pixels, not by their objects, so a file that is
decoded again in every epoch is recognised.
"""

from __future__ import annotations

__all__ = ["Augment"]

import hashlib
import os
import random
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from allograph.errors import AllographError
from allograph.generation.generator import Ink, Writer
from allograph.generation.pixels import Seen, see
from allograph.generation.samples import BATCH_SIZE, SampleRequest, check_amount
from allograph.weights import DEFAULT

if TYPE_CHECKING:
    from allograph.imaging import Exemplar


@dataclass
class _Remembered:
    """One image's drawings: the existing ones, by number, and the numbers still to come in this round.

    If the image cannot be drawn, there is a reason instead of an exemplar.
    """

    exemplar: Exemplar | None
    reason: str = ""
    made: dict[int, np.ndarray] = field(default_factory=dict)
    coming: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Approximate size in bytes."""
        picture = 0 if self.exemplar is None else self.exemplar.picture.width * self.exemplar.picture.height * 4
        return 1000 + picture + sum(drawing.nbytes for drawing in self.made.values())


class Augment:
    """With probability p, a new drawing of the symbol that an image shows; else the image itself.

    A PIL image gives a PIL image of the same size and mode; an array (h, w[, C]) or a tensor ([C, ]h, w) gives one of
    the same shape, type and device; in a batch of tensors (..., C, h, w) each is drawn by itself. Ink and paper are the
    image's own. So it works anywhere in a chain of torchvision's transforms, v2 included: further arguments, such as
    labels, pass through, but boxes and masks do not follow the drawing. In a mapping, as from Hugging Face's `map`,
    `with_transform` and torchvision's samples, it replaces ``key``, one image or a list of them.

    Drawing k of an image is `Writer.write(image, seed=seed or 0)[k]`. Each is shown once, in random order, before one
    comes again.

    Anything that cannot be drawn is passed on unchanged: an image without a symbol, an empty or damaged one, None. The
    first one in a process gives a warning; the others are silent, so one blank image never ends a training that has run
    for hours. Mistakes of the program, such as an image of six channels, are errors at the first call. A model that
    cannot be loaded is an error when this object is made.

    Cost. The first call for an image takes seconds (finding the symbol, then making a block of 16 drawings). Every
    further call is a hash and a copy, until the whole block was shown and the next one is made. ``memory`` bounds the
    drawings that are kept; the least recently used ones go first. `DataLoader` ends its workers after each epoch, and
    their drawings are lost: pass ``persistent_workers=True``, or call `prepare` before, whose drawings all workers
    have.

    Seeds. Without workers, the results follow from ``seed`` or, if that is None, from torch's own seed. A worker of a
    `DataLoader` mixes in its own seed, which torch draws for each worker and epoch. So workers differ, epochs differ,
    and `torch.manual_seed`, or the loader's ``generator``, makes the results repeatable.

    Workers get this object without the model and load it when they first need it.

    Args:
        model: a name or a file as for `allograph.load`, or a `Writer`, which workers then receive whole.
        p: the probability, 0 to 1.
        drawings: number of different drawings of each image, rounded up to a multiple of 16.
        seed: see above.
        temperature, guidance, ink: as in `Writer.write` and `Writer.guided`.
        key: the key of a mapping's image or images.
        memory: millions of bytes of drawings that a process keeps, without those of `prepare`.

    Raises:
        AllographError: when this object is made: an argument is out of range, or the model cannot be loaded or takes no
            exemplar.
    """

    def __init__(
        self,
        model: Writer | Path | str = DEFAULT,
        p: float = 0.5,
        *,
        drawings: int = 64,
        seed: int | None = None,
        temperature: float | None = None,
        guidance: float | None = None,
        ink: Ink = "auto",
        key: str = "image",
        memory: int = 512,
    ) -> None:
        if not 0 <= p <= 1:
            raise AllographError(f"p = {p} is not a probability; choose one from 0 to 1")
        if memory < 1:
            raise AllographError(f"memory = {memory} is too small; it is at least 1 (million bytes)")
        check_amount(drawings, None)
        self.model, self.p, self.drawings, self.seed = model, p, drawings, seed
        self.temperature, self.guidance, self.key, self.memory = temperature, guidance, key, memory
        self.ink: Ink = ink
        self._prepared: dict[bytes, _Remembered] = {}
        self._begin()
        writer = self._loaded()
        writer.check(drawings, temperature, None)
        writer.check_exemplar(ink)

    def _begin(self) -> None:
        """The state that each process has of its own."""
        self._writer: Writer | None = None
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._bytes = self._calls = 0
        self._process: tuple[object, ...] = ()
        self._stream = ""
        self._warned = False
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_") or name == "_prepared"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def __repr__(self) -> str:
        model = self.model if isinstance(self.model, str | Path) else self.model.sha256[:12]
        return f"Augment(model={str(model)!r}, p={self.p}, drawings={self.drawings}, seed={self.seed})"

    def __call__(self, image: Any, *others: Any) -> Any:
        """The image, or a new drawing of it; with further arguments, a tuple that returns these unchanged."""
        result = self._any(image)
        return (result, *others) if others else result

    def prepare(self, images: Iterable[Any]) -> Augment:
        """Make all drawings of these images now, so that no call has to; returns this object.

        Each image takes the memory of `drawings` images. They go to workers with this object, and `memory` does not
        bound them. Images without a symbol are remembered, too.
        """
        for image in images:
            try:
                picture = see(image).picture
            except AllographError:
                continue
            digest = _digest(picture)
            if digest in self._prepared:
                continue
            entry = self._prepared[digest] = self._take(picture)
            if entry.exemplar is not None:
                for start in range(0, self.drawings, BATCH_SIZE):
                    self._make(entry, start, picture.mode)
        return self

    def _any(self, image: Any) -> Any:
        if isinstance(image, Mapping):
            if self.key not in image:
                raise KeyError(f"there is no {self.key!r} among {', '.join(map(repr, image))}: choose with key=")
            value = image[self.key]
            new = [self._any(one) for one in value] if isinstance(value, list | tuple) else self._any(value)
            return {**image, self.key: new}
        if getattr(image, "ndim", 0) > 3 and hasattr(image, "new_empty"):  # a batch of tensors
            import torch

            rows = [self._any(row) for row in image]
            return torch.stack(rows).as_subclass(type(image)) if rows else image
        with self._lock:
            return self._one(image)

    def _one(self, image: Any) -> Any:
        try:
            seen = see(image)
        except AllographError as error:
            return self._pass_on(image, error)
        digest = _digest(seen.picture)
        chance = self._chance(digest)
        if chance.random() >= self.p:
            return image
        try:
            return self._drawn(seen, digest, chance)
        except AllographError as error:
            return self._pass_on(image, error)

    def _drawn(self, seen: Seen, digest: bytes, chance: random.Random) -> Any:
        entry = self._entry(seen.picture, digest)
        if entry.exemplar is None:
            raise AllographError(entry.reason)
        if not entry.coming:
            starts = list(range(0, self.drawings, BATCH_SIZE))
            chance.shuffle(starts)
            for start in starts:  # a block as a whole, so that the next is made as late as can be
                entry.coming += chance.sample(range(start, start + BATCH_SIZE), BATCH_SIZE)
        number = entry.coming.pop(0)
        if number not in entry.made:
            before = entry.size
            self._make(entry, number - number % BATCH_SIZE, seen.picture.mode)
            self._bytes += entry.size - before
            self._forget()
        return seen.back(Image.fromarray(entry.made[number]))

    def _entry(self, picture: Image.Image, digest: bytes) -> _Remembered:
        """What is known about a picture, which becomes the most recently used one."""
        if digest in self._prepared:
            return self._prepared[digest]
        if digest not in self._remembered:
            self._remembered[digest] = self._take(picture)
            self._bytes += self._remembered[digest].size
            self._forget()
        self._remembered.move_to_end(digest)
        return self._remembered[digest]

    def _forget(self) -> None:
        """Drops the least recently used drawings if there are too many, but never those of the last image."""
        while self._bytes > self.memory * 1_000_000 and len(self._remembered) > 1:
            _, entry = self._remembered.popitem(last=False)
            self._bytes -= entry.size

    def _take(self, picture: Image.Image) -> _Remembered:
        writer = self._loaded()
        if not writer.space.inked and picture.width != picture.height:
            return _Remembered(None, "this model draws square pictures")
        try:
            return _Remembered(writer.space.preprocess(picture, self.ink))
        except AllographError as error:
            return _Remembered(None, str(error))

    def _make(self, entry: _Remembered, start: int, mode: str) -> None:
        """Make the block of drawings that starts with this number."""
        assert entry.exemplar is not None
        request = SampleRequest((entry.exemplar,), self.seed or 0, start)
        (batch,) = self._loaded().draw_batches([request], temperature=self.temperature)
        for number, (values, style) in enumerate(batch.styled(entry.exemplar.style), start):
            entry.made[number] = np.asarray(style.render(values).convert(mode))

    def _loaded(self) -> Writer:
        if self._writer is None:
            import allograph

            writer = self.model if isinstance(self.model, Writer) else allograph.load(self.model)
            self._writer = writer.guided(self.guidance)
        return self._writer

    def _chance(self, digest: bytes) -> random.Random:
        """The random numbers of this call, which follow from the seeds, the number of the call and the image."""
        import torch
        from torch.utils.data import get_worker_info

        worker = get_worker_info()
        process = (os.getpid(), None if worker is None else worker.seed)
        if process != self._process:
            self._process, self._calls = process, 0
            if worker is not None:
                self._stream = f"{self.seed} {worker.seed}"
            else:
                self._stream = str(int(torch.randint(2**62, ())) if self.seed is None else self.seed)
            for entry in (*self._prepared.values(), *self._remembered.values()):
                entry.coming.clear()
        self._calls += 1
        return random.Random(f"{self._stream} {self._calls} {digest.hex()}")

    def _pass_on(self, image: Any, error: AllographError) -> Any:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"an image is passed on unchanged, like all others that cannot be drawn: {error}",
                UserWarning,
                stacklevel=5,
            )
        return image


def _digest(picture: Image.Image) -> bytes:
    """Equal for equal pixels."""
    about = f"{picture.mode} {picture.size} ".encode()
    return hashlib.blake2b(about + picture.tobytes(), digest_size=16).digest()
