"""DIR/metadata.jsonl, with which Hugging Face's `datasets` reads an augmented set: a JSON object for every picture.

    {"file_name": "ka/0001.png", "label": "ka", "generated": true, "exemplar": "ka/a.png"}

The format is JSON lines, because in CSV a class named 007 would be read as the number 7. A name such as "test" or
"my-dev-set" is refused: `datasets` would take such a folder or file for a part of the set and silently leave out all
others. The file follows from the manifest and lists the existing files. It is written at the end of a job, so a job
that was stopped leaves that of the call before.
"""

from __future__ import annotations

__all__ = ["Layout", "check_metadata", "write_metadata"]

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from allograph.errors import AllographError, shown
from allograph.generation.manifest import Manifest, Row
from allograph.runtime.files import atomic_write, explain_os_error

Layout = Literal["imagefolder", "hf"]
"""DIR/CLASS/*.png, as torchvision's `ImageFolder` reads it; or also with the metadata for `datasets`."""

_NAME = "metadata.jsonl"

_PARTS = ("train", "training", "validation", "valid", "dev", "val", "test", "testing", "eval", "evaluation")
_PART = re.compile(rf"(?:.*[-._ 0-9])?(?:{'|'.join(_PARTS)})(?:[-._ 0-9].*)?", re.DOTALL)


def check_metadata(output: Path, names: Iterable[str], layout: Layout, overwrite: bool) -> None:
    """Refuse a file of that name that no earlier call wrote; remove that of a set that starts again.

    Args:
        names: names of the classes and of the copied files.

    Raises:
        AllographError: a foreign file would be replaced, or `datasets` would take a name for a part of the set.
    """
    taken = next((name for name in names if _PART.fullmatch(name)), None) if layout == "hf" else None
    if taken is not None:
        raise AllographError(
            f"the name {shown(taken)} means a part of a data set to `datasets`, which would then leave out the rest: "
            "rename it, or leave out --layout hf"
        )
    if _is_ours(output / _NAME):
        if overwrite:
            (output / _NAME).unlink()
    elif layout == "hf" and (output / _NAME).exists():
        raise AllographError(
            f"{output / _NAME} exists already, and `allograph augment` did not make it; choose another folder with "
            "-o, or move it away"
        )


def write_metadata(output: Path, manifest: Manifest, layout: Layout) -> Path | None:
    """Write the metadata, or update that of an earlier call; None if none is wanted."""
    path = output / _NAME
    if layout != "hf" and not _is_ours(path):
        return None
    atomic_write(path, "".join(f"{_line(row)}\n" for row in manifest.rows if (output / row.file).exists()).encode())
    return path


def _line(row: Row) -> str:
    generated = bool(row.number)
    return json.dumps(
        {"file_name": row.file, "label": row.class_name, "generated": generated, "exemplar": row.exemplar}
    )


def _is_ours(path: Path) -> bool:
    try:
        with path.open() as file:
            line = file.readline()
        if not line:  # of a set without a picture
            return True
        first = json.loads(line)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise explain_os_error(error, f"cannot read {path}") from error
    except ValueError:
        return False
    return isinstance(first, dict) and first.keys() == {"file_name", "label", "generated", "exemplar"}
