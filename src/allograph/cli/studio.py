"""`allograph studio`: draw in the browser and watch new drawings grow."""

from __future__ import annotations

__all__ = ["studio"]

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allograph.cli.console import OverwriteOption, Stopped, ThreadsOption, say
from allograph.cli.export import require_export
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
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the page as files for any web server, and exit.", metavar="DIR"),
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option("--runtime", help="For --export: where onnxruntime-web is.", show_default="here", metavar="DIR"),
    ] = None,
    overwrite: OverwriteOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Draw a symbol in the browser and watch new drawings of it grow.

    This machine serves the page. With --export, the page becomes a folder of files for any web server. Then the browser
    itself draws, also without a network.
    """
    if export is not None:
        _export(model, export, runtime, overwrite)
        return
    if runtime is not None or overwrite:
        raise AllographError("--runtime and --overwrite are for --export; leave them out")
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


def _export(model: list[str] | None, folder: Path, runtime: Path | None, overwrite: bool) -> None:
    require_export()
    import allograph
    from allograph import weights
    from allograph.export.site import write_site

    names = model or [weights.DEFAULT]
    writers = {Path(name).stem: allograph.load(name) for name in names}
    if len(writers) < len(names):
        raise AllographError("two models have the same name; rename the file of one")
    try:
        site = write_site(writers, folder, runtime=runtime, overwrite=overwrite)
    except KeyboardInterrupt:
        raise Stopped("stopped; run the same command with --overwrite to start again") from None
    print(
        f"{site.folder}: the studio, {site.files} files, {site.size / 1e6:.1f} MB; any web server can serve the "
        f"folder, for example: python -m http.server -d {site.folder}"
    )


def _announce(address: Address) -> None:
    print(f"The studio is open at {address.url} (Ctrl-C closes it)", flush=True)
    if not address.loopback:
        say("other machines that can reach this address can use the studio")
