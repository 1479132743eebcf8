"""Print how Omniglot's drawings fill their images: python -m tests.imaging.measure_omniglot [DATA_DIR]

The medians are those of allograph.imaging.placement.OMNIGLOT.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from allograph.imaging.widths import stroke_width

COLUMNS = ("longer side", "centre across", "centre down", "mass across", "mass down", "stroke", "ink fraction")


def omniglot_drawings(data_dir: Path, count: int, seed: int = 0) -> list[np.ndarray]:
    """Return `count` drawings of the background alphabets, chosen at random, as boolean (105, 105), ink true."""
    with zipfile.ZipFile(data_dir / "omniglot" / "images_background.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        chosen = np.random.default_rng(seed).choice(len(names), count, replace=False)
        return [~np.asarray(Image.open(io.BytesIO(archive.read(names[i]))).convert("1")) for i in chosen]


def measure(ink: np.ndarray) -> tuple[float, ...]:
    """Return the figures named in COLUMNS, in pixels but for the last."""
    rows, columns = np.nonzero(ink)
    spans = [(v.min(), v.max() + 1) for v in (columns, rows)]
    return (
        float(max(b - a for a, b in spans)),
        *(float(a + b) / 2 for a, b in spans),
        float(columns.mean() + 0.5),
        float(rows.mean() + 0.5),
        stroke_width(ink),
        float(ink.mean()),
    )


def main(data_dir: Path) -> None:
    figures = np.array([measure(ink) for ink in omniglot_drawings(data_dir, 3000)])
    print(f"{'':14}{'mean':>8}{'deviation':>11}{'5 %':>8}{'median':>8}{'95 %':>8}")
    for name, values in zip(COLUMNS, figures.T, strict=True):
        low, middle, high = np.percentile(values, [5, 50, 95])
        print(f"{name:14}{values.mean():8.3f}{values.std():11.3f}{low:8.3f}{middle:8.3f}{high:8.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["ALLOGRAPH_DATA"]))
