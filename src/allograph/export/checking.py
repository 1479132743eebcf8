"""Compares the results of a graph in onnxruntime with those of the model in torch."""

from __future__ import annotations

__all__ = ["difference", "run", "session"]

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
import torch
from PIL import Image, ImageDraw

from allograph.generation.generator import Writer

_SIDE = 320
_STROKES = (
    ((90, 70), (100, 240), (220, 220)),
    ((220, 60), (110, 110), (230, 190), (100, 260)),
    ((160, 50), (160, 270)),
)
"""Side in pixels of the drawings with which a file is checked."""


def session(content: bytes, *, threads: int = 0) -> Any:
    """A session of onnxruntime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run(running: Any, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All outputs by name; inputs that the graph does not take are left out."""
    taken = {one.name for one in running.get_inputs()}
    names = [one.name for one in running.get_outputs()]
    feed = {name: np.asarray(value, np.float32) for name, value in given.items() if name in taken}
    return dict(zip(names, running.run(names, feed), strict=True))


def difference(writer: Writer, name: str, content: bytes) -> tuple[float, float]:
    """The largest difference from torch, and the one that only 1 in 1000 numbers exceeds: in the drawings' parameters
    after all steps, or in the log weights."""
    model = writer.model
    size, channels = model.config.image_size, model.likelihood.channels
    exemplars = torch.stack([_drawing(writer, strokes) for strokes in _STROKES])
    rows = 4
    noise = torch.randn(len(exemplars), rows, *model.noise_shape, generator=torch.Generator().manual_seed(0))
    temperature = writer.temperature_for(None)
    context = exemplars[:, None] if model.conditional else None
    given = {
        "images": exemplars.reshape(-1, channels, size, size).roll(1, 0).numpy(),
        "exemplars": exemplars[:, None].numpy(),
        "noise": noise.numpy(),
        "temperature": np.array(temperature),
        "guidance": np.array(writer.guidance),
    }
    made = run(session(content), given)
    with torch.inference_mode():
        if name == "likelihood":
            inferred = model.infer(exemplars.roll(1, 0), context, noise.flatten(0, 1))
            wanted, got = inferred.log_weight.unflatten(0, (-1, rows)).numpy(), made["log_weight"]
        else:
            guidance = writer.guidance if model.can_be_guided else 1.0
            drawn = [
                model.sample(
                    None if context is None else context[i : i + 1],
                    noise=noise[i : i + 1],
                    temperature=temperature,
                    guidance=guidance,
                    shown=True,
                    history=True,
                )
                for i in range(len(noise))
            ]
            wanted, got = torch.cat([one.canvases for one in drawn]).numpy(), made["canvases"]
    apart = np.abs(wanted - got)
    return float(apart.max()), float(np.quantile(apart, 0.999))


def _drawing(writer: Writer, strokes: tuple[tuple[int, int], ...]) -> torch.Tensor:
    """Strokes as the model sees an exemplar, (C, S, S)."""
    picture = Image.new("L", (_SIDE, _SIDE), 255)
    ImageDraw.Draw(picture).line(list(strokes), 0, 11)
    return torch.from_numpy(writer.space.preprocess(picture).image)
