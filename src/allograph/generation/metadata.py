"""`metadata.csv`, which Hugging Face's `load_dataset("imagefolder", data_dir=...)` reads beside the pictures."""

from __future__ import annotations

__all__ = ["write_metadata"]

import csv
import io
from pathlib import Path

from allograph.generation.manifest import Manifest
from allograph.runtime.files import atomic_write


def write_metadata(manifest: Path) -> Path:
    """Write it beside a manifest: the columns file_name, label, exemplar and number (empty for an exemplar)."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file_name", "label", "exemplar", "number"])
    for row in Manifest(manifest).rows:
        if (manifest.parent / row.file).exists():
            table.writerow([row.file, row.class_name, row.exemplar, row.number])
    path = manifest.parent / "metadata.csv"
    atomic_write(path, text.getvalue().encode(errors="surrogateescape"))
    return path
