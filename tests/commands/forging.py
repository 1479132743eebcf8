"""Weights files as a stranger may make them: whatever they hold, their checksum is right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from allograph.config import to_dict
from allograph.models import GenerativeModel


def forge(
    path: Path,
    model: GenerativeModel,
    *,
    config: Mapping[str, Any] | None = None,
    card: Mapping[str, Any] | None = None,
    tensors: Mapping[str, Tensor] | None = None,
) -> Path:
    """The weights file of a model with other settings, another card or other tensors in place of its own."""
    held = dict(model.state_dict() if tensors is None else tensors)
    about = {"format": 1, "config": to_dict(model.config) if config is None else config, "card": card or {}}
    return describe(path, held, json.dumps(about | {"digest": digest(json.dumps(about, sort_keys=True), held)}))


def describe(path: Path, tensors: dict[str, Tensor], description: str) -> Path:
    """A file of these tensors with any text for a description."""
    safetensors.torch.save_file(tensors, path, {"allograph": description})
    return path


def digest(about: str, tensors: Mapping[str, Tensor]) -> str:
    """As documented in `allograph.weights`."""
    result = hashlib.sha256(about.encode())
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        result.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        result.update(value.flatten().view(torch.uint8).numpy().tobytes())
    return result.hexdigest()


def changed(config: Mapping[str, Any], key: str, value: object) -> dict[str, Any]:
    """A copy of a table of settings with the value at a dotted key."""
    first, _, rest = key.partition(".")
    return {**config, first: changed(config[first], rest, value) if rest else value}
