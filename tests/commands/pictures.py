"""Pictures of symbols to hand in, and what a folder holds."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw


def draw_symbol(path: Path, kind: int = 0, size: tuple[int, int] = (60, 50)) -> Path:
    """A picture of one of three simple symbols, dark ink on pale paper."""
    picture = Image.new("RGB", size, (250, 245, 230))
    pen = ImageDraw.Draw(picture)
    ink = (20, 30, 120)
    pen.line([(15, 10), (15, 40)], ink, 3)
    if kind != 1:
        pen.line([(15, 25), (42, 12)], ink, 3)
    if kind != 2:
        pen.arc([12, 14, 46, 42], 200, 80, ink, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
