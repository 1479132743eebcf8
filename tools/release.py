"""Makes what is uploaded for a release, after checking that everything agrees.

    make release                          # dist/allograph-VERSION-py3-none-any.whl and dist/allograph-VERSION.tar.gz

The version must be semantic and the same in the package, CHANGELOG.md and CITATION.cff. All changes must be committed,
and the tag vVERSION must be new or name this commit. `make wheel` has the same checks of the wheel's contents and size.
CONTRIBUTING.md has the whole procedure.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import build_wheel

ROOT = Path(__file__).resolve().parents[1]
SEMANTIC = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist")
    folder = parser.parse_args().folder
    wrong = disagreements(ROOT) + uncommitted(ROOT)
    if wrong:
        print("\n".join(["This is not ready for a release:", *(f"- {line}" for line in wrong)]), file=sys.stderr)
        return 1
    sources = build_wheel.build("sdist", ROOT, folder)
    wheel = build_wheel.build_from(sources, folder)
    if faults := build_wheel.faults(wheel):
        print("\n".join([f"{wheel} is not as it should be:", *faults]), file=sys.stderr)
        return 1
    for path in (sources, wheel):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    number = version(ROOT)
    print(f'Next: git tag -a v{number} -m "allograph {number}", push the tag, upload the two files.')
    return 0


def version(root: Path) -> str:
    """The version of the package in its sources."""
    found = re.search(r'^__version__ = "(.+)"$', (root / "src/allograph/__init__.py").read_text(), re.MULTILINE)
    return found[1] if found else ""


def disagreements(root: Path) -> list[str]:
    """What the files say differently of the release, a line each."""
    number, lines = version(root), []
    if not re.fullmatch(SEMANTIC, number):
        lines.append(f"the version {number!r} is not of the form MAJOR.MINOR.PATCH")
    heads = re.findall(r"^## (.+)$", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    dated = re.fullmatch(rf"({SEMANTIC}) - (\d{{4}}-\d{{2}}-\d{{2}})", heads[0]) if heads else None
    if dated is None:
        lines.append(f"CHANGELOG.md begins with {heads[0] if heads else 'nothing'!r}, not with '{number} - YYYY-MM-DD'")
    elif dated[1] != number:
        lines.append(f"CHANGELOG.md begins with {dated[1]}, the package is {number}")
    citation = dict(re.findall(r"^(version|date-released): (.+)$", (root / "CITATION.cff").read_text(), re.MULTILINE))
    if citation.get("version") != number:
        lines.append(f"CITATION.cff says version {citation.get('version')}, the package is {number}")
    if dated and citation.get("date-released", "").strip("\"'") != dated[5]:
        lines.append(f"CITATION.cff says date-released {citation.get('date-released')}, CHANGELOG.md {dated[5]}")
    return lines


def uncommitted(root: Path) -> list[str]:
    """What git has to say against a release of this folder, a line each."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    lines = [f"not committed: {line}" for line in git("status", "--porcelain").splitlines()]
    tag = f"v{version(root)}"
    if git("tag", "--list", tag) and git("rev-list", "-n", "1", tag) != git("rev-parse", "HEAD"):
        lines.append(f"the tag {tag} names another commit; tags are never moved, so this needs a new version")
    return lines


if __name__ == "__main__":
    sys.exit(main())
