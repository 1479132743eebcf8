"""How much one request may ask of the server, and how much all of them together."""

from __future__ import annotations

__all__ = ["Limits"]

from dataclasses import dataclass

_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """What is refused with 4xx beyond it, or for `waiting` with 503.

    Attributes:
        body_bytes: of a request.
        body_seconds: in which it must have come.
        image_bytes: of one image.
        image_pixels: of one image, known from its header before it is decoded.
        exemplars: given at once.
        drawings: made, or traced, at once.
        side: of a drawing that is sent as a file, pixels.
        classes: of a collection.
        collected: drawings in a collection.
        waiting: requests that are worked on or wait.
        rows: drawings in one batch of the model.
    """

    body_bytes: int = 16 * _MEBIBYTE
    body_seconds: float = 20.0
    image_bytes: int = 4 * _MEBIBYTE
    image_pixels: int = 16_000_000
    exemplars: int = 8
    drawings: int = 64
    side: int = 2048
    classes: int = 200
    collected: int = 2000
    waiting: int = 32
    rows: int = 128
