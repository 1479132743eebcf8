"""A model's passes as ONNX files, checked before they take their names.

FILE.onnx is the sampling pass, FILE-likelihood.onnx the likelihood pass; docs/export.md has their inputs and outputs.
Each is checked by onnx's checker, then run by onnxruntime beside torch with the same exemplars and noise.
"""

from __future__ import annotations

__all__ = ["NEAR", "Exported", "Pass", "check_exportable", "export"]

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import torch

from allograph.config import to_dict
from allograph.errors import AllographError
from allograph.export import bending, sequential
from allograph.export.checking import difference
from allograph.export.graph import Graph
from allograph.generation.generator import Writer
from allograph.likelihoods import Bernoulli
from allograph.models import BendingModel, GenerativeModel, SequentialModel
from allograph.runtime.files import atomic_write

Pass = Literal["sampling", "likelihood"]

NEAR = 1e-3
"""Largest difference from torch of all but one in a thousand numbers of a drawing, in float32."""

_SUFFIX = ".onnx"


@dataclass(frozen=True)
class Exported:
    """A file that was made.

    Attributes:
        pass_name: ``sampling`` or ``likelihood``.
        path: the file.
        size: bytes.
        difference: the largest difference from torch, in the drawings' parameters or in the log weights (nats).
        typical: a difference that only one number in a thousand exceeds.
    """

    pass_name: Pass
    path: Path
    size: int
    difference: float
    typical: float


def check_exportable(model: GenerativeModel) -> None:
    """Raise AllographError if the model's kind or pixels cannot be exported."""
    if not isinstance(model, SequentialModel | BendingModel):
        raise AllographError(
            f"models of kind {model.config.kind} cannot be exported, only those of kinds sequential and bending; "
            "choose one of these, such as allograph"
        )
    if not isinstance(model.likelihood, Bernoulli):
        raise AllographError(
            f"models of grey or colour pictures ({model.config.likelihood.kind}) cannot be exported, only those of ink "
            "on paper (bernoulli); choose one of these, such as allograph"
        )


def export(writer: Writer, output: Path, *, half: bool = False, overwrite: bool = False) -> tuple[Exported, ...]:
    """Writes both passes of a model; ``half`` stores matrices as float16, but everything is computed in float32. The
    graphs make every drawing once.

    Raises:
        AllographError: a model that cannot be exported, a name that is not FILE.onnx, a file that exists already or
            cannot be written, or a result that is not torch's.
    """
    check_exportable(writer.model)
    if output.suffix != _SUFFIX:
        raise AllographError(f"{output} is not a name for an ONNX file; choose one that ends in {_SUFFIX}")
    paths: dict[Pass, Path] = {
        "sampling": output,
        "likelihood": output.with_name(f"{output.stem}-likelihood{_SUFFIX}"),
    }
    for path in paths.values():
        if path.exists() and not overwrite:
            raise AllographError(f"{path} exists already; choose another name, or add --overwrite")
    made = {name: graph_of(writer, name, half=half) for name in paths}
    contents = {name: model.SerializeToString(deterministic=True) for name, model in made.items()}
    differences = {name: difference(writer, name, contents[name]) for name in paths}
    for name, (_, typical) in differences.items():
        if not half and not typical < NEAR * (1 if name == "sampling" else 100):
            raise AllographError(
                f"the {name} pass differs from torch's by {typical:.2g}, so nothing was written; "
                "report the model's configuration (`allograph info`)"
            )
    for name, path in paths.items():
        atomic_write(path, contents[name], overwrite=overwrite)
    return tuple(Exported(name, path, len(contents[name]), *differences[name]) for name, path in paths.items())


def graph_of(writer: Writer, name: Pass, *, half: bool = False) -> onnx.ModelProto:
    """A pass as an ONNX model that has passed onnx's checker."""
    g, model = Graph(half=half), writer.model
    with torch.no_grad():
        if isinstance(model, SequentialModel):
            {"sampling": sequential.sampling_pass, "likelihood": sequential.likelihood_pass}[name](g, model)
        elif isinstance(model, BendingModel):
            {"sampling": bending.sampling_pass, "likelihood": bending.likelihood_pass}[name](g, model)
    made = g.model(f"allograph_{name}", _about(writer, name, half))
    onnx.checker.check_model(made, full_check=True)
    for stored in made.graph.initializer:
        if stored.data_type == onnx.TensorProto.FLOAT16 and not np.isfinite(onnx.numpy_helper.to_array(stored)).all():
            raise AllographError("a weight of this model is too large for half precision; leave out --half")
    return made


def _about(writer: Writer, name: Pass, half: bool) -> dict[str, str]:
    """The file's metadata; everything except text is JSON."""
    card = dict(writer.card)
    if "data" in card:  # the sketch is there for training: a thousand numbers
        card["data"] = {key: value for key, value in card["data"].items() if key != "sketch"}
    about: dict[str, object] = {
        "pass": name,
        "sha256": writer.sha256,
        "weights": "float16" if half else "float32",
        "temperature": writer.temperature_for(None),
        "config": to_dict(writer.model.config),
        "card": card,
    }
    if isinstance(writer.model, SequentialModel) and writer.model.can_be_guided:
        about["guidance"] = writer.guidance
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for key, value in about.items()
    }
