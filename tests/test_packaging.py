"""What a newcomer installs: pinned versions that fit the declared ones, and a package that holds all its files."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import build_wheel
from allograph import __version__, weights

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


def test_all_say_the_same_of_the_versions_of_python() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    minors = [int(version.removeprefix("3.")) for version in named]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"
    assert PROJECT["tool"]["pyright"]["pythonVersion"] == named[0]
    makefile = (ROOT / "Makefile").read_text()
    assert f"(3, {minors[0]}) <= sys.version_info < (3, {minors[-1] + 1})" in makefile
    assert all(f" python{version} " in makefile.replace(",python", ", python") for version in named)
    for path in ("Makefile", "README.md", ".ci/run", "constraints.txt"):
        assert f"Python {named[0]} to {named[-1]}" in (ROOT / path).read_text(), path


def test_what_the_sources_import_is_declared() -> None:
    import_names = {"scikit-image": "skimage", "pillow": "PIL", "fonttools": "fontTools", "zxing-cpp": "zxingcpp"}
    import_names |= {"pillow-heif": "pillow_heif", "resvg-py": "resvg_py", "huggingface-hub": "huggingface_hub"}
    everywhere, extras = PROJECT["project"]["dependencies"], PROJECT["project"]["optional-dependencies"]
    rooms = {"studio": "studio", "report": "report", "typography": "font", "export": "export", "imaging": "formats"}
    rooms["hub"] = "hub"
    extra_of = {room: extras[extra] for room, extra in rooms.items()}
    for path in sorted((ROOT / "src").rglob("*.py")):
        room = path.stem if path.parent.name == "allograph" else path.parent.name
        required = everywhere + extra_of.get(room, [])
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
                if (path.stem, name) == ("recogniser", "sklearn.utils"):
                    continue  # what scikit-learn asks of a classifier, in its own words, when it is there
                assert name.split(".")[0] in known, f"{path.relative_to(ROOT)} imports {name}"


def test_the_build_is_the_same_everywhere() -> None:
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in PROJECT["build-system"]["requires"])
    assert PROJECT["build-system"]["requires"][0] == f"hatchling=={pins()['hatchling']}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution that it was built from."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    build_wheel.build_from(build_wheel.build("sdist", ROOT, folder), folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    assert build_wheel.faults(wheel) == []


@pytest.mark.slow
def test_a_wheel_that_lacks_or_adds_files_is_noticed(wheel: Path, tmp_path: Path) -> None:
    spoiled = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(spoiled, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for name in whole.namelist():
            if name.endswith(("/py.typed", "/LICENSE", "/METADATA", "/index.html", "/page.html.j2")):
                continue
            copy.writestr(name, b"changed" if name == "allograph/cli/__init__.py" else whole.read(name))
        about = next(name for name in whole.namelist() if name.endswith("/METADATA"))
        copy.writestr(about, whole.read(about).replace(b"License-Expression: MIT", b"License-Expression: ISC"))
        copy.writestr("allograph/notes.txt", "left behind")
    folder = about.split("/")[0]
    assert build_wheel.faults(spoiled) == [
        f"{folder}/licenses/LICENSE is missing",
        "allograph/py.typed is missing",
        "allograph/report/page.html.j2 is missing",
        "allograph/studio/page/index.html is missing",
        "allograph/cli/__init__.py is not that of the sources",
        "allograph/notes.txt does not belong there",
        "the licence is ISC",
    ]


def test_the_same_sources_make_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """Here from this folder, there from the source distribution."""
    assert build_wheel.build("wheel", ROOT, tmp_path).read_bytes() == wheel.read_bytes()


def test_the_license_is_one(built: Path) -> None:
    assert PROJECT["project"]["license"] == weights.LICENSE == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")
    with tarfile.open(next(built.glob("*.tar.gz"))) as sources:
        assert [name for name in sources.getnames() if name.count("/") == 1 and name.endswith("/LICENSE")]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment: allograph from the wheel, all else from the one that runs the tests."""
    if not find_spec("pip"):
        pytest.skip("this environment has no pip")
    home = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    # In folders that a .pth file names no further .pth files are read, such as that of an editable install.
    others = [folder for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]
    own = sysconfig.get_path("purelib", "venv", {"base": str(home)})
    (Path(own) / "dependencies.pth").write_text("\n".join(others))
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--force-reinstall", wheel], check=True)
    return programs


@pytest.mark.slow
def test_what_is_installed_works_without_the_sources(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def output(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [installed / program, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import allograph, sys; print(allograph.__file__); print(*sys.path, sep='\\n')"
    package, *looked_into = map(Path, output("python", "-c", where).splitlines())
    assert package.is_relative_to(installed.parent)
    assert not any(folder.is_relative_to(ROOT / "src") for folder in looked_into)
    assert output("allograph", "--version").split() == ["allograph", __version__]
    assert re.search(r"^license +MIT$", output("allograph", "info", "allograph"), re.MULTILINE)
    picture = Image.new("L", (60, 60), 255)
    ImageDraw.Draw(picture).line([(15, 12), (15, 48), (45, 48)], 0, 4)
    picture.save(tmp_path / "some.png")
    output("allograph", "write", "some.png", "-n", "1")
    (path,) = (tmp_path / "drawings" / "some").iterdir()
    with Image.open(path) as drawing:
        assert drawing.size == (60, 60)


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
