"""Picture files of every format, opened frame by frame."""

from __future__ import annotations

__all__ = ["IMAGE_SUFFIXES", "MAX_PIXELS", "MIN_SIDE", "check_size", "frames_of", "one_line_errors"]

import contextlib
import io
import re
import struct
import warnings
from collections.abc import Iterator

from PIL import Image, UnidentifiedImageError

from allograph.errors import AllographError, first_line

MAX_PIXELS = 80_000_000
"""Larger pictures are refused from their header alone. Below Pillow's own limit, which warns from 89 million on."""

MIN_SIDE = 8
"""The smallest side, in pixels, of a picture on which a symbol can be told from noise."""

_RASTER = ".png .apng .jpg .jpeg .jfif .jpe .mpo .bmp .dib .gif .webp .tif .tiff .pgm .ppm .pbm .pnm .tga .ico"
IMAGE_SUFFIXES = frozenset([*_RASTER.split(), ".avif", ".heic", ".heif", ".hif", ".svg", ".pdf"])
"""The endings of picture files."""

VECTOR_SIDE = 1024
"""The longer side, in pixels, at which drawings without pixels (SVG, PDF) are rendered."""

# Only raster formats that Pillow decodes itself: its EPS reader, for one, would start another program on the file.
_FORMATS = ("PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "TGA", "ICO", "AVIF", "HEIF")
_KNOWN = "PNG, JPEG, WebP, TIFF, GIF or BMP"

_MOST_FRAMES = 100
"""Largest number of frames of an animation, or pages of a document, that are searched for ink."""

_EXTRA = "pip install 'allograph[formats]'"


@contextlib.contextmanager
def one_line_errors(name: str) -> Iterator[None]:
    """Turns the many ways in which a decoder can fail into one line each."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a decoder's remarks on odd metadata help nobody here
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except AllographError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise AllographError(_too_large(name)) from error
    except UnidentifiedImageError as error:
        raise AllographError(f"{name} is not an image that can be read; save it as {_KNOWN}") from error
    except MemoryError as error:
        raise AllographError(f"{name} does not fit into memory; scale it down") from error
    except AssertionError as error:  # Pillow's, for an image whose file is no longer open
        raise AllographError(f"{name} was closed before it was read; pass it while it is open") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error) as error:
        if "closed" in str(error):
            raise AllographError(f"{name} was closed before it was read; pass it while it is open") from error
        raise AllographError(f"{name} is damaged or cut off; save or copy the image again") from error


def check_size(width: int, height: int, name: str) -> None:
    """Refuse a picture too large to decode or too small to show a symbol."""
    if width * height > MAX_PIXELS:
        raise AllographError(_too_large(name, f"{width} x {height} pixels"))
    if min(width, height) < MIN_SIDE:
        raise AllographError(
            f"{name} is too small ({width} x {height} pixels); a symbol needs at least {MIN_SIDE} x {MIN_SIDE}"
        )


def _too_large(name: str, size: str = "") -> str:
    detail = f" ({size})" if size else ""
    return f"{name} is too large{detail}; scale it down to {MAX_PIXELS // 1_000_000} million pixels or fewer"


def frames_of(data: bytes, name: str) -> Iterator[tuple[Image.Image, int]]:
    """Every frame of an animation or page of a document, each while it is asked for, with the number of all of them.

    A phone's JPEG with further pictures in it (MPO) counts as one. Raises AllographError if it is not a picture.
    """
    if not data:
        raise AllographError(f"{name} is empty; save the image again")
    if data[:1024].lstrip().startswith(b"%PDF-"):
        yield from _pdf_pages(data, name)
    elif re.match(rb"\s*(\xef\xbb\xbf)?\s*(<\?xml|<!--|<!DOCTYPE svg|<svg)", data[:200]) and b"<svg" in data[:100_000]:
        yield _svg(data, name), 1
    else:
        yield from _pixels(data, name)


def _pixels(data: bytes, name: str) -> Iterator[tuple[Image.Image, int]]:
    if data[4:8] == b"ftyp" and data[8:12] not in (b"avif", b"avis"):
        _open_heif(name)
    with one_line_errors(name), Image.open(io.BytesIO(data)) as opened:
        if opened.format not in _FORMATS:
            raise UnidentifiedImageError
        check_size(*opened.size, name)
        if opened.format == "JPEG" and _lacks_data(data):
            raise AllographError(f"{name} is damaged or cut off; save or copy the image again")
        count = 1 if opened.format in ("MPO", "JPEG", "ICO", "HEIF") else int(getattr(opened, "n_frames", 1))
        for number in range(min(count, _MOST_FRAMES)):
            if number:
                opened.seek(number)
            yield opened, count


def _open_heif(name: str) -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise AllographError(f"{name} is in HEIC, which needs another package: {_EXTRA}, or save it as JPEG") from error
    pillow_heif.register_heif_opener()


def _lacks_data(data: bytes) -> bool:
    """Whether a JPEG of one scan ends before its last block, with or without an end marker; decoders then invent the
    rest.

    Without that marker and with a few more bytes, a decoder reaches the end of a complete picture, and asks for more
    data in an incomplete one.
    """
    place, scan, baseline = 2, 0, False
    while place + 4 <= len(data) and data[place] == 0xFF:
        kind = data[place + 1]
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        baseline |= kind in (0xC0, 0xC1)
        place += 2 + length
        if kind == 0xDA:
            scan = place
            break
    if not scan or not baseline:
        return False
    end = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search(data, scan)
    if end is None or data[end.start() + 1] != 0xD9:
        return False
    try:
        with Image.open(io.BytesIO(data[: end.start()] + bytes(64))) as whole:
            whole.draft(None, (whole.width // 8 or 1, whole.height // 8 or 1))
            whole.load()
    except OSError:
        return True
    return False


def _svg(data: bytes, name: str) -> Image.Image:
    try:
        import resvg_py
    except ImportError as error:
        raise AllographError(f"{name} is in SVG, which needs another package: {_EXTRA}, or save it as PNG") from error
    text = data.decode("utf-8-sig", errors="replace")
    size = re.search(r"<svg[^>]*?\swidth=[\"']([\d.]+)[^>]*?\sheight=[\"']([\d.]+)", text, re.DOTALL)
    box = re.search(r"<svg[^>]*?\sviewBox=[\"'][-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)[\s,]+([\d.]+)", text, re.DOTALL)
    shape = size or box
    wide = shape is None or float(shape[1]) >= float(shape[2])
    width, height = (VECTOR_SIDE, None) if wide else (None, VECTOR_SIDE)
    try:
        drawn = resvg_py.svg_to_bytes(svg_string=text, width=width, height=height)
    except (ValueError, OverflowError) as error:
        raise AllographError(f"{name} is damaged ({first_line(error)}); save the drawing again") from error
    with one_line_errors(name):
        picture = Image.open(io.BytesIO(bytes(drawn)))
        check_size(*picture.size, name)
        picture.load()
    return picture


def _pdf_pages(data: bytes, name: str) -> Iterator[tuple[Image.Image, int]]:
    try:
        import pypdfium2
    except ImportError as error:
        raise AllographError(f"{name} is in PDF, which needs another package: {_EXTRA}, or save it as PNG") from error
    try:
        document = pypdfium2.PdfDocument(data)
        count = len(document)
        for number in range(min(count, _MOST_FRAMES)):
            page = document[number]
            yield page.render(scale=VECTOR_SIDE / max(*page.get_size(), 1e-3)).to_pil(), count
    except pypdfium2.PdfiumError as error:
        raise AllographError(f"{name} cannot be opened ({first_line(error)}); save the document again") from error
