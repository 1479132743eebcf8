"""Images in requests: decoded within the limits, and preprocessed for a model."""

from __future__ import annotations

__all__ = ["ExemplarLoader", "LRUCache", "decode", "image_format"]

import base64
import io
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Generic, TypeVar

from PIL import Image

from allograph.errors import AllographError
from allograph.generation.generator import Writer
from allograph.imaging import Exemplar
from allograph.studio.errors import RequestError
from allograph.studio.limits import Limits
from allograph.studio.schemas import ExemplarImage

Value = TypeVar("Value")

_NO_PICTURE = Image.new("RGB", (1, 1))


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
                exemplar = replace(writer.space.preprocess(data, given.ink), picture=_NO_PICTURE)
            except AllographError as error:
                raise RequestError(422, str(error).replace("the image", name, 1)) from error
            self._cache.setdefault(key, exemplar)
        return exemplar
