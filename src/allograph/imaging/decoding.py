"""Opens any picture that a user gives: a file, a PIL image or an array, in any mode."""

from __future__ import annotations

__all__ = ["Decoded", "Picture", "content", "decode_frames", "decode_picture", "stem_of", "upright"]

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from allograph.errors import AllographError
from allograph.imaging.picture_files import check_size, frames_of, one_line_errors
from allograph.runtime.files import explain_os_error

Picture = Path | str | bytes | Image.Image | np.ndarray
"""A file, the content of one, a PIL image or an array."""

WORK_SIDE = (320, 1024)
"""Range of the longer side of the working copy in pixels: fine enough for smooth edges, coarse enough to be quick."""

PICTURE_SIDE = 1024
"""The longer side of the copy that contact sheets show."""

_STDIN = Path("-")
"""The name of standard input; a file of that name is ./-."""

_MOST_BYTES = 1 << 30
"""What is read from a pipe, which does not say how much there is."""


@dataclass(frozen=True)
class Decoded:
    """A picture, decoded and brought to a convenient size.

    - `colour`: float32 (h, w, 3) in [0, 1], at the working size
    - `alpha`: float32 (h, w) in [0, 1], or None if the picture has no transparency channel
    - `width`, `height`: of the original picture, upright, in pixels
    - `picture`: the picture itself, RGB or RGBA, at most `PICTURE_SIDE` pixels long
    - `has_colour`: false for a two-dimensional array, whose values are measurements, not colours
    - `name`: what to call it in a message
    - `frame`, `frames`: which of how many frames of an animation or pages of a document, counted from 1
    """

    colour: np.ndarray
    alpha: np.ndarray | None
    width: int
    height: int
    picture: Image.Image
    has_colour: bool
    name: str
    frame: int = 1
    frames: int = 1

    @property
    def scale(self) -> tuple[float, float]:
        """Working pixels per pixel of the original picture, across and down."""
        height, width = self.colour.shape[:2]
        return width / self.width, height / self.height


def decode_picture(image: Picture) -> Decoded:
    """Decode `image`, or the first frame of an animation; see `decode_frames`."""
    return next(decode_frames(image))


def decode_frames(image: Picture) -> Iterator[Decoded]:
    """Decode every frame of `image`, each when it is asked for; most images have one.

    A camera's orientation mark is obeyed; pictures with more than 8 bits per channel, arrays that are not uint8 and
    those of nothing but 0 and 1 are stretched to their own range, for nobody says where their white lies. Drawings
    without pixels (SVG, PDF) are rendered.

    Raises AllographError for anything that is not a picture of a usable size: missing, a folder, unreadable, of another
    format, truncated, empty, too large or too small.
    """
    if isinstance(image, np.ndarray):
        yield _from_array(image)
        return
    if isinstance(image, Image.Image):
        yield _from_image(image, "the image")
        return
    data, name = (image, "the image") if isinstance(image, bytes) else content(image)
    for number, (frame, count) in enumerate(frames_of(data, name), 1):
        yield replace(_from_image(frame, name), frame=number, frames=count)


def upright(image: Picture, frame: int = 1) -> Image.Image:
    """The picture itself at its full size, RGB or RGBA; for several frames, the one with this number, from 1."""
    if isinstance(image, np.ndarray):
        return _from_array(image).picture
    if isinstance(image, Image.Image):
        return _whole(image, "the image")
    data, name = (image, "the image") if isinstance(image, bytes) else content(image)
    frames = (one for one, _ in frames_of(data, name))
    return _whole(next(islice(frames, frame - 1, None)), name)


def _whole(image: Image.Image, name: str) -> Image.Image:
    with one_line_errors(name):
        eight = _to_eight_bits(ImageOps.exif_transpose(image), _is_negative(image))
        return eight if eight.mode == "RGBA" else eight.convert("RGB")


def stem_of(path: Path) -> str:
    """The stem of files made from a picture: its name without the ending, or stdin."""
    return "stdin" if path == _STDIN else path.stem


def content(image: Path | str) -> tuple[bytes, str]:
    """The bytes of a file, of a pipe or, for the name -, of standard input; and its name as a message shows it."""
    if not isinstance(image, str | os.PathLike):
        raise AllographError(
            f"an image must be a path, a PIL image or a numpy array, not {type(image).__name__}; pass one of these"
        )
    path = Path(image)
    if path == _STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise AllographError("standard input is the keyboard; send a picture through a pipe, or name a file")
        return sys.stdin.buffer.read(_MOST_BYTES), "standard input"
    # A line break in a file's name shall not break the message, nor bytes that are no text its printing.
    name = str(path) if str(path).isprintable() else repr(str(path))
    try:
        if path.is_dir():
            raise AllographError(f"{name} is a folder; name an image file in it")
        with path.open("rb") as file:
            return file.read(_MOST_BYTES), name
    except OSError as error:
        raise explain_os_error(error, f"cannot read {name}") from error
    except ValueError as error:
        raise AllographError(f"there is no file {name}; check the path") from error


def _from_image(image: Image.Image, name: str) -> Decoded:
    with one_line_errors(name):
        check_size(*image.size, name)
        # A camera's JPEG can be decoded at a half, a quarter or an eighth, which is many times quicker.
        width, height = image.size
        if image.format == "JPEG":
            image.draft(None, (2 * WORK_SIDE[1], 2 * WORK_SIDE[1]))
        turned = ImageOps.exif_transpose(image)  # decodes; a copy, upright
        if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
            width, height = height, width
        return _build(_to_eight_bits(turned, _is_negative(image)), (width, height), True, name)


def _is_negative(image: Image.Image) -> bool:
    """Whether a TIFF has white at 0 (PhotometricInterpretation 0), which Pillow minds up to 8 bits only."""
    return image.mode.startswith("I") and getattr(image, "tag_v2", {}).get(262) == 0


def _from_array(array: np.ndarray) -> Decoded:
    name = "the array"
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise AllographError(f"an image array is (height, width) or (height, width, 3 or 4), not {array.shape}")
    if not (array.dtype == bool or np.issubdtype(array.dtype, np.number)) or np.iscomplexobj(array):
        raise AllographError(f"an image array holds real numbers or booleans, not {array.dtype}")
    height, width = array.shape[:2]
    check_size(width, height, name)
    if array.dtype != np.uint8 or (array.size and array.max() <= 1):
        array = _stretch(array)
    return _build(Image.fromarray(np.ascontiguousarray(array)), (width, height), array.ndim == 3, name)


def _to_eight_bits(image: Image.Image, negative: bool = False) -> Image.Image:
    """Return `image` as L, RGB or RGBA; one tone that a PNG marks as transparent (tRNS) becomes that."""
    clear = image.info.get("transparency")
    if image.mode in ("L", "RGB", "RGBA"):
        return image if clear is None else image.convert("RGBA")
    if image.mode in ("F", "I") or image.mode.startswith("I;"):
        values = np.asarray(image)
        grey = _stretch(values)
        if negative:
            grey = 255 - grey
        if isinstance(clear, int):
            alpha = np.where(values == clear, 0, 255).astype(np.uint8)
            return Image.fromarray(np.dstack([grey, alpha])).convert("RGBA")
        return Image.fromarray(grey)
    if image.mode == "1":
        grey = image.convert("L")
        if isinstance(clear, int):
            grey.putalpha(grey.point([0 if bool(v) == bool(clear) else 255 for v in range(256)]))
            return grey.convert("RGBA")
        return grey
    if image.mode in ("LA", "La", "PA", "RGBa") or clear is not None:
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
