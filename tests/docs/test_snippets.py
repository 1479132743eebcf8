"""What the documentation shows does what it says: its Python runs, its tutorials run as a whole, its commands exist."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image, ImageDraw

from allograph import weights
from allograph.cli import app, main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").rglob("*.md"))
TUTORIALS = [*sorted((ROOT / "docs" / "tutorials").glob("*.md")), ROOT / "docs" / "recognise.md"]
PYTHON = [path for path in PAGES if "```python" in path.read_text()]

SHORTER = {
    "--max-steps 2000": "--max-steps 2 --set validation_pairs=16",
    "--max-steps 200": "--max-steps 4",
    "--per-class 40": "--per-class 10",
    "--samples 10": "--samples 2 --drawings 10",
    "stroke_concepts(24, 5": "stroke_concepts(10, 4",
}
"""What the tests change in a tutorial, so that it runs in a moment."""

OTHER_PROGRAMS = {
    *("pip", "uv", "source", "export", "printf", "curl", "base64", "pre-commit", "git", "sbatch", "vpype", "ketos")
}
"""Of the first words of commands: not ours."""


def blocks(path: Path) -> list[tuple[str, str]]:
    """The (language, text) of a page's blocks of Python and of commands, in their order."""
    return re.findall(r"^ *```(python|sh)\n(.*?)^ *```", path.read_text(), re.DOTALL | re.MULTILINE)


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command, without comments."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        if words:
            yield words


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the examples name, in which they run."""
    if weights.DEFAULT not in weights.known_names():
        pytest.skip("no weights ship with this copy")
    picture = Image.new("RGB", (90, 80), (250, 245, 230))
    ImageDraw.Draw(picture).line([(20, 15), (20, 65), (60, 65), (70, 20)], (20, 30, 120), 4)
    picture.save(tmp_path / "glyph.png")
    loaded = weights.load()
    (tmp_path / "runs" / "letters").mkdir(parents=True)
    weights.save(tmp_path / "runs" / "letters" / "model.safetensors", loaded.model, loaded.card)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(document: str) -> dict[str, Any]:
    """Run a document's Python blocks one after the other; returns their variables."""
    variables: dict[str, Any] = {}
    for language, text in blocks(ROOT / document):
        if language == "python":
            exec(compile(text, document, "exec"), variables)
    assert variables
    return variables


def test_the_readme(workplace: Path) -> None:
    drawings = run("README.md")["drawings"]
    assert [drawing.size for drawing in drawings] == [(90, 80)] * 16


def test_the_python_page(workplace: Path) -> None:
    variables = run("docs/python.md")
    assert len(variables["drawings"]) == 16
    config = variables["model"].model.config
    side = config.image_size
    assert variables["shown"].parameters.shape == (1, 4, 1, side, side)
    assert variables["drawn"].canvases.shape == (1, 4, config.steps, 1, side, side)
    assert variables["energy"].total.shape == (1,)
    with Image.open("first.png") as first:
        assert first.size == (90, 80)
    assert weights.load("mine.safetensors").card == {"note": "any JSON"}


def test_the_page_on_completion(workplace: Path) -> None:
    variables = run("docs/completion.md")
    with Image.open("glyph.png") as glyph:
        for name, seen in (("completed", (0, 0, 45, 80)), ("mended", (0, 0, 90, 50))):
            assert len(variables[name]) == 4
            for drawing in variables[name]:
                assert drawing.convert("RGB").crop(seen).tobytes() == glyph.crop(seen).tobytes()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries that train
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_from_beginning_to_end(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python and commands, in an empty folder, where the repository's examples lie beside it."""
    shutil.copytree(ROOT / "examples" / "symbols", tmp_path / "examples" / "symbols")
    monkeypatch.chdir(tmp_path)
    variables: dict[str, Any] = {}
    for language, text in blocks(path):
        for long, short in SHORTER.items():
            text = re.sub(rf"{re.escape(long)}(?=[\s,])", short, text)
        if language == "python":
            exec(compile(text, path.name, "exec"), variables)
            continue
        for words in commands(text):
            assert words[0] == "allograph", f"a tutorial of which no test runs {words[0]}"
            status = main(words[1:])
            assert status == 0, f"{shlex.join(words)}: {capsys.readouterr().err}"
    made = {file.suffix for file in tmp_path.rglob("*") if file.is_file() and "examples" not in file.parts}
    assert made or path.stem == "model-in-code"


def test_every_page_with_python_is_run() -> None:
    run_here = {ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("python", "completion")), *TUTORIALS}
    run_here.add(ROOT / "docs" / "pipelines.md")  # in test_pipelines.py
    assert set(PYTHON) <= run_here


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_exists_and_takes_its_options(path: Path) -> None:
    """Commands that the tests do not run, because they take hours or need a cluster, are at least understood."""
    targets = " ".join(re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)).split()
    for language, text in blocks(path):
        if language == "python":
            continue
        for words in commands(text):
            if "-m" in words and words[words.index("-m") + 1] == "allograph":
                words = words[words.index("-m") + 1 :]
            elif words[0] == "srun":
                words = words[words.index("allograph") :]
            match words:
                case ["allograph", *arguments]:
                    understood(arguments)
                case ["make", *rest]:
                    assert all(word in targets or "=" in word for word in rest), words
                case ["python", "-m", module, *_]:
                    place = Path(*module.split("."))
                    assert module in ("venv", "http.server") or any(
                        (ROOT / base / place).exists() for base in ("", "src")
                    ), words
                case ["python" | "pytest" | "bash", file, *_]:
                    assert (ROOT / file).exists(), words
                case [program, *_]:
                    known = program in OTHER_PROGRAMS or program == ".ci/run" or re.match(r"\w+=", program)
                    assert known, f"{path.name}: {words}"


def understood(arguments: list[str]) -> None:
    """Parse a command as the command line does, and do nothing."""
    if arguments[0].startswith("-"):
        return
    group: Any = typer.main.get_command(app)
    name, *rest = arguments
    while hasattr(command := group.commands[name], "commands"):
        group, (name, *rest) = command, rest
    context = command.make_context(name, [word for word in rest if word not in ("...", "$resume")])
    assert context.params


def test_a_command_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(KeyError):
        understood(["draw", "glyph.png"])
    with pytest.raises(Exception, match="No such option"):
        understood(["write", "glyph.png", "--colour", "red"])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_picture_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"https?:|#", target):
            place = (path.parent / target.partition("#")[0]).resolve()
            assert place.exists(), f"{path.name}: {target}"
            assert place.is_relative_to(ROOT)


def test_the_readme_is_two_screens_long() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 85
    assert max(len(line) for line in lines if not line.startswith("|")) <= 125


def test_prose_is_not_wider_than_a_screen() -> None:
    """Tables, code and links apart."""
    for path in PAGES:
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        for line in text.splitlines():
            exempt = line.lstrip().startswith(("|", "!", "<", "    ")) or "](" in line or path.name == "numbers.md"
            assert exempt or len(line) <= 140, f"{path.name}: {line}"
