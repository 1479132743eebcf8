"""Opening whatever picture a person hands in: a file, a PIL image or an array, in any mode."""

from __future__ import annotations

__all__ = ["MAX_PIXELS", "MIN_SIDE", "Decoded", "Picture", "decode_picture"]

import contextlib
import io
import os
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from allograph.errors import AllographError
from allograph.runtime.files import explain_os_error

Picture = Path | str | bytes | Image.Image | np.ndarray
"""A file, the content of one, a PIL image or an array."""

MAX_PIXELS = 80_000_000
"""Larger pictures are refused from their header alone. Below Pillow's own limit, which warns from 89 million on."""

MIN_SIDE = 8
"""The smallest side, in pixels, of a picture on which a symbol can be told from noise."""

WORK_SIDE = (320, 1024)
"""Pictures are worked on at a longer side in this range: fine enough for smooth edges, coarse enough to be quick."""

PICTURE_SIDE = 1024
"""The longer side of the copy that contact sheets show."""

# Only raster formats that Pillow decodes itself: its EPS reader, for one, would start another program on the file.
_FORMATS = ("PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "TGA", "ICO")
_KNOWN = "PNG, JPEG, WebP, TIFF, GIF or BMP"


@dataclass(frozen=True)
class Decoded:
    """A picture, decoded and brought to a convenient size.

    - `colour`: float32 (h, w, 3) in [0, 1], at the working size
    - `alpha`: float32 (h, w) in [0, 1], or None where the picture has no transparency channel
    - `width`, `height`: of the picture as handed in, upright, in pixels
    - `picture`: the picture itself, RGB or RGBA, at most `PICTURE_SIDE` pixels long
    - `has_colour`: false for a two-dimensional array, whose values are measurements and no colours
    - `name`: what to call it in a message
    """

    colour: np.ndarray
    alpha: np.ndarray | None
    width: int
    height: int
    picture: Image.Image
    has_colour: bool
    name: str

    @property
    def scale(self) -> tuple[float, float]:
        """Working pixels per pixel of the picture as handed in, across and down."""
        height, width = self.colour.shape[:2]
        return width / self.width, height / self.height


def decode_picture(image: Picture) -> Decoded:
    """Decode `image`.

    Of an animated file the first frame is taken; a camera's orientation mark is obeyed; pictures with more than 8 bits
    per channel and arrays that are not uint8 are stretched to their own range, for nobody says where their white lies.

    Raises AllographError for whatever is not a picture of a usable size: missing, a folder, unreadable, of another
    format, truncated, empty, too large or too small.
    """
    if isinstance(image, np.ndarray):
        return _from_array(image)
    if isinstance(image, Image.Image):
        with _one_line_errors("the image"):
            return _from_image(image, "the image")
    if isinstance(image, bytes):
        return _from_file(io.BytesIO(image), "the image")
    if not isinstance(image, str | os.PathLike):
        raise AllographError(
            f"an image is a path, a PIL image or a numpy array, not {type(image).__name__}; hand in one"
        )
    path = Path(image)
    # A line break in a file's name shall not break the message, nor bytes that are no text its printing.
    name = str(path) if str(path).isprintable() else repr(str(path))
    try:
        if path.is_dir():
            raise AllographError(f"{name} is a folder; name an image file in it")
        with path.open("rb") as file:
            return _from_file(file, name)
    except OSError as error:
        raise explain_os_error(error, f"cannot read {name}") from error
    except ValueError as error:
        raise AllographError(f"{name} is not the name of any file; check the path") from error


@contextlib.contextmanager
def _one_line_errors(name: str) -> Iterator[None]:
    """Turn the many ways in which a decoder can fail into one line each."""
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
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error) as error:
        raise AllographError(f"{name} is damaged or cut off; save or copy the image again") from error


