"""Weights files: one safetensors file that says which model it holds, how it was made and how good it is.

The file's metadata has one entry, `allograph`, whose value is a JSON object:

- `format`: the version of this layout;
- `config`: what `allograph.config.model_from_config` needs to build the model;
- `card`: the model card, what `allograph info` prints;
- `digest`: SHA-256 over the three above and the tensors' names and bytes, so that a single flipped bit is noticed.

It is one entry because safetensors writes several in an order that changes from run to run; with one, equal weights and
equal cards give equal files, byte for byte. Loading reads numbers and JSON and never runs code from the file.

A file may come from a stranger. So the model is first built without memory, on torch's "meta" device, and compared with
the content of the file. If torch computes more than sizes on that device, it imports another part of itself, which
takes a second; so constructors compute initial values on the CPU.
"""

from __future__ import annotations

__all__ = ["ALPHABETS", "DEFAULT", "LICENSE", "LoadedWeights", "known_names", "load", "save"]

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allograph.errors import AllographError, first_line, shown

if TYPE_CHECKING:
    from torch import Tensor

    from allograph.card import ModelCard
    from allograph.models import GenerativeModel

DEFAULT = "allograph"
"""Name of the default weights."""

ALPHABETS = "omniglot-alphabet"
"""Name of the default weights for new symbols of an alphabet."""

LICENSE = "MIT"
"""License of this package and the weights that ship with it, as an SPDX expression: `license` on their cards. Weights
that others train belong to them and have no such entry."""

_SHIPPED = Path(__file__).parent / "shipped"
_SUFFIX = ".safetensors"
_FORMAT = 1
_LONGEST_HEADER = 2**21
"""Largest number of bytes of the description and the table of tensors; the weights that ship have 40 thousand."""
_DEEPEST = 32
"""Deepest nesting of lists and tables in a description."""


@dataclass(frozen=True)
class LoadedWeights:
    """A model in evaluation mode, with its card and the SHA-256 (hex) of their file."""

    model: GenerativeModel
    card: ModelCard
    sha256: str


def known_names() -> tuple[str, ...]:
    """The names of the weights that ship with the package, in alphabetical order."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob(f"*{_SUFFIX}")))


def save(path: Path | str, model: GenerativeModel, card: Mapping[str, Any]) -> None:
    """Write the model's parameters and buffers, its configuration and its card to one file, atomically.

    Equal weights, configurations and cards give equal files, byte for byte.

    Raises:
        AllographError: the file cannot be written.
    """
    import safetensors.torch

    from allograph.config import to_dict
    from allograph.runtime.files import atomic_write

    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    # Through JSON and back first, so that the digest covers what a reader will find: lists for tuples and text for
    # keys.
    about = json.loads(json.dumps({"format": _FORMAT, "config": to_dict(model.config), "card": dict(card)}))
    about["digest"] = _digest(about, tensors)
    metadata = {"allograph": json.dumps(about, sort_keys=True, ensure_ascii=False)}
    atomic_write(Path(path), safetensors.torch.save(tensors, metadata))


def load(name_or_path: Path | str = DEFAULT) -> LoadedWeights:
    """Read weights, by shipped name, from a file or from the Hub (`allograph.hub`), and build their model on the CPU.

    Raises:
        AllographError: an unknown name; a missing, unreadable, damaged or foreign file.
    """
    import torch

    from allograph.card import ModelCard
    from allograph.config import model_from_config

    path = _resolve(name_or_path)
    tensors, about, sha256 = _read(path)
    config, card = about["config"], about["card"]
    for name, value in tensors.items():
        if value.dtype != torch.float32:
            raise AllographError(
                f"{path} holds {value.dtype} numbers ({shown(name)}), but allograph's weights are float32: use the "
                f"file that training made, or convert it back"
            )
    if about["digest"] != _digest(about, tensors):
        raise AllographError(f"{path} is damaged: its content does not match its own checksum; copy or train it again")
    try:
        read = ModelCard.of(card)
        _check_fit(config, tensors)
        model = model_from_config(config)
        if read.guidance != 1 and not model.can_be_guided:
            raise ValueError(f"card: guidance = {read.guidance}, but the model cannot be guided")
    except (AllographError, RuntimeError, TypeError, ValueError) as error:
        raise AllographError(
            f"{path} does not fit this version of allograph ({first_line(error)}); train it again, or use the version "
            f"that made it"
        ) from error
    for name, value in tensors.items():
        if not (value.sum().isfinite() or value.isfinite().all()):  # a sum is quick, and seldom overflows itself
            raise AllographError(
                f"{path} holds numbers that are not finite ({name}): its training failed; train it again with a "
                f"smaller learning_rate"
            )
    model.load_state_dict(tensors)
    model.eval()
    if path.resolve().parent == _SHIPPED.resolve():  # older files lack it, and results quote their hashes
        read = ModelCard.of({"license": LICENSE, **card})
    return LoadedWeights(model=model, card=read, sha256=sha256)


def _check_fit(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Raises ValueError if a model with these settings has other parameters or buffers; allocates no memory for
    them."""
    import torch

    from allograph.config import model_from_config

    with torch.device("meta"):
        wanted = model_from_config(config).state_dict()
    for name in sorted(wanted.keys() | tensors.keys()):
        here, there = (tuple(of[name].shape) if name in of else "missing" for of in (tensors, wanted))
        if here != there:
            raise ValueError(f"{shown(name)} is {here}, but should be {there} by the settings")


