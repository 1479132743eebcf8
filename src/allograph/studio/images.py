"""Images that clients send: decoded no further than the limits allow, and brought to a model's space once."""

from __future__ import annotations

__all__ = ["Intake", "Recent", "decode", "image_format"]

import base64
import binascii
import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from PIL import Image

from allograph.errors import AllographError
from allograph.generation.generator import Writer
from allograph.imaging import Exemplar
from allograph.studio.errors import RequestError
from allograph.studio.limits import Limits

Value = TypeVar("Value")

_NO_PICTURE = Image.new("RGB", (1, 1))


class Recent(Generic[Value]):
    """The values used last, so many of them; threads may share it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[object, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object) -> Value | None:
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: object, value: Value) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)


def decode(text: str, limits: Limits, name: str = "the image") -> bytes:
    """The bytes of an image in base64, whose size in bytes and in pixels is allowed; it may yet be damaged.

    Raises:
        RequestError: 400, no base64; 413, too large.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError(400, f"{name} is not in base64") from error
    if len(data) > limits.image_bytes:
        raise RequestError(413, f"{name} has {len(data)} bytes; {limits.image_bytes} are allowed: scale it down")
    try:
        with Image.open(io.BytesIO(data)) as opened:
            width, height = opened.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        width = height = limits.image_pixels
    except Exception:  # whatever is wrong with it, decoding will say so
        return data
    if width * height > limits.image_pixels:
        raise RequestError(413, f"{name} is too large; {limits.image_pixels // 1_000_000} million pixels are allowed")
    return data


def image_format(data: bytes, name: str) -> str:
    """The format of an image that can be decoded whole, such as PNG.

    Raises:
        RequestError: 422, it cannot.
    """
    from allograph.imaging.reading import read_source

    try:
        read_source(data)
    except AllographError as error:
        raise RequestError(422, f"{name}: {error}") from error
    with Image.open(io.BytesIO(data)) as opened:
        return str(opened.format)


class Intake:
    """Exemplars taken in by the models, each once while it is in use.

    Args:
        most: exemplars that are remembered, without their pictures.
    """

    def __init__(self, limits: Limits, most: int = 256) -> None:
        self._limits = limits
        self._known: Recent[Exemplar] = Recent(most)

    def __call__(self, writer: Writer, wanted: Mapping[str, Any], name: str) -> Exemplar:
        """The exemplar of a request's `{"image", "ink"}`, in the model's space, without its picture.

        Raises:
            RequestError: 400, 413 or 422, it cannot be used.
        """
        ink = wanted.get("ink", "auto")
        key = writer.sha256, ink, hashlib.sha256(wanted["image"].encode()).digest()
        if (known := self._known.get(key)) is not None:
            return known
        data = decode(wanted["image"], self._limits, name)
        try:
            exemplar = writer.space.take_in(data, ink)
        except AllographError as error:
            raise RequestError(422, str(error).replace("the image", name, 1)) from error
        exemplar = replace(exemplar, picture=_NO_PICTURE)
        self._known.put(key, exemplar)
        return exemplar
