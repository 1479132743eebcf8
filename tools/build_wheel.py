"""The source distribution, and from it the wheel, by the pinned build backend; checks that nothing is missing.

    make wheel                            # dist/allograph-VERSION-py3-none-any.whl and dist/allograph-VERSION.tar.gz

The wheel is built from the source distribution, not from this folder, so the latter has everything that the wheel
needs. All times in both are SOURCE_DATE_EPOCH, by default that of the last commit: the same sources make the same
files, byte for byte.
"""

from __future__ import annotations

import argparse
import email
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "allograph"
NEEDED = ("py.typed", "shipped/allograph.safetensors", "presets/omniglot.toml", "studio/page/index.html")
NEEDED += ("report/page.html.j2",)
"""Files that are not modules, one of each kind."""

FIRST_SECOND = "315532800"
"""The earliest time in a zip file, in seconds since 1970: the time of the files without a repository."""

LARGEST = 60_000_000
"""Largest size in bytes, about twice the usual one; a larger wheel contains something that was left in the folder."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist")
    folder = parser.parse_args().folder
    sources = build("sdist", ROOT, folder)
    wheel = build_from(sources, folder)
    wrong = faults(wheel)
    if wrong:
        sys.exit("\n".join([f"{wheel} is not as it should be:", *wrong]))
    for path in (sources, wheel):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def build(kind: str, source: Path, folder: Path) -> Path:
    """The "sdist" or "wheel" of the project in `source`, as a file in `folder`. Needs no network."""
    folder.mkdir(parents=True, exist_ok=True)
    code = f"import sys; from hatchling import build; print(build.build_{kind}(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(folder.resolve())]
    environment = {"SOURCE_DATE_EPOCH": last_commit(), **os.environ}
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}")
    return folder / done.stdout.split()[-1]


def build_from(sources: Path, folder: Path) -> Path:
    """The wheel of a source distribution."""
    with tempfile.TemporaryDirectory() as unpacked:
        with tarfile.open(sources) as archive:
            archive.extractall(unpacked, filter="data")
        (project,) = Path(unpacked).iterdir()
        return build("wheel", project, folder)


def last_commit() -> str:
    """The time of the last commit in seconds since 1970."""
    if not shutil.which("git"):
        return FIRST_SECOND
    asked = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True)
    return asked.stdout.strip() if asked.returncode == 0 else FIRST_SECOND


def faults(wheel: Path) -> list[str]:
    """The faults of a wheel of these sources, one line each."""
    with zipfile.ZipFile(wheel) as opened:
        inside = {name: opened.read(name) for name in opened.namelist()}
    about = next(name.split("/")[0] for name in inside if name.endswith(".dist-info/METADATA"))
    expected = {
        f"allograph/{path.relative_to(PACKAGE).as_posix()}": path
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected[f"{about}/licenses/LICENSE"] = ROOT / "LICENSE"
    lines = [f"{name} is missing" for name in sorted(expected.keys() - inside.keys())]
    lines += [
        f"{name} is not that of the sources"
        for name, path in sorted(expected.items())
        if name in inside and inside[name] != path.read_bytes()
    ]
    lines += [
        f"{name} does not belong there"
        for name in sorted(inside.keys() - expected.keys())
        if not name.startswith(f"{about}/")
    ]
    lines += [f"the sources have no {name}" for name in NEEDED if not list(PACKAGE.glob(name))]
    metadata = email.message_from_bytes(inside[f"{about}/METADATA"])
    if metadata["License-Expression"] != "MIT":
        lines.append(f"the licence is {metadata['License-Expression']}")
    if wheel.stat().st_size > LARGEST:
        lines.append(f"it has {wheel.stat().st_size:,} bytes, more than {LARGEST:,}")
    return lines


if __name__ == "__main__":
    main()
