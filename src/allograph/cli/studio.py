"""`allograph studio`: draw in the browser and watch new drawings grow."""

from __future__ import annotations

__all__ = ["studio"]

import importlib.util
from typing import TYPE_CHECKING, Annotated

import typer

from allograph.cli.console import Stopped, ThreadsOption, say
from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.studio import Address


def studio(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="Weights: a known name or a .safetensors file; may be repeated.", metavar="M"),
    ] = None,
    host: Annotated[str, typer.Option(help="Host to listen on; by default only for this machine.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on.", show_default="8765 or the next free one")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
    threads: ThreadsOption = None,
) -> None:
    """Draw a symbol in the browser and watch new drawings of it grow. This machine serves the page."""
    missing = [name for name in ("starlette", "uvicorn", "pydantic") if importlib.util.find_spec(name) is None]
    if missing:
        raise AllographError(f"the studio needs {' and '.join(missing)}; install with: pip install 'allograph[studio]'")
    from allograph import weights
    from allograph.studio import ModelRegistry, serve

    try:
        registry = ModelRegistry(model or [weights.DEFAULT])
        serve(registry, host, port, browser=not no_browser, ready=_announce)
    except KeyboardInterrupt:
        raise Stopped("the studio is closed") from None


def _announce(address: Address) -> None:
    print(f"The studio is open at {address.url} (Ctrl-C closes it)", flush=True)
    if not address.loopback:
        say("other machines that can reach this address can use the studio")
