"""The collection: pictures by class in a ZIP file, laid out as the folders that `allograph train` reads."""

from __future__ import annotations

__all__ = ["ROOT", "pack"]

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from allograph.studio.errors import RequestError
from allograph.studio.images import decode, image_format
from allograph.studio.limits import Limits

ROOT = "collection"
"""The folder in the ZIP file that holds the classes."""

_SUFFIXES = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "WEBP": "webp", "GIF": "gif", "TIFF": "tif", "BMP": "bmp"}

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time that every entry bears: equal collections are equal files."""


def pack(classes: Sequence[Mapping[str, Any]], limits: Limits) -> bytes:
    """The ZIP file ROOT/CLASS/0001.png ... of `[{"name", "images": [base64, ...]}, ...]`.

    Raises:
        RequestError: 400, 413 or 422, too many images or one that is none.
    """
    total = sum(len(one["images"]) for one in classes)
    if total > limits.collected:
        raise RequestError(413, f"the collection has {total} images; {limits.collected} are allowed")
    taken: set[str] = set()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as file:
        for one in classes:
            folder = _folder_name(one["name"], taken)
            for number, text in enumerate(one["images"], 1):
                name = f"image {number} of class {folder}"
                data = decode(text, limits, name)
                kind = image_format(data, name)
                if kind not in _SUFFIXES:
                    raise RequestError(422, f"{name} is a {kind} file; save it as PNG")
                entry = zipfile.ZipInfo(f"{ROOT}/{folder}/{number:04d}.{_SUFFIXES[kind]}", _EPOCH)
                entry.external_attr = 0o644 << 16
                file.writestr(entry, data)
    return stream.getvalue()


def _folder_name(name: str, taken: set[str]) -> str:
    """A name that is a folder's on every system, is not hidden and is not among `taken`, to which it is added."""
    plain = re.sub(r"[^\w .-]+", "-", name.encode("utf-8", "replace").decode()).strip(" .-_") or "class"
    count, free = 1, plain
    while free.casefold() in taken:
        count += 1
        free = f"{plain} {count}"
    taken.add(free.casefold())
    return free
