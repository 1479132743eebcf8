"""Runs the studio's web application until Ctrl-C."""

from __future__ import annotations

__all__ = ["DEFAULT_PORT", "listen", "serve"]

import socket
import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from allograph.errors import AllographError
from allograph.studio.app import create_app
from allograph.studio.limits import Limits
from allograph.studio.registry import ModelRegistry
from allograph.studio.security import Address

DEFAULT_PORT = 8765
"""The first port to try unless one is given."""

_PORTS_TRIED = 20


def listen(host: str, port: int | None = None) -> tuple[socket.socket, Address]:
    """Open a listening socket, and give it with its address.

    Raises:
        AllographError: there is no such host, or the port is taken or not allowed.
    """
    ports = range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED) if port is None else range(port, port + 1)
    reason = ""
    for candidate in ports:
        try:
            family, _, _, _, place = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0]
        except OSError as error:
            raise AllographError(f"cannot listen on {host} ({error.strerror}); give another --host") from error
        both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        try:
            opened = socket.create_server(place, family=family, backlog=128, dualstack_ipv6=both)
        except OSError as error:
            reason = (error.strerror or str(error)).partition(" (while")[0].lower()
            continue
        return opened, Address(host, opened.getsockname()[1])
    which = f"port {port}" if port is not None else f"ports {ports[0]} to {ports[-1]}"
    raise AllographError(f"cannot listen on {which} of {host} ({reason}); give another --port")


def serve(
    registry: ModelRegistry,
    host: str,
    port: int | None = None,
    *,
    browser: bool = True,
    limits: Limits | None = None,
    ready: Callable[[Address], None] = lambda address: None,
) -> None:
    """Serve until Ctrl-C, which raises KeyboardInterrupt.

    Args:
        registry: the models on offer.
        host: the host to listen on.
        port: the port to listen on; 0 takes any free one, None the first free one from `DEFAULT_PORT`.
        browser: whether to open the page in a browser.
        limits: the default ones unless given.
        ready: called once the address accepts connections.

    Raises:
        AllographError: the server cannot listen there.
    """
    opened, address = listen(host, port)
    config = uvicorn.Config(
        create_app(registry, address, limits),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=3,
    )
    ready(address)
    if browser:
        threading.Thread(target=webbrowser.open, args=(address.url,), daemon=True).start()
    server = uvicorn.Server(config)
    with opened:
        server.run(sockets=[opened])
    # After Ctrl-C, uvicorn raises KeyboardInterrupt, unless the process ignores SIGINT, as background jobs of scripts
    # do: then it returns.
    if not server.started:
        raise AllographError("the studio could not start; its messages above say why")
    raise KeyboardInterrupt
