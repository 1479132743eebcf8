"""`allograph info`: a model's card."""

from __future__ import annotations

__all__ = ["info"]

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.console import JsonOption, print_json

if TYPE_CHECKING:
    from allograph.generation.generator import Writer

_KINDS = {
    "bending": "sequential model that bends its exemplar",
    "sequential": "sequential generative model",
    "draw": "deep recurrent attentive writer",
    "deep": "deep latent Gaussian model",
    "linear": "linear Gaussian model",
}

_WIDEST = 100
"""Widest column of keys, in characters."""


def info(
    model: Annotated[str, typer.Argument(help="A known name or a .safetensors file.", metavar="FILE|NAME")],
    as_json: JsonOption = False,
) -> None:
    """Print a model's card: its kind, its size, what it was trained on and how, and its figures."""
    import allograph
    from allograph.config import to_dict

    writer = allograph.load(model)
    card = {**writer.card}
    if "data" in card:  # the sketch is a thousand numbers for programs
        card["data"] = {key: value for key, value in card["data"].items() if key != "sketch"}
    document = {
        "weights": model,
        "sha256": writer.sha256,
        **_summary(writer),
        "parameters": sum(parameter.numel() for parameter in writer.model.parameters()),
    }
    document |= {key: value for key, value in card.items() if key not in document}  # a card overrules nothing
    if "model" not in card.get("settings", {}):
        document["config"] = to_dict(writer.model.config)
    if as_json:
        print_json(document)
        return
    lines = list(_flat(document))
    width = min(max(len(key) for key, _ in lines), _WIDEST)
    for key, value in lines:
        print(f"{key:{width}}  {value}")


def _summary(writer: Writer) -> dict[str, Any]:
    """What kind of model it is, in entries that mean the same for every kind."""
    model = writer.model
    steps, latent = model.noise_shape
    size = model.config.image_size
    return {
        "kind": f"{model.config.kind} ({_KINDS[model.config.kind]})",
        "images": f"{writer.images}, {size} x {size}",
        "likelihood": type(model.likelihood).__name__,
        "latents": f"{latent} at once" if steps == 1 else f"{steps} steps of {latent}",
        "exemplar": _exemplar(writer),
    }


def _exemplar(writer: Writer) -> str:
    if not writer.model.conditional:
        return "takes none"
    return "takes symbols of an alphabet" if writer.card.exemplars == "family" else "takes one"


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested tables as dotted keys, in their order."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            yield _printable(f"{prefix}{key}"), _printable(text)


def _printable(text: str) -> str:
    """On one line and without control characters: a card may come from a stranger."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
