"""Running the studio's server until Ctrl-C."""

from __future__ import annotations

__all__ = ["DEFAULT_PORT", "listen", "serve"]

import os
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
"""The first port that is tried where none is asked for; the next ones follow."""

_TRIED = 20


def listen(host: str, port: int | None = None) -> tuple[socket.socket, Address]:
    """A listening socket, and the address with the port that it got.

    Raises:
        AllographError: no such host, or the port is taken or not allowed.
    """
    ports = range(DEFAULT_PORT, DEFAULT_PORT + _TRIED) if port is None else (port,)
    problem: OSError | None = None
    for candidate in ports:
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0]
            opened = socket.socket(family, kind, protocol)
        except OSError as error:
            raise AllographError(f"cannot listen on {host} ({error.strerror}); give another --host") from error
        if os.name == "posix":  # on Windows it would let this take a port that another server listens on
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind(place)
            opened.listen(128)
        except OSError as error:
            opened.close()
            problem = error
            continue
        return opened, Address(host, opened.getsockname()[1])
    which = f"port {port}" if port is not None else f"ports {DEFAULT_PORT} to {DEFAULT_PORT + _TRIED - 1}"
    reason = (problem.strerror or str(problem)).lower() if problem else "none was tried"
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
    """Serve until Ctrl-C, which comes as KeyboardInterrupt.

    Args:
        registry: the models on offer.
        host: to listen on.
        port: to listen on; the first free one from `DEFAULT_PORT` unless given, any free one for 0.
        browser: whether to open the page.
        limits: the usual ones unless given.
        ready: is called once the address answers.

    Raises:
        AllographError: nothing can listen there.
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
    # Ctrl-C has raised KeyboardInterrupt by now, except where the process was begun with SIGINT ignored, as in the
    # background of a script: there uvicorn stops and returns.
    if not server.started:
        raise AllographError("the studio could not begin; its messages above say why")
    raise KeyboardInterrupt
