"""DIR/metadata.jsonl, by which Hugging Face's `datasets` reads an augmented set: a JSON object for every picture.

    {"file_name": "ka/0001.png", "label": "ka", "generated": true, "exemplar": "ka/a.png"}

JSON lines, not CSV: there a class named 007 would be read as the number 7. The file follows from the manifest and lists
what is there; the job's end writes it, so that after a job that was stopped it is that of the call before.
"""

from __future__ import annotations

__all__ = ["Layout", "check_metadata", "write_metadata"]

import json
from pathlib import Path
from typing import Literal

from allograph.errors import AllographError
from allograph.generation.manifest import Manifest, Row
from allograph.runtime.files import atomic_write, explain_os_error

Layout = Literal["imagefolder", "hf"]
"""DIR/CLASS/*.png, as torchvision's `ImageFolder` reads it; or with the metadata for `datasets`, too."""

_NAME = "metadata.jsonl"


def check_metadata(output: Path, layout: Layout, overwrite: bool) -> None:
    """Refuse a file of that name that an earlier call did not write; remove one whose set begins anew.

    Raises:
        AllographError: somebody else's file would be replaced.
    """
    if _is_ours(output / _NAME):
        if overwrite:
            (output / _NAME).unlink()
    elif layout == "hf" and (output / _NAME).exists():
        raise AllographError(
            f"{output / _NAME} exists already and is not of `allograph augment`; choose another folder with -o, or "
            "move it away"
        )


def write_metadata(output: Path, manifest: Manifest, layout: Layout) -> Path | None:
    """Write the metadata, or bring that of an earlier call up to date; None where none is wanted."""
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
