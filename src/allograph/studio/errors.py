"""Requests that are refused: a status, a reason for people, and when to come again."""

from __future__ import annotations

__all__ = ["RequestError"]


class RequestError(Exception):
    """Ends the handling of a request with a 4xx or 503 answer whose JSON body says why.

    Attributes:
        status: the HTTP status.
        reason: one line.
        headers: that the answer carries besides.
    """

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
