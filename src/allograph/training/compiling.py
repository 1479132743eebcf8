"""Compiles training steps with `torch.compile`.

A model names the parts that can be compiled (`GenerativeModel.compilable`): functions of tensors with the same shapes
in every training step. A group of steps of the loop over t is one such part, so compiling takes a minute or two for any
T. Compiled code is kept on disk, so a second run of the same network starts in seconds.

Whether a run compiles is decided once, at its start, by its length alone, and kept in its state: compiled steps round
differently, and a resumed run must end bit for bit like an undisturbed one.
"""

from __future__ import annotations

__all__ = ["compile_parts", "pays"]

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

from allograph.data.files import cache_directory
from allograph.errors import first_line
from allograph.models import GenerativeModel

_CACHE = "TORCHINDUCTOR_CACHE_DIR"

_LEAST = 10_000_000
"""Number of loop steps over all images and training steps from which compiling pays off on two slow cores."""

_CHUNK = 16_384
"""Numbers that a thread must have to itself; a loop of fewer than two such chunks runs on one thread. Each loop on
several threads ends with a wait for the slowest, and beside a busy process that one may not be running."""


def pays(model: GenerativeModel, images: int, wanted: Literal["auto"] | bool) -> bool:
    """Whether a run over this many images, counted each time they are seen, should compile its steps."""
    if wanted != "auto":
        return wanted
    steps, _ = model.noise_shape
    return bool(model.compilable) and not model.recompute and images * steps >= _LEAST


def compile_parts(model: GenerativeModel, rehearse: Callable[[], object]) -> str:
    """Compiles the parts that the model names, and calls ``rehearse``, which must use all of them, forwards and
    backwards.

    Returns "", or one line that says why nothing could be compiled; then the model is unchanged.
    """
    _keep_on_disk()
    parts = {name: getattr(type(model), name) for name in model.compilable}
    if not parts:
        return f"a {type(model).__name__} has no parts that can be compiled"
    try:
        # Imported here, so that a run that does not compile need not wait for the compiler.
        from torch._functorch import config as functorch

        from allograph.training.products import SumsOfProducts

        functorch.backward_pass_autocast = "off"  # as without it: float32 forwards is float32 backwards
        options: dict[str, Any] = {"post_grad_custom_pre_pass": SumsOfProducts(), "cpp.min_chunk_size": _CHUNK}
        model.compiled = {name: torch.compile(part, dynamic=False, options=options) for name, part in parts.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the compiler's advice to its users
            rehearse()
    except Exception as error:  # of any kind: from the compiler or from the tools that it calls
        model.compiled = {}
        return first_line(error)
    return ""


def _keep_on_disk() -> None:
    """Keeps compiled code in our cache folder, unless the user has chosen another. torch's default, which it may have
    set already, is a temporary folder."""
    chosen = os.environ.get(_CACHE, "")
    if not chosen or Path(chosen).name.startswith("torchinductor_"):
        os.environ[_CACHE] = str(cache_directory() / "compiled")
