"""Weights files: one safetensors file that says by itself which model it holds, how it was made and how good it is.

The file's metadata has one entry, `allograph`, whose value is a JSON object:

- `format`: the version of this layout;
- `config`: what `allograph.config.model_from_config` needs to build the model;
- `card`: the model card, what `allograph info` prints;
- `digest`: SHA-256 over the three above and the tensors' names and bytes, so that one flipped bit is noticed.

It is one entry because safetensors writes several in an order that changes from run to run: so equal weights and equal
cards are equal files, byte for byte. Loading reads numbers and JSON and never runs code from the file.
"""

from __future__ import annotations

__all__ = ["ALPHABETS", "DEFAULT", "LICENSE", "LoadedWeights", "exemplars_of", "known_names", "load", "save"]

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allograph.errors import AllographError

if TYPE_CHECKING:
    from torch import Tensor

    from allograph.data import ExemplarKind
    from allograph.models import GenerativeModel

DEFAULT = "omniglot"
"""The name of the weights that are used when none are named."""

ALPHABETS = "omniglot-alphabet"
"""... for new symbols of an alphabet after some of its symbols."""

LICENSE = "MIT"
"""Of this package and the weights that ship with it, as an SPDX expression: `license` on their cards. Weights that
others train are theirs, and say nothing of it."""

_SHIPPED = Path(__file__).parent / "shipped"
_SUFFIX = ".safetensors"
_FORMAT = 1


@dataclass(frozen=True)
class LoadedWeights:
    """A model in evaluation mode with its card and the SHA-256 (hex) of the file that both came from."""

    model: GenerativeModel
    card: Mapping[str, Any]
    sha256: str

    @property
    def exemplars(self) -> ExemplarKind:
        """What exemplars are to what is drawn: see `exemplars_of`."""
        return exemplars_of(self.card)


def exemplars_of(card: Mapping[str, Any]) -> ExemplarKind:
    """What the exemplars of a model's training were to what it drew, one of `allograph.data.ExemplarKind`: "concept"
    unless the card says otherwise."""
    return "family" if card.get("settings", {}).get("data", {}).get("exemplars") == "family" else "concept"


def known_names() -> tuple[str, ...]:
    """The names of the weights that ship with the package, in alphabetical order."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob(f"*{_SUFFIX}")))


def save(path: Path | str, model: GenerativeModel, card: Mapping[str, Any]) -> None:
    """Write the model's parameters and buffers, its configuration and its card to one file, atomically.

    Equal weights, configuration and card make equal files, byte for byte.

    Raises:
        AllographError: the file cannot be written.
    """
    import safetensors.torch

    from allograph.config import to_dict
    from allograph.imaging.files import atomic_write

    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    # Through JSON and back first: the digest is over what a reader will find, lists for tuples and text for keys.
    about = json.loads(json.dumps({"format": _FORMAT, "config": to_dict(model.config), "card": dict(card)}))
    about["digest"] = _digest(about, tensors)
    metadata = {"allograph": json.dumps(about, sort_keys=True, ensure_ascii=False)}
    atomic_write(Path(path), safetensors.torch.save(tensors, metadata))


def load(name_or_path: Path | str = DEFAULT) -> LoadedWeights:
    """Read weights by the name under which they ship, or from a file, and build their model on the CPU.

    Raises:
        AllographError: an unknown name; a missing, unreadable, damaged or foreign file.
    """
    import safetensors.torch
    from safetensors import SafetensorError

    from allograph.config import model_from_config

    path = _resolve(name_or_path)
    content = _read(path)
    try:
        tensors = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise AllographError(
            f"{path} is damaged or not a weights file ({_one_line(error)}); copy or train it again"
        ) from error
    about = _about(path, content)
    if about["digest"] != _digest(about, tensors):
        raise AllographError(f"{path} is damaged: its content does not match its own checksum; copy or train it again")
    try:
        model = model_from_config(about["config"])
        model.load_state_dict(tensors)
    except (AllographError, RuntimeError, TypeError, ValueError) as error:
        raise AllographError(
            f"{path} does not fit this version of allograph ({_one_line(error)}); train it again or use the version "
            f"that made it"
        ) from error
    model.eval()
    card = about["card"]
    if path.resolve().parent == _SHIPPED.resolve():  # some files are older than the line, and results name their hashes
        card = {"license": LICENSE, **card}
    return LoadedWeights(model=model, card=card, sha256=hashlib.sha256(content).hexdigest())


def _resolve(name_or_path: Path | str) -> Path:
    """The file meant: anything that exists or looks like a path is one, all else is a shipped name."""
    path = Path(name_or_path)
    text = str(name_or_path)
    if path.is_file() or path.suffix == _SUFFIX or len(path.parts) != 1 or isinstance(name_or_path, Path):
        return path
    shipped = _SHIPPED / f"{text}{_SUFFIX}"
    if shipped.is_file():
        return shipped
    if path.is_dir():
        return path
    names = known_names()
    known = ", ".join(names) or "none ship with this copy"
    nearest = difflib.get_close_matches(text, names, n=1)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    raise AllographError(f"no weights are called {text!r}: {hint}known names: {known}; or give a {_SUFFIX} file")


def _read(path: Path) -> bytes:
    from allograph.imaging.files import explain_os_error

    if path.is_dir():
        raise AllographError(f"{path} is a folder; name the {_SUFFIX} file in it")
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain_os_error(error, f"cannot read the weights {path}") from error


def _about(path: Path, content: bytes) -> dict[str, Any]:
    """The `allograph` entry of a safetensors file that has been parsed before: 8 bytes of length, then JSON."""
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    if "allograph" not in metadata:
        raise AllographError(f"{path} holds tensors but no allograph model; give a file that `allograph train` made")
    try:
        about = json.loads(metadata["allograph"])
        kinds = {key: type(about[key]) for key in ("format", "config", "card", "digest")}
        if kinds != {"format": int, "config": dict, "card": dict, "digest": str}:
            raise TypeError(f"the description holds {kinds}")
    except (ValueError, KeyError, TypeError) as error:
        raise AllographError(f"{path} is damaged: its description cannot be read; copy or train it again") from error
    if about["format"] != _FORMAT:
        raise AllographError(
            f"{path} has format {about['format']}, this allograph reads format {_FORMAT}; update allograph"
        )
    return about


def _digest(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the description, then name, type, shape and bytes of every tensor, in the order of the names."""
    import torch

    described = {key: value for key, value in about.items() if key != "digest"}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _one_line(error: Exception) -> str:
    """The first line of a library's message, short enough to stand inside one of ours."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    first = " ".join(lines[:2])
    return first if len(first) <= 160 else f"{first[:157]}..."
