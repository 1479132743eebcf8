"""The plan of a job of `allograph augment`: orders, existing files, and rows of the manifest."""

from __future__ import annotations

__all__ = [
    "AugmentOrder",
    "Source",
    "drawing_name",
    "file_hash",
    "is_complete",
    "is_copied_as_it_is",
    "open_manifest",
    "original_name",
    "plan_class",
    "settings_of",
]

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from allograph.errors import AllographError
from allograph.generation.generator import Ink, Writer
from allograph.generation.manifest import Manifest, Row
from allograph.generation.metadata import Layout, check_metadata
from allograph.imaging import ENDINGS, DrawingFormat, ending_of

if TYPE_CHECKING:
    from allograph.imaging import Exemplar

_COMMON = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


@dataclass(frozen=True)
class AugmentOrder:
    """What to make for every class; see `Writer.write` for the settings in the middle.

    Attributes:
        per_class: drawings of every class.
        fill: count the exemplars among these, and copy them into the set; a class with enough gets no drawing.
        keep_originals: copy the exemplars into the set, in addition to the drawings.
        overwrite: start again.
        layout: whether there is metadata beside the folders, see `allograph.generation.metadata`.
        together: show the model all exemplars of a class at once, not one at a time in turn; None: if it can.
    """

    per_class: int
    seed: int = 0
    temperature: float | None = None
    size: int | None = None
    ink: Ink = "auto"
    keep_originals: bool = False
    overwrite: bool = False
    fill: bool = False
    layout: Layout = "imagefolder"
    format: DrawingFormat = "png"
    together: bool | None = None

    @property
    def copies(self) -> bool:
        """Whether the exemplars are copied."""
        return self.keep_originals or self.fill

    def drawings_of(self, exemplars: int) -> int:
        """Number of drawings to make of a class with this many usable exemplars."""
        return max(0, self.per_class - exemplars) if self.fill else self.per_class


@dataclass(frozen=True)
class Source:
    """One exemplar of a class: its file, its path within the folder, the file's hash, and the symbol found in it."""

    path: Path
    name: str
    sha256: str
    exemplar: Exemplar


_SETTINGS = ("seed", "temperature", "guidance", "attempts", "size_variation", "size", "ink", "model")


def settings_of(writer: Writer, order: AugmentOrder) -> Row:
    """What the rows of all drawings have in common."""
    nothing = dict.fromkeys(("class_name", "file", "exemplar", "number", "exemplar_sha256"), "")
    return Row(
        **nothing,
        seed=str(order.seed),
        temperature=repr(writer.temperature_for(order.temperature)),
        guidance=repr(writer.guidance),
        attempts=str(writer.adjusted["attempts"]),
        size_variation=" ".join(map(repr, writer.card.size_variation)),
        size="" if order.size is None else str(order.size),
        ink=order.ink,
        model=writer.sha256[:12],
    )


def open_manifest(output: Path, classes: dict[str, list[Path]], order: AugmentOrder, settings: Row) -> Manifest:
    """Open the manifest of an earlier call with the same settings, or start a new one if nothing is in the way."""
    manifest = Manifest(output / "manifest.csv")
    _refuse_strangers(manifest, output, classes, order)
    copied = [original_name(path) for files in classes.values() for path in files] if order.copies else []
    check_metadata(output, [*classes, *copied], order.layout, order.overwrite)
    if order.overwrite:
        manifest.clear()
    elif not manifest.exists:
        manifest.start()
    for row in manifest.rows:
        if not row.number:
            continue
        if not row.file.endswith("/" + drawing_name(int(row.number), ending_of(order.format))):
            raise AllographError(
                f"{output} was started in another format ({Path(row.file).name}); use the same --format, choose "
                "another folder with -o, or add --overwrite"
            )
        if bool(row.exemplars_sha256) != bool(order.together):
            raise AllographError(
                f"{output} was started with {'--together' if row.exemplars_sha256 else '--in-turn'}; use it again, "
                "choose another folder with -o, or add --overwrite"
            )
        for setting in _SETTINGS:
            then, now = getattr(row, setting), getattr(settings, setting)
            if then != now:
                raise AllographError(
                    f"{output} was started with {setting} {then or 'of the exemplar'}, not {now or 'of the exemplar'}; "
                    "use the same settings, choose another folder with -o, or add --overwrite"
                )
    manifest.merge(classes)
    return manifest


