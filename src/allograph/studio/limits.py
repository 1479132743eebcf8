"""How much the server accepts from one request, and how much work and memory it spends on all of them."""

from __future__ import annotations

__all__ = ["Limits"]

from dataclasses import dataclass

_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits of a server; `schemas` has those that the API's description states.

    Attributes:
        body_bytes: size of a request's body; beyond it the answer is 413.
        body_seconds: time in which the body must arrive; beyond it the answer is 408.
        image_bytes: size of one image file; beyond it the answer is 413.
        image_pixels: pixels of one image, read from its header before decoding; beyond it the answer is 413.
        pending_requests: requests in progress or waiting; beyond it the answer is 503.
        batch_size: drawings that the model generates in one batch.
        drawing_sets: sets of drawings kept in memory, the most recently used ones.
        exemplars: preprocessed exemplars kept in memory, the most recently used ones.
    """

    body_bytes: int = 16 * _MEBIBYTE
    body_seconds: float = 20.0
    image_bytes: int = 4 * _MEBIBYTE
    image_pixels: int = 16_000_000
    pending_requests: int = 32
    batch_size: int = 128
    drawing_sets: int = 64
    exemplars: int = 256
