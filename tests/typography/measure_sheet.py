"""How many cells of photographed sheets are read right.

python -m tests.typography.measure_sheet [--photos 40] [--first 1000] [--turn 20] [--tilt 35]

Every photograph is another one: turn, tilt, distance, curl, lens, light, blur, noise and compression are drawn from its
number. Numbers below 100 were looked at while the reader was made; those from 1000 on were not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests")]


def main() -> None:
    import handwriting
    from allograph.errors import AllographError
    from allograph.typography import characters
    from allograph.typography.labels import Labels
    from allograph.typography.layout import pages_of
    from allograph.typography.sheet import write_sheet
    from typography.reading import wrong_cells

    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--turn", type=float, default=20)
    parser.add_argument("--tilt", type=float, default=35)
    given = parser.parse_args()
    symbols = characters.of_text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    page = pages_of(symbols)[0]
    with tempfile.TemporaryDirectory() as folder:
        write_sheet(Path(folder) / "sheet.pdf", [page], Labels(symbols))
        blank = handwriting.rendered(Path(folder) / "sheet.pdf")[0]
    written = handwriting.written(symbols)
    wrong = cells = 0
    for number in range(given.first, given.first + given.photos):
        random = np.random.default_rng(number)
        camera = handwriting.Camera.at_random(random, given.turn, given.tilt)
        left_out = random.choice(list(written), 6, replace=False)
        drawings = {symbol: drawing for symbol, drawing in written.items() if symbol not in left_out}
        filled = handwriting.fill(blank, page, {(symbol, 1): drawing for symbol, drawing in drawings.items()})
        photo = handwriting.photograph(filled, camera, random)
        try:
            found = wrong_cells(photo, page, drawings)
        except AllographError as error:
            print(f"{number}: {error} {camera}")
            found = [cell.symbol for cell in page.cells]
        wrong, cells = wrong + len(found), cells + len(page.cells)
        print(f"{number}: {len(found)} wrong {found[:5]}; so far {100 * (1 - wrong / cells):.2f} % right", flush=True)
    print(
        f"{cells - wrong} of {cells} cells of {given.photos} photographs are right: {100 * (1 - wrong / cells):.2f} %"
    )


if __name__ == "__main__":
    main()
