"""How long `allograph recognise` takes for a picture among 1,000 symbols: `python benchmarks/recognise.py`.

Made-up symbols, one drawing each. Prints seconds a picture, from the file to the answer, and ends with status 1 if they
are more than one. What is learned from the symbols is timed beside it; the command keeps it in the cache folder.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from allograph import Recogniser  # before torch
from allograph.data import stroke_concepts
from allograph.recognition.evidence import bitmaps_of, default_examiner
from allograph.recognition.recogniser import Look, look

import numpy as np  # isort: skip
import torch  # isort: skip
from PIL import Image  # isort: skip

_BOUND = 1.0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--pictures", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    examiner = default_examiner()
    symbols = stroke_concepts(options.classes, 2, seed=0)
    begun = time.perf_counter()
    drawings = bitmaps_of(symbols.images.select(symbols.at(np.arange(options.classes), 0)).bits)
    looks = [Look(*pair) for pair in zip(drawings.bits, examiner.features(drawings).numpy(), strict=True)]
    recogniser = Recogniser().fit_looks(looks, np.arange(options.classes))
    print(f"{time.perf_counter() - begun:.1f} s for the features of {options.classes} classes")
    seconds, right = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for one in range(options.pictures + 1):
            path = Path(folder) / f"{one}.png"
            Image.fromarray(255 - symbols.images.pixels(symbols.at(one, 1).reshape(1))[0, 0]).save(path)
            content = path.read_bytes()  # bytes, not a file: nothing is taken from the cache
            begun = time.perf_counter()
            taken = look(content)
            between = time.perf_counter()
            right += recogniser.recognise(taken).guesses[0].label == one
            seconds.append((between - begun, time.perf_counter() - between))
    intake, answer = (statistics.median(part) for part in zip(*seconds[1:], strict=True))
    print(
        f"{intake + answer:.2f} s a picture (median; {intake:.2f} s to take it in, {answer:.2f} s to recognise it), "
        f"{options.threads} threads, {right} of {options.pictures + 1} right"
    )
    return int(intake + answer > _BOUND)


if __name__ == "__main__":
    sys.exit(main())