def _resolve(name_or_path: Path | str) -> Path:
    """The file for a name or path: of an address on the Hub the local copy; anything that exists or looks like a path
    is a path, everything else a shipped name."""
    path = Path(name_or_path)
    text = str(name_or_path)
    if text.startswith("hf://"):
        from allograph import hub

        return hub.download(hub.Address.of(text))
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
    raise AllographError(f"there are no weights named {text!r}: {hint}known names: {known}; or give a {_SUFFIX} file")


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """The tensors of a file, which stay on disk until used, their description, and the file's SHA-256."""
    from safetensors import SafetensorError, safe_open

    from allograph.runtime.files import explain_os_error

    if path.is_dir():
        raise AllographError(f"{path} is a folder; name the {_SUFFIX} file in it")
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _LONGEST_HEADER:
                raise ValueError(f"a header of {length} bytes, but {_LONGEST_HEADER} are enough for any model")
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        with safe_open(path, framework="pt") as file:
            names, metadata = file.keys(), file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in names}
    except OSError as error:
        raise explain_os_error(error, f"cannot read the weights {path}") from error
    except (SafetensorError, RuntimeError, ValueError, KeyError) as error:
        raise AllographError(
            f"{path} is damaged or not a weights file ({first_line(error)}); copy or train it again"
        ) from error
    if "allograph" not in metadata:
        raise AllographError(f"{path} holds tensors but no allograph model; use a file that `allograph train` made")
    return tensors, _about(path, metadata["allograph"]), sha256


def _about(path: Path, text: str) -> dict[str, Any]:
    """The description in the `allograph` entry of a file's metadata."""
    try:
        about = json.loads(text, object_pairs_hook=_table)
        if _is_deeper(about, _DEEPEST):
            raise ValueError(f"more than {_DEEPEST} nested lists and tables")
        kinds = {key: type(about[key]) for key in ("format", "config", "card", "digest")}
        if kinds != {"format": int, "config": dict, "card": dict, "digest": str}:
            raise TypeError(f"the description holds {kinds}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AllographError(f"{path} is damaged: its description cannot be read; copy or train it again") from error
    if about["format"] != _FORMAT:
        raise AllographError(
            f"{path} has format {shown(about['format'])}, but this allograph reads format {_FORMAT}; update allograph"
        )
    return about


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; raises ValueError for a repeated key, whose value would be ambiguous."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key appears twice")
    return table


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and tables are nested more deeply than that."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)


def _digest(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the description, then name, type, shape and bytes of every tensor, in the order of the names."""
    import torch

    described = {key: value for key, value in about.items() if key != "digest"}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
