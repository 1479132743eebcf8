"""`allograph info`: a model's card."""

from __future__ import annotations

__all__ = ["info"]

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from allograph.cli.console import JsonOption, print_json


def info(
    model: Annotated[str, typer.Argument(help="A known name or a .safetensors file.", metavar="FILE|NAME")],
    as_json: JsonOption = False,
) -> None:
    """Print a model's card: what it was trained on and how, its size and its figures."""
    from allograph import weights

    loaded = weights.load(model)
    parameters = sum(parameter.numel() for parameter in loaded.model.parameters())
    document = {
        "weights": model,
        "sha256": loaded.sha256,
        "parameters": parameters,
        **loaded.card,
    }
    if as_json:
        print_json(document)
        return
    lines = list(_flat(document))
    width = max(len(key) for key, _ in lines)
    for key, value in lines:
        print(f"{key:{width}}  {value}")


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested tables as dotted keys, in their order."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            yield f"{prefix}{key}", text