def _from_file(file: BinaryIO, name: str) -> Decoded:
    if not file.read(1):
        raise AllographError(f"{name} is empty; save the image again")
    file.seek(0)
    with _one_line_errors(name), Image.open(file) as opened:
        if opened.format not in _FORMATS:
            raise UnidentifiedImageError
        return _from_image(opened, name)


def _from_image(image: Image.Image, name: str) -> Decoded:
    _check_size(*image.size, name)
    # A camera's JPEG can be decoded at a half, a quarter or an eighth, which is many times quicker.
    width, height = image.size
    if image.format == "JPEG":
        image.draft(None, (2 * WORK_SIDE[1], 2 * WORK_SIDE[1]))
    turned = ImageOps.exif_transpose(image)  # decodes; a copy, upright
    if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
        width, height = height, width
    return _build(_to_eight_bits(turned), (width, height), True, name)


def _from_array(array: np.ndarray) -> Decoded:
    name = "the array"
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise AllographError(f"an image array is (height, width) or (height, width, 3 or 4), not {array.shape}")
    if not (array.dtype == bool or np.issubdtype(array.dtype, np.number)) or np.iscomplexobj(array):
        raise AllographError(f"an image array holds real numbers or booleans, not {array.dtype}")
    height, width = array.shape[:2]
    _check_size(width, height, name)
    if array.dtype != np.uint8:
        array = _stretch(array)
    return _build(Image.fromarray(np.ascontiguousarray(array)), (width, height), array.ndim == 3, name)


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise AllographError(_too_large(name, f"{width} x {height} pixels"))
    if min(width, height) < MIN_SIDE:
        raise AllographError(
            f"{name} is too small ({width} x {height} pixels); a symbol needs at least {MIN_SIDE} x {MIN_SIDE}"
        )


def _too_large(name: str, size: str = "") -> str:
    detail = f" ({size})" if size else ""
    return f"{name} is too large{detail}; scale it down to {MAX_PIXELS // 1_000_000} million pixels or fewer"


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Return `image` as L, RGB or RGBA."""
    if image.mode in ("L", "RGB", "RGBA"):
        if "transparency" not in image.info:
            return image
        return image.convert("RGBA")
    if image.mode in ("F", "I") or image.mode.startswith("I;"):
        return Image.fromarray(_stretch(np.asarray(image)))
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB")


def _stretch(values: np.ndarray) -> np.ndarray:
    """Map the range of `values` to 0..255; an array's fourth channel, its alpha, keeps its own scale."""
    if values.ndim == 3 and values.shape[2] == 4:
        full = 1.0 if values.dtype == bool or values.max() <= 1 else _full_scale(values)
        alpha = np.clip(np.nan_to_num(values[:, :, 3].astype(np.float32)) / full, 0, 1) * 255
        return np.dstack([_stretch(values[:, :, :3]), alpha.round().astype(np.uint8)])
    values = values.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8)
    low, high = values[finite].min(), values[finite].max()
    values = np.where(finite, values, np.median(values[finite]))  # a hole is paper, more likely than ink
    return ((values - low) * (255 / max(high - low, 1e-12))).round().astype(np.uint8)


def _full_scale(values: np.ndarray) -> float:
    return float(np.iinfo(values.dtype).max if np.issubdtype(values.dtype, np.integer) else values.max())


def _build(image: Image.Image, original: tuple[int, int], has_colour: bool, name: str) -> Decoded:
    longer = max(image.size)
    factor = min(max(longer, WORK_SIDE[0]), WORK_SIDE[1]) / longer
    work_size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    picture = image.convert(mode)
    if longer > PICTURE_SIDE:
        # Pillow weighs the colours of RGBA by their alpha while it scales: no dark fringe around transparent ink.
        picture = picture.resize(work_size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    work = picture
    if work.size != work_size:
        work = work.resize(work_size, Image.Resampling.BICUBIC)
    values = np.asarray(work, np.float32) / 255
    alpha = values[:, :, 3] if mode == "RGBA" else None
    return Decoded(values[:, :, :3], alpha, *original, picture, has_colour, name)
