"""The error that ends a request with a 4xx or 503 answer."""

from __future__ import annotations

__all__ = ["RequestError"]

from starlette.exceptions import HTTPException


class RequestError(HTTPException):
    """A request that the server cannot or will not fulfil: an HTTP status and one line that says why."""
