"""The collection as a ZIP file of class folders, which `allograph train` reads once unpacked."""

from __future__ import annotations

__all__ = ["ROOT", "pack"]

import io
import re
import zipfile
from collections.abc import Sequence

from allograph.studio.errors import RequestError
from allograph.studio.images import decode, image_format
from allograph.studio.limits import Limits
from allograph.studio.schemas import CollectedClass

ROOT = "collection"
"""The folder in the ZIP file that holds the class folders."""

_SUFFIXES = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "WEBP": "webp", "GIF": "gif", "TIFF": "tif", "BMP": "bmp"}

_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of every entry, fixed so that equal collections make equal files."""


def pack(classes: Sequence[CollectedClass], limits: Limits) -> bytes:
    """A ZIP file of ROOT/CLASS/0001.png ...

    Raises:
        RequestError: 400, 413 or 422, an image cannot be used.
    """
    taken: set[str] = set()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as file:
        for one in classes:
            folder = _folder_name(one.name, taken)
            for number, text in enumerate(one.images, 1):
                name = f"image {number} of class {folder}"
                data = decode(text, limits, name)
                kind = image_format(data, name)
                if kind not in _SUFFIXES:
                    raise RequestError(422, f"{name} is a {kind} file; save it as PNG")
                entry = zipfile.ZipInfo(f"{ROOT}/{folder}/{number:04d}.{_SUFFIXES[kind]}", _TIME)
                entry.external_attr = 0o644 << 16
                file.writestr(entry, data)
    return stream.getvalue()


def _folder_name(name: str, taken: set[str]) -> str:
    """A valid, visible folder name on every system that is not in `taken`, to which it is added."""
    plain = re.sub(r"[^\w .-]+", "-", name).strip(" .-_") or "class"
    count, free = 1, plain
    while free.casefold() in taken:
        count += 1
        free = f"{plain} {count}"
    taken.add(free.casefold())
    return free
