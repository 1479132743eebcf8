"""The studio's example symbols: those of examples/symbols, small.

    python tools/studio_examples.py

writes src/allograph/studio/page/examples/*.webp.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SIDE = 400


def main() -> None:
    target = ROOT / "src" / "allograph" / "studio" / "page" / "examples"
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "examples" / "symbols").iterdir()):
        if path.suffix == ".md":
            continue
        with Image.open(path) as picture:
            small = picture.convert("RGBA" if picture.mode == "RGBA" else "RGB")
        small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        small.save(target / f"{path.stem}.webp", quality=80, method=6)
        print(target / f"{path.stem}.webp")


if __name__ == "__main__":
    main()
