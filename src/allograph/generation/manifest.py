"""The manifest of an augmented data set: a CSV row for every file, and the journal that a resumed job reads.

The rows of a class are on disk before its first file, so that every file in the folder has a row that says how it was
made, even after a power failure. Each of several processes writes its own hidden journal beside the CSV. The journals
are merged into the CSV at the end of the job or, if it was stopped, at the start of the next one.
"""

from __future__ import annotations

__all__ = ["Manifest", "Row"]

import csv
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from itertools import chain
from pathlib import Path

from allograph.errors import AllographError
from allograph.runtime.files import atomic_write, explain_os_error


@dataclass(frozen=True)
class Row:
    """How one file was made; every value is text, as in the CSV.

    Attributes:
        class_name: the class, column `class`.
        file: path within the output folder, with slashes.
        exemplar: path within the folder of exemplars, with slashes.
        seed, number: together with the class they determine the drawing's noise; both empty for the copy of an
            original.
        temperature, guidance, attempts, size_variation, size, ink: the settings; size is empty if drawings have that
            of their exemplar.
        model: the first 12 digits of the weights' SHA-256.
        exemplar_sha256: hash of the exemplar's file.
        exemplars_sha256: hash of the hashes of all exemplars of the class, where the model saw them together; empty
            where it saw this one alone.
    """

    class_name: str
    file: str
    exemplar: str
    seed: str
    number: str
    temperature: str
    guidance: str
    attempts: str
    size_variation: str
    size: str
    ink: str
    model: str
    exemplar_sha256: str
    exemplars_sha256: str = ""


_HEADER = ["class", *(field.name for field in fields(Row)[1:])]


class Manifest:
    """The rows of a CSV file and of the journals beside it."""

    def __init__(self, path: Path) -> None:
        """Read the files that exist.

        A last line that a killed job left half-written is ignored.

        Raises:
            AllographError: a file cannot be read or is not a manifest.
        """
        self.path = self._journal = path
        self.exists = path.exists()
        self._rows: dict[str, list[Row]] = {}
        for file in [path, *self._journals()] if self.exists else []:
            self._read(file)

    def start(self) -> None:
        """Write a manifest without rows, replacing any earlier one."""
        self._rows = {}
        self.merge([])

    def merge(self, classes: Iterable[str]) -> None:
        """Write all rows to the CSV file, those of ``classes`` first and in this order, and remove the journals."""
        self._rows = {name: self._rows[name] for name in dict.fromkeys([*classes, *self._rows]) if name in self._rows}
        text = _as_csv([_HEADER, *(list(astuple(row)) for row in self.rows)])
        if not self.exists or self.path.read_bytes() != text:
            atomic_write(self.path, text)
        self.exists = True
        for journal in self._journals():
            journal.unlink(missing_ok=True)

    def keep_journal(self, number: int) -> None:
        """Write rows to the journal of the process with this number from now on."""
        self._journal = self.path.with_name(f".{self.path.stem}-{number:04d}{self.path.suffix}")
        atomic_write(self._journal, _as_csv([_HEADER]))

    def clear(self) -> None:
        """Remove the files that the rows name, if they lie in the manifest's folder, and start again."""
        folder = self.path.parent
        for row in self.rows:
            path = folder / row.file
            if path.resolve().is_relative_to(folder.resolve()):
                path.unlink(missing_ok=True)
        self.start()

    def append(self, rows: list[Row]) -> None:
        """Add rows and return once they are on disk."""
        try:
            end = self._journal.stat().st_size
            try:
                with open(self._journal, "ab") as file:
                    file.write(_as_csv([list(astuple(row)) for row in rows]))
                    file.flush()
                    os.fsync(file.fileno())
            except BaseException:
                os.truncate(self._journal, end)
                raise
        except OSError as error:
            raise explain_os_error(error, f"cannot write {self._journal}") from error
        self._add(rows)

    def of(self, class_name: str) -> list[Row]:
        """The rows of one class."""
        return self._rows.get(class_name, [])

    @property
    def rows(self) -> Iterator[Row]:
        """All rows, class by class."""
        return chain.from_iterable(self._rows.values())

    def _journals(self) -> list[Path]:
        return sorted(self.path.parent.glob(f".{self.path.stem}-*{self.path.suffix}"))

    def _read(self, path: Path) -> None:
        try:
            text = path.read_bytes().decode(errors="surrogateescape")
        except OSError as error:
            raise explain_os_error(error, f"cannot read {path}") from error
        whole = text[: text.rfind("\n") + 1]
        lines = list(csv.reader(io.StringIO(whole, newline="")))
        if lines and "exemplar" in lines[0] and "size_variation" not in lines[0]:
            raise AllographError(
                f"an earlier version of allograph, whose drawings differ, made {path}; choose another folder with -o"
            )
        if not lines or lines[0] != _HEADER or any(len(line) != len(_HEADER) for line in lines):
            raise AllographError(f"{path} is not a manifest of `allograph augment`; choose another folder with -o")
        self._add(Row(*line) for line in lines[1:])

    def _add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._rows.setdefault(row.class_name, []).append(row)


def _as_csv(lines: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode(errors="surrogateescape")  # file names are bytes, not always UTF-8
