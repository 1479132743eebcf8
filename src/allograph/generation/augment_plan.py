"""What a job of `allograph augment` has to make, and what of it is there: orders, files and rows of the manifest."""

from __future__ import annotations

__all__ = [
    "AugmentOrder",
    "Source",
    "drawing_name",
    "file_hash",
    "is_complete",
    "open_manifest",
    "original_name",
    "plan_class",
]

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from allograph.errors import AllographError
from allograph.generation.generator import Ink
from allograph.generation.manifest import Manifest, Row
from allograph.imaging import ENDINGS, DrawingFormat, ending_of

if TYPE_CHECKING:
    from allograph.imaging import Exemplar


@dataclass(frozen=True)
class AugmentOrder:
    """What to make for every class; see `Writer.write` for the settings in the middle.

    With ``fill`` each class gets as many drawings as bring it, its exemplars among them, to ``per_class``.
    """

    per_class: int
    seed: int = 0
    temperature: float | None = None
    size: int | None = None
    ink: Ink = "auto"
    keep_originals: bool = False
    overwrite: bool = False
    format: DrawingFormat = "png"
    fill: bool = False

    def drawings_of(self, exemplars: int) -> int:
        """New drawings of a class with so many exemplars."""
        return max(0, self.per_class - exemplars) if self.fill else self.per_class


@dataclass(frozen=True)
class Source:
    """One exemplar of a class: its file, its path within the folder, its file's hash, and what was found in it."""

    path: Path
    name: str
    sha256: str
    exemplar: Exemplar


def open_manifest(output: Path, classes: dict[str, list[Path]], order: AugmentOrder, settings: Row) -> Manifest:
    """That of an earlier call with the same settings, or a new one where nothing stands in the way."""
    manifest = Manifest(output / "manifest.csv")
    _refuse_strangers(manifest, output, classes, order)
    if order.overwrite:
        manifest.clear()
    elif not manifest.exists:
        manifest.start()
    for row in manifest.rows:
        if not row.number:
            continue
        if not row.file.endswith("/" + drawing_name(int(row.number), ending_of(order.format))):
            raise AllographError(
                f"{output} was begun in another format ({Path(row.file).name}); go on with the same --format, choose "
                "another folder with -o, or add --overwrite"
            )
        for setting in ("seed", "temperature", "guidance", "size", "ink", "model"):
            then, now = getattr(row, setting), getattr(settings, setting)
            if then != now:
                raise AllographError(
                    f"{output} was begun with {setting} {then or 'of the exemplar'}, not {now or 'of the exemplar'}; "
                    "go on with the same settings, choose another folder with -o, or add --overwrite"
                )
    manifest.settle(classes)
    return manifest


def _refuse_strangers(manifest: Manifest, output: Path, classes: dict[str, list[Path]], order: AugmentOrder) -> None:
    """Refuse files that look like this job's and are not in the manifest: nobody could tell them from its drawings."""
    for name, files in classes.items():
        listed = {row.file for row in manifest.of(name)}
        numbers = range(1, order.drawings_of(len(files)) + 1)
        written = {drawing_name(number, ending_of(order.format)) for number in numbers}
        written |= {original_name(path) for path in files} if order.keep_originals else set()
        for path in sorted((output / name).glob("*")):
            if not re.fullmatch(rf"\d{{4,}}({ENDINGS})|original-.*", path.name) or f"{name}/{path.name}" in listed:
                continue
            if path.name in written and order.overwrite:
                continue
            remedy = "add --overwrite" if path.name in written else "move it away"
            raise AllographError(
                f"{path} exists already and no manifest row says how it was made; choose another folder with -o, or "
                f"{remedy}"
            )


def is_complete(manifest: Manifest, output: Path, name: str, files: list[Path], order: AugmentOrder) -> bool:
    """Whether an earlier call left nothing to do in a class; its exemplars must still be what they were.

    A file of which no row speaks may be new or damaged, or one whose turn has not come: only taking in tells.
    """
    rows = manifest.of(name)
    drawings = [row for row in rows if row.number]
    wanted = order.drawings_of(len(files))
    if len(drawings) > wanted:
        raise AllographError(
            f"{output / name} has {len(drawings)} drawings already; ask for at least as many, "
            "choose another folder with -o, or add --overwrite"
        )
    hashes = {f"{name}/{path.name}": file_hash(path) for path in files}
    for row in rows:
        if hashes.get(row.exemplar) != row.exemplar_sha256:
            raise AllographError(
                f"the exemplar {row.exemplar} changed since {output} was begun; put it back, "
                "choose another folder with -o, or add --overwrite"
            )
    originals = len(rows) - len(drawings)
    enough = len(drawings) == wanted and (originals > 0 or not order.keep_originals)
    known = hashes.keys() == {row.exemplar for row in rows}
    return enough and known and all((output / row.file).exists() for row in rows)


def plan_class(
    manifest: Manifest, name: str, sources: list[Source], order: AugmentOrder, settings: Row, count: int
) -> None:
    """Put the rows of a class, those of ``count`` drawings, in the manifest, keeping those that are there."""
    present = set(manifest.of(name))
    rows = []
    if order.keep_originals:
        for source in sources:
            blank = {field: "" for field in ("seed", "temperature", "guidance", "size", "ink", "model")}
            file = f"{name}/{original_name(source.path)}"
            rows.append(
                replace(
                    settings, class_name=name, file=file, exemplar=source.name, exemplar_sha256=source.sha256, **blank
                )
            )
    for number in range(1, count + 1):
        source = sources[(number - 1) % len(sources)]
        rows.append(
            replace(
                settings,
                class_name=name,
                file=f"{name}/{drawing_name(number, ending_of(order.format))}",
                exemplar=source.name,
                number=str(number),
                exemplar_sha256=source.sha256,
            )
        )
    missing = [row for row in rows if row not in present]
    if {row.file for row in missing} & {row.file for row in present}:
        new = sorted({source.name for source in sources} - {row.exemplar for row in present})
        raise AllographError(
            f"the exemplars of {name} are not those that {manifest.path.parent} was begun with"
            f"{f' ({new[0]} is new)' if new else ''}; put them back, choose another folder with -o, or add --overwrite"
        )
    manifest.append(missing)


def drawing_name(number: int, ending: str) -> str:
    return f"{number:04d}{ending}"


def original_name(path: Path) -> str:
    return f"original-{path.name}"


def file_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""  # taking it in says what is wrong with it
