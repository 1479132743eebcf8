"""Draws with an exported model: onnxruntime, NumPy and Pillow, without torch and without allograph.

    allograph export omniglot -o omniglot.onnx
    python examples/run_onnx.py omniglot.onnx glyph.png drawings.png

The picture is dark ink on light paper, its strokes about as thick as a pen's. (allograph itself takes in photos, too:
it finds the ink and redraws strokes as thick as those that the model has seen.)
"""

from __future__ import annotations

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

DRAWINGS = 16
MARGIN = 0.15
"""Of the square around the symbol, on each side."""


def exemplar(path: str, size: int) -> np.ndarray:
    """A picture as the model sees it: (size, size), ink = 1."""
    ink = 1 - np.asarray(Image.open(path).convert("L"), np.float32) / 255
    ink = (ink - ink.min()) / (ink.max() - ink.min())
    rows, columns = np.nonzero(ink > 0.5)
    side = max(np.ptp(rows), np.ptp(columns)) / (1 - 2 * MARGIN)
    left, top = (columns.min() + columns.max() - side) / 2, (rows.min() + rows.max() - side) / 2
    square = Image.fromarray(ink).transform(
        (4 * size, 4 * size), Image.Transform.EXTENT, (left, top, left + side, top + side)
    )
    return (np.asarray(square.resize((size, size), Image.Resampling.BOX)) > 0.35).astype(np.float32)


def main(model: str, picture: str, output: str) -> None:
    session = onnxruntime.InferenceSession(model)
    about = session.get_modelmeta().custom_metadata_map
    shapes = {one.name: one.shape for one in session.get_inputs()}
    steps, latent = shapes["noise"][2:]
    given = {
        "exemplars": exemplar(picture, shapes["exemplars"][-1])[None, None, None],
        "noise": np.random.default_rng(0).standard_normal((1, DRAWINGS, steps, latent), np.float32),
        "temperature": np.array(json.loads(about["temperature"]), np.float32),
    }
    if "guidance" in shapes:
        given["guidance"] = np.array(json.loads(about["guidance"]), np.float32)
    (logits,) = session.run(["parameters"], given)
    drawings = np.concatenate([given["exemplars"][0, 0, :1], (logits[0, :, 0] > 0).astype(np.float32)])
    Image.fromarray((255 * (1 - np.hstack(drawings))).astype(np.uint8)).save(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
