"""`allograph export`: a model as ONNX files, which other programs run without torch."""

from __future__ import annotations

__all__ = ["export", "require_export"]

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.console import JsonOption, OverwriteOption, Stopped, print_json
from allograph.errors import AllographError

_NEEDED = ("onnx", "onnxruntime")


def export(
    model: Annotated[str, typer.Argument(help="A known name or a .safetensors file.", metavar="FILE|NAME")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to make.", metavar="FILE.onnx")],
    half: Annotated[bool, typer.Option("--half", help="Store the weights as float16: half the size.")] = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a model as ONNX: FILE.onnx draws, FILE-likelihood.onnx computes how probable drawings are.

    Both are checked against torch before they are written. Sequential and bending models of ink on paper can be
    exported.
    """
    require_export()
    import allograph
    from allograph import export as exporting

    try:
        made = exporting.export(allograph.load(model), output, half=half, overwrite=overwrite)
    except KeyboardInterrupt:
        raise Stopped("stopped; no file is half-written; run the same command to start again") from None
    if as_json:
        print_json({"weights": model, "half": half, "files": [asdict(one) for one in made]})
        return
    for one in made:
        what = "parameters of drawings" if one.pass_name == "sampling" else "log weights, nats"
        print(
            f"{one.path}: the {one.pass_name} pass, {one.size / 1e6:.1f} MB; differs from torch by "
            f"{one.difference:.1g} at most ({what})"
        )


def require_export() -> None:
    """Raise AllographError if a package that exporting needs is not installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise AllographError(
            f"exporting needs {' and '.join(missing)}; install it with: pip install 'allograph[export]'"
        )
