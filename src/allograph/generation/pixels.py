"""Images of training pipelines as pictures of eight bits, and the way back.

A picture is a PIL image of mode L, RGB or RGBA. A PIL image keeps its mode, an array or a tensor its shape and type.
Numbers that are not uint8 (or are only 0 and 1) are mapped to 0 to 255, from the smallest to the largest in the image,
and a drawing is mapped back to the same range. So even for a normalised image, the drawing's ink and paper have the
image's own values.
"""

from __future__ import annotations

__all__ = ["Seen", "see"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from allograph.errors import AllographError

_COLOUR_MODES = ("CMYK", "YCbCr", "HSV")
_NUMBER_MODES = ("I", "I;16", "F")


@dataclass(frozen=True)
class Seen:
    """An image as a picture, and how a picture of the same size and mode becomes an image of the same kind."""

    picture: Image.Image
    back: Callable[[Image.Image], Any]


def see(image: Any) -> Seen:
    """Take one image: a PIL image, an array (h, w[, 1, 3 or 4]), or a torch tensor ([1, 3 or 4, ]h, w).

    Raises:
        TypeError: the image is of another kind or shape; a program's mistake, so the first call shows it.
        AllographError: the image holds nothing that could be drawn.
    """
    if image is None:  # as a row of a table without its picture has it
        raise AllographError("an image is missing")
    if isinstance(image, Image.Image):
        return _see_pil(image)
    if isinstance(image, np.ndarray):
        return _see_array(image)
    if _is_tensor(image):
        return _see_tensor(image)
    raise TypeError(f"an image is a PIL image, a NumPy array or a torch tensor, not {type(image).__name__}")


def _is_tensor(image: Any) -> bool:
    import torch

    return isinstance(image, torch.Tensor)


def _see_pil(image: Image.Image) -> Seen:
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise AllographError(f"an image cannot be read ({type(error).__name__})") from error
    mode = image.mode
    if mode in ("L", "RGB", "RGBA"):
        # A copy of the pixels alone: neither a camera's orientation nor a transparent tone changes what is drawn.
        return Seen(Image.fromarray(np.asarray(image)), lambda drawn: _like(image, drawn))
    if mode in _NUMBER_MODES:
        numbers = _see_array(np.asarray(image))
        return Seen(numbers.picture, lambda drawn: _like(image, Image.fromarray(numbers.back(drawn))))
    if mode == "1":
        cut = [0] * 128 + [255] * 128
        return Seen(image.convert("L"), lambda drawn: _like(image, drawn.point(cut).convert("1")))
    if mode == "LA":
        return Seen(image.convert("RGBA"), lambda drawn: _like(image, drawn.convert("LA")))
    if mode == "P":
        return _see_palette(image)
    if mode in _COLOUR_MODES:
        return Seen(image.convert("RGB"), lambda drawn: _like(image, drawn.convert(mode)))
    raise TypeError(f"cannot draw images of mode {mode}; convert them to RGB or RGBA first")


def _see_palette(image: Image.Image) -> Seen:
    """The colours of the palette; transparent places become the palette's first transparent entry."""
    clear = image.info.get("transparency")
    if isinstance(clear, bytes):
        clear = clear.index(0) if 0 in clear else None

    def back(drawn: Image.Image) -> Image.Image:
        entries = drawn.convert("RGB").quantize(palette=image, dither=Image.Dither.NONE)
        if clear is not None:
            entries.paste(clear, mask=drawn.getchannel("A").point([255] * 128 + [0] * 128))
        return _like(image, entries)

    return Seen(image.convert("RGB" if clear is None else "RGBA"), back)


def _like(image: Image.Image, drawn: Image.Image) -> Image.Image:
    """The picture with the image's other information: resolution, colour profile, orientation."""
    drawn.info = dict(image.info)
    return drawn


def _see_array(array: np.ndarray) -> Seen:
    flat = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    real = array.dtype == bool or (np.issubdtype(array.dtype, np.number) and not np.iscomplexobj(array))
    if not real or not (flat.ndim == 2 or (flat.ndim == 3 and flat.shape[2] in (3, 4))):
        raise TypeError(f"an image array is (h, w) or (h, w, 1, 3 or 4) real numbers, not {array.dtype} {array.shape}")
    if not array.size:
        raise AllographError(f"an image of shape {array.shape} is empty")
    if array.dtype == np.uint8 and array.max() > 1:
        picture = Image.fromarray(np.ascontiguousarray(flat))
        return Seen(picture, lambda drawn: np.asarray(drawn).reshape(array.shape).copy())
    values = flat.astype(np.float64)
    low, high = values.min(), values.max()
    if not np.isfinite(high - low) or high == low:
        raise AllographError("an image holds one value only, or numbers that are not finite")
    picture = Image.fromarray(((values - low) * (255 / (high - low))).round().astype(np.uint8))

    def back(drawn: Image.Image) -> np.ndarray:
        numbers = np.asarray(drawn).astype(np.float64) * ((high - low) / 255) + low
        if array.dtype == bool or np.issubdtype(array.dtype, np.integer):
            numbers = numbers.round()
        return numbers.astype(array.dtype).reshape(array.shape)

    return Seen(picture, back)


def _see_tensor(image: Any) -> Seen:
    """A tensor's channels come first; its device and class (torchvision's images are one) come back, too."""
    import torch

    if image.ndim not in (2, 3) or image.is_complex() or (image.ndim == 3 and image.shape[0] not in (1, 3, 4)):
        raise TypeError(f"an image tensor is (h, w) or (1, 3 or 4, h, w) real numbers, not {tuple(image.shape)}")
    plain = image.detach().as_subclass(torch.Tensor).cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()  # NumPy has no such numbers
    array = plain.numpy()
    seen = _see_array(array if array.ndim == 2 else array.transpose(1, 2, 0))

    def back(drawn: Image.Image) -> Any:
        numbers = seen.back(drawn)
        tensor = torch.from_numpy(numbers if numbers.ndim == 2 else np.ascontiguousarray(numbers.transpose(2, 0, 1)))
        return tensor.to(device=image.device, dtype=image.dtype).as_subclass(type(image))

    return Seen(seen.picture, back)
