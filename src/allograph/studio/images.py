"""Images in requests: decoded within the limits, and preprocessed for a model."""

from __future__ import annotations

__all__ = ["ExemplarLoader", "LRUCache", "decode", "image_format"]

import base64
import io
import re
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Generic, TypeVar

from PIL import Image

from allograph.errors import AllographError
from allograph.generation.generator import Writer
from allograph.imaging import Exemplar
from allograph.imaging.finding import find_in
from allograph.imaging.inspection import Inspection, inspect_ink, marked
from allograph.imaging.preprocessing import exemplar_of
from allograph.imaging.spaces import SymbolSpace
from allograph.studio.errors import RequestError
from allograph.studio.limits import Limits
from allograph.studio.schemas import ExemplarImage

Value = TypeVar("Value")

_NO_PICTURE = Image.new("RGB", (1, 1))

_FLAGS = re.compile(r"say --ink (\w+)(?: or (?:--ink )?(\w+))?")
"""How the command line's notes name the tone of the ink; here it is chosen."""


class LRUCache(Generic[Value]):
    """The most recently used values, `size` of them at most; threads may share it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[object, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object) -> Value | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def setdefault(self, key: object, value: Value) -> Value:
        """Keep a value unless there is one with this key; the one that is kept."""
        with self._lock:
            value = self._values.setdefault(key, value)
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
            return value


def decode(text: str, limits: Limits, name: str) -> bytes:
    """The bytes of an image in base64, which may be broken into lines; the image itself may still be damaged.

    Raises:
        RequestError: 400, the text is not base64; 413, the image has too many bytes or pixels.
    """
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        hint = ", without the prefix up to the comma" if text.startswith("data:") else ""
        raise RequestError(400, f"{name} is not base64; send the image file's bytes in base64{hint}") from error
    if len(data) > limits.image_bytes:
        raise RequestError(413, f"{name} has {len(data)} bytes, more than {limits.image_bytes}; scale it down")
    try:
        with Image.open(io.BytesIO(data)) as opened:
            pixels = opened.width * opened.height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        pixels = limits.image_pixels + 1
    except Exception:  # the decoder that reads it next says what is wrong
        return data
    if pixels > limits.image_pixels:
        most = limits.image_pixels // 1_000_000
        raise RequestError(413, f"{name} is too large; scale it down to {most} million pixels or fewer")
    return data


def image_format(data: bytes, name: str) -> str:
    """The format of an image file, such as PNG, after decoding the whole file.

    Raises:
        RequestError: 422, the file cannot be decoded.
    """
    from allograph.imaging.decoding import decode_picture

    try:
        decode_picture(data)
    except AllographError as error:
        raise RequestError(422, f"{name}: {error}") from error
    with Image.open(io.BytesIO(data)) as opened:
        return str(opened.format)


class ExemplarLoader:
    """Preprocesses images for a model and keeps the results, without the pictures, in a cache."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._cache: LRUCache[Exemplar] = LRUCache(limits.exemplars)

    def __call__(self, writer: Writer, given: ExemplarImage, name: str) -> Exemplar:
        """The exemplar of an image; `name` stands for the image in error messages.

        Raises:
            RequestError: 400, 413 or 422, the image cannot be used.
        """
        key = writer.sha256, given.key
        exemplar = self._cache.get(key)
        if exemplar is None:
            data = decode(given.image, self._limits, name)
            try:
                exemplar = writer.space.preprocess(data, given.ink)
            except AllographError as error:
                raise _refusal(error, name) from error
            self._keep(key, exemplar)
        return exemplar

    def inspect(self, writer: Writer, given: ExemplarImage) -> tuple[Inspection, Image.Image, Exemplar]:
        """What is found in an image, the image with its ink marked, and the exemplar, which is kept for later use.

        Raises:
            RequestError: 400, 413 or 422, there is no ink to be found, or the model does not look for any.
        """
        if not isinstance(writer.space, SymbolSpace):
            raise RequestError(400, "this model takes pictures as they are and looks for no ink in them")
        data = decode(given.image, self._limits, "the image")
        try:
            found = find_in(data, given.ink)
            exemplar = exemplar_of(found, writer.space.size, writer.space.placement)
        except AllographError as error:
            raise _refusal(error, "the image") from error
        self._keep((writer.sha256, given.key), exemplar)
        inspection = inspect_ink(found)
        notes = (_FLAGS.sub(_choose, note.removeprefix("the image: ")) for note in inspection.notes)
        return replace(inspection, notes=tuple(notes)), marked(found), exemplar

    def _keep(self, key: object, exemplar: Exemplar) -> None:
        self._cache.setdefault(key, replace(exemplar, picture=_NO_PICTURE))


def _refusal(error: AllographError, name: str) -> RequestError:
    return RequestError(422, _FLAGS.sub(_choose, str(error).replace("the image", name, 1)))


def _choose(flags: re.Match[str]) -> str:
    return "choose " + " or ".join(filter(None, flags.groups()))