def _refuse_strangers(manifest: Manifest, output: Path, classes: dict[str, list[Path]], order: AugmentOrder) -> None:
    """Refuse files that look like this job's but are not in the manifest: nobody could tell them from its drawings."""
    for name, files in classes.items():
        listed = {row.file for row in manifest.of(name)}
        numbers = range(1, order.drawings_of(len(files)) + 1)
        written = {drawing_name(number, ending_of(order.format)) for number in numbers}
        written |= {original_name(path) for path in files} if order.copies else set()
        for path in sorted((output / name).glob("*")):
            if not re.fullmatch(rf"\d{{4,}}({ENDINGS})|original-.*", path.name) or f"{name}/{path.name}" in listed:
                continue
            if path.name in written and order.overwrite:
                continue
            remedy = "add --overwrite" if path.name in written else "move it away"
            raise AllographError(
                f"{path} already exists, but no manifest row says how it was made; choose another folder with -o, or "
                f"{remedy}"
            )


def is_complete(manifest: Manifest, output: Path, name: str, files: list[Path], order: AugmentOrder) -> bool:
    """Whether an earlier call left nothing to do in a class; its exemplars must not have changed.

    A file without a row may be new, damaged or still waiting for its turn: only preprocessing can tell.
    """
    rows = manifest.of(name)
    drawings = [row for row in rows if row.number]
    originals = len(rows) - len(drawings)
    # Of the exemplars only those that could be used were planned as copies, before any drawing.
    wanted = order.drawings_of(originals or len(files))
    if len(drawings) > wanted:
        copied = f" and {originals} originals" if originals else ""
        raise AllographError(
            f"{output / name} already has {len(drawings)} drawings{copied}; ask for at least that many, "
            "choose another folder with -o, or add --overwrite"
        )
    hashes = {f"{name}/{path.name}": file_hash(path) for path in files}
    for row in rows:
        if hashes.get(row.exemplar) != row.exemplar_sha256:
            raise AllographError(
                f"the exemplar {row.exemplar} changed since {output} was started; put it back, "
                "choose another folder with -o, or add --overwrite"
            )
    enough = len(drawings) == wanted and (originals > 0 or not order.copies)
    known = hashes.keys() == {row.exemplar for row in rows}
    return enough and known and all((output / row.file).exists() for row in rows)


def plan_class(manifest: Manifest, name: str, sources: list[Source], order: AugmentOrder, settings: Row) -> None:
    """Add the rows of a class to the manifest, keeping those that are there."""
    present = set(manifest.of(name))
    rows = []
    if order.copies:
        for source in sources:
            blank = dict.fromkeys(_SETTINGS, "")
            file = f"{name}/{original_name(source.path)}"
            rows.append(
                replace(
                    settings, class_name=name, file=file, exemplar=source.name, exemplar_sha256=source.sha256, **blank
                )
            )
    seen = hashlib.sha256("".join(source.sha256 for source in sources).encode()).hexdigest() if order.together else ""
    for number in range(1, order.drawings_of(len(sources)) + 1):
        source = sources[(number - 1) % len(sources)]
        rows.append(
            replace(
                settings,
                class_name=name,
                file=f"{name}/{drawing_name(number, ending_of(order.format))}",
                exemplar=source.name,
                number=str(number),
                exemplar_sha256=source.sha256,
                exemplars_sha256=seen,
            )
        )
    missing = [row for row in rows if row not in present]
    if {row.file for row in missing} & {row.file for row in present} or any(
        row.number and row not in set(rows) for row in present
    ):
        new = sorted({source.name for source in sources} - {row.exemplar for row in present})
        raise AllographError(
            f"the exemplars of {name} are not those that {manifest.path.parent} was started with"
            f"{f' ({new[0]} is new)' if new else ''}; put them back, choose another folder with -o, or add --overwrite"
        )
    manifest.append(missing)


def drawing_name(number: int, ending: str) -> str:
    return f"{number:04d}{ending}"


def original_name(path: Path) -> str:
    """The name of an exemplar's copy; it is a PNG if readers of training sets do not know the exemplar's format."""
    return f"original-{path.name}{'' if is_copied_as_it_is(path) else '.png'}"


def is_copied_as_it_is(path: Path) -> bool:
    """Whether the exemplar's file has a format that torchvision's `ImageFolder` and `datasets` read."""
    return path.suffix.lower() in _COMMON


def file_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""  # preprocessing says what is wrong with it
