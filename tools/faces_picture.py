"""A picture of new views of people whom the model has never seen, each from one view: faces.png beside the weights.

    allograph train umist --preset faces --set max_steps=3500 -o runs/faces    # five to ten minutes of one core
    python tools/faces_picture.py runs/faces/model.safetensors

A row for each of the four test people of `umist`: the view that the model was shown, framed, then drawings of the whole
model. The faces are for research use, so the picture stays where it is made and is no part of this repository.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import allograph
from allograph.data.registry import load_dataset
from allograph.runtime.files import atomic_write

COLUMNS, SCALE, GAP, FRAME = 11, 3, 4, 3
SHOWN = (0.25, 0.75, 0.5, 0.9)
"""Which view of each person is shown, as a share of the way from profile to front."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--temperature", type=float, default=0.9)
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    model = allograph.load(options.model).model
    people = load_dataset("umist", options.data_dir).test
    chosen = [people.images_of(person)[int(SHOWN[person] * people.drawings_per_concept[person])] for person in range(4)]
    exemplars = people.drawings(np.array(chosen), model.config.image_size)
    generator = torch.Generator().manual_seed(options.seed)
    with torch.inference_mode():
        drawn = model.sample(exemplars[:, None], n=COLUMNS, temperature=options.temperature, generator=generator)
        views = model.likelihood.mean(drawn.parameters)
    side = exemplars.shape[-1] * SCALE
    rows, columns = len(chosen), COLUMNS + 1
    sheet = Image.new("L", (columns * (side + GAP) + GAP + 2 * FRAME, rows * (side + GAP) + GAP), 255)
    for row, (exemplar, new) in enumerate(zip(exemplars, views, strict=True)):
        top = GAP + row * (side + GAP)
        sheet.paste(0, (GAP - FRAME + FRAME, top - FRAME, GAP + side + 2 * FRAME, top + side + FRAME))
        for column, image in enumerate((exemplar, *new)):
            left = GAP + FRAME + column * (side + GAP) + (FRAME if column else 0)
            pixels = Image.fromarray((255 * image[0].numpy()).round().astype(np.uint8))
            sheet.paste(pixels.resize((side, side), Image.Resampling.BICUBIC), (left, top))
    picture = Path(options.model).parent / "faces.png"
    atomic_write(picture, lambda file: sheet.save(file, "PNG"))
    print(f"{picture}: {rows} people, {COLUMNS} new views each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
