"""What a newcomer installs: pinned versions that fit the declared ones, and a package that holds all its files."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, version in pairs}


def test_every_dependency_is_pinned_within_its_range() -> None:
    specifiers = pytest.importorskip("packaging.specifiers")
    project = PROJECT["project"]
    required = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    pinned = pins()
    for requirement in required:
        match = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(.*)", requirement)
        assert match
        name, bounds = match.groups()
        assert specifiers.SpecifierSet(bounds).contains(pinned[normal(name)]), requirement


def test_what_the_sources_import_is_declared() -> None:
    import_names = {"scikit-image": "skimage", "pillow": "PIL"}
    everywhere, studio = PROJECT["project"]["dependencies"], PROJECT["project"]["optional-dependencies"]["studio"]
    for path in sorted((ROOT / "src").rglob("*.py")):
        required = everywhere + (studio if path.parent.name == "studio" else [])
        declared = {re.split(r"[\[<>=]", line)[0] for line in required}
        known = {import_names.get(name, name) for name in declared} | {"allograph"} | sys.stdlib_module_names
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in names:
                assert name.split(".")[0] in known, f"{path.relative_to(ROOT)} imports {name}"


def test_the_build_is_the_same_everywhere() -> None:
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in PROJECT["build-system"]["requires"])
    assert PROJECT["build-system"]["requires"][0] == f"hatchling=={pins()['hatchling']}"


def test_the_wheel_holds_the_files_that_are_no_modules() -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel")
    inside = {file.distribution_path for file in wheel.WheelBuilder(str(ROOT)).recurse_included_files()}
    package = ROOT / "src" / "allograph"
    presets = {f"allograph/presets/{path.name}" for path in (package / "presets").glob("*.toml")}
    assert "allograph/presets/omniglot.toml" in presets
    assert presets | {"allograph/evaluation/critic.safetensors", "allograph/cli/__init__.py"} <= inside
    page = package / "studio" / "page"
    assert {f"allograph/studio/page/{path.relative_to(page)}" for path in page.rglob("*.*")} <= inside
    shipped = {f"allograph/shipped/{path.name}" for path in (package / "shipped").glob("*.safetensors")}
    assert shipped <= inside
    if not shipped:
        pytest.skip("no weights ship with this copy")


def test_the_pins_hold_no_place_of_one_machine() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"@ |file:|https?:|^-", text, re.MULTILINE)


def test_a_python_that_does_not_work_is_passed_over(tmp_path: Path) -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    stub = tmp_path / "python3.12"
    stub.write_text("#!/bin/sh\necho 'python3.12: command not found' >&2\nexit 127\n")
    stub.chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    done = subprocess.run(
        ["make", "-C", str(tmp_path), ".venv/.ready", f"PYTHON={stub}"], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "No Python 3.11 to 3.14" in done.stderr
    assert not (tmp_path / ".venv").exists()
