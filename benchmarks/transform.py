"""What a call of `allograph.Augment` costs: the first for an image, and those after it, on this machine.

python benchmarks/transform.py
"""

from __future__ import annotations

import statistics
import time

from PIL import Image, ImageDraw

import allograph

SIDES = (28, 105, 500)
IMAGES, CALLS = 4, 50


def picture(number: int, side: int) -> Image.Image:
    """An angle, another one for each number."""
    image = Image.new("L", (side, side), 255)
    scale = side / 28
    strokes = [(5 * scale, 4 * scale), (5 * scale, (16 + number) * scale), (19 * scale, 21 * scale)]
    ImageDraw.Draw(image).line(strokes, 0, max(2, round(side / 26)))
    return image


def main() -> None:
    augment = allograph.Augment(p=1.0, drawings=16, seed=0)
    augment(picture(0, 60))  # so that no first call pays for what is imported
    for side in SIDES:
        first, later = [], []
        for number in range(IMAGES):
            for call in range(CALLS + 1):
                image = picture(number, side)
                begun = time.perf_counter()
                augment(image)
                (later if call else first).append(time.perf_counter() - begun)
        once, again = statistics.median(first), statistics.median(later)
        print(f"{side} x {side}: the first call {once:.2f} s, later ones {1e6 * again:.0f} us, 1 to {once / again:.0f}")


if __name__ == "__main__":
    main()
