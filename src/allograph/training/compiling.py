"""Training steps compiled by `torch.compile`.

A model names the parts that can be compiled (`GenerativeModel.compilable`), each a function of tensors that have the
same shapes in every training step. A group of steps of the loop over t is one such part, so compiling takes a
minute or two for any T. What was compiled is kept on disk: a second run of the same network starts in seconds.

Whether a run compiles is decided once, at its start, by its length alone, and kept in its state: compiled steps round
otherwise, and a run that is resumed has to end bit for bit like one left alone.
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
"""Steps of the loop over t, of all images and training steps, from which compiling pays on two slow cores."""


def pays(model: GenerativeModel, images: int, wanted: Literal["auto"] | bool) -> bool:
    """Whether a run over so many images, counted as often as they are seen, is to compile its steps."""
    if wanted != "auto":
        return wanted
    steps, _ = model.noise_shape
    return bool(model.compilable) and not model.recompute and images * steps >= _LEAST


def compile_parts(model: GenerativeModel, rehearse: Callable[[], object]) -> str:
    """Compiles what the model names, and calls ``rehearse``, which has to use all of it, forwards and backwards.

    Returns "", or, in one line, why nothing could be compiled; the model is as it was then.
    """
    _keep_on_disk()
    parts = {name: getattr(type(model), name) for name in model.compilable}
    if not parts:
        return f"a {type(model).__name__} has no parts that can be compiled"
    try:
        # Loads the compiler: a run that does not compile need not wait for it.
        from torch._functorch import config as functorch

        from allograph.training.products import SumsOfProducts

        functorch.backward_pass_autocast = "off"  # as without the compiler: what was float32 forwards is so backwards
        options: dict[str, Any] = {"post_grad_custom_pre_pass": SumsOfProducts()}
        model.compiled = {name: torch.compile(part, dynamic=False, options=options) for name, part in parts.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the compiler's advice to its users
            rehearse()
    except Exception as error:  # of whatever kind: the compiler's, or of the tools that it calls
        model.compiled = {}
        return first_line(error)
    return ""


def _keep_on_disk() -> None:
    """Beside what else is cached, unless the user has chosen a place. torch's own, which it may have entered already,
    is a temporary folder."""
    chosen = os.environ.get(_CACHE, "")
    if not chosen or Path(chosen).name.startswith("torchinductor_"):
        os.environ[_CACHE] = str(cache_directory() / "compiled")
