"""Protects the local server from other sites' pages, and tells browsers what the page may do.

Another site's page can send requests to a server on the visitor's machine, either directly, which the `Origin` header
shows, or after pointing its own name at this machine (DNS rebinding), which the `Host` header shows.
"""

from __future__ import annotations

__all__ = ["Address", "SecurityMiddleware"]

import ipaddress
import socket
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)

_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Address:
    """Where the server listens.

    Attributes:
        host: a name or an IP address.
        port: its port; 0 until one is chosen.
    """

    host: str = "127.0.0.1"
    port: int = 0

    @property
    def loopback(self) -> bool:
        """Whether only programs on this machine can reach the server."""
        return self.host == "localhost" or (_is_ip(self.host) and ipaddress.ip_address(self.host).is_loopback)

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"

    def answers_to(self, host: str) -> bool:
        """Whether requests may name this host: a name, or an IP address without brackets.

        A server on the loopback interface allows loopback addresses only. Others allow every IP address, because it
        cannot be a site's name, and this machine's own names.
        """
        host = host.lower().rstrip(".")
        if host == "localhost":
            return True
        if _is_ip(host):
            return not self.loopback or ipaddress.ip_address(host).is_loopback
        if self.loopback:
            return False
        own = socket.gethostname().lower()
        return host in {self.host.lower(), own, own.partition(".")[0], f"{own.partition('.')[0]}.local"}


class SecurityMiddleware:
    """ASGI middleware: refuses requests that name other hosts or come from other sites, and adds security headers."""

    def __init__(self, app: ASGIApp, address: Address) -> None:
        self._app, self._address = app, address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("cache-control", "no-store" if path.startswith("/api/") else "no-cache")
            await send(message)

        reason = self._objection(Headers(scope=scope), path)
        answer = self._app if reason is None else JSONResponse({"error": reason}, 403)
        await answer(scope, receive, send_with_headers)

    def _objection(self, headers: Headers, path: str) -> str | None:
        named = headers.getlist("host")
        if len(named) != 1 or not self._address.answers_to(_without_port(named[0])):
            return "this server does not answer for the host that the request names"
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{named[0]}", f"https://{named[0]}"):
            return "the request comes from another site's page"
        if path.startswith("/api/") and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return "the request comes from another site's page"
        return None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
