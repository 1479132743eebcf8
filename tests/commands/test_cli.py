"""The command line: what it prints where, and its exit status."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from allograph import __version__, weights
from allograph.cli import main
from allograph.cli.train import parse_duration
from allograph.errors import AllographError
from allograph.generation import write as writing
from allograph.generation.generator import Writer
from allograph.runtime.files import explain_os_error
from commands.pictures import contents, draw_symbol


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    assert text.startswith("allograph: ")
    return text


def test_write_says_where_the_drawings_are(capsys, weights_file: Path, symbols: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "out"
    status, out, err = run(capsys, "write", *symbols, "-n", 2, "-o", output, "--model", weights_file)
    assert (status, err) == (0, "")
    for path in (output / "ka", output / "ka.png", output / "tho", output / "tho.png"):
        assert str(path) in out
    assert len(contents(output)) == 6


def test_write_says_how_many_are_on_the_sheet(
    capsys, weights_file: Path, symbols: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_ON_SHEET", 2)
    arguments = ["write", symbols[0], "--model", weights_file, "-n"]
    _, out, _ = run(capsys, *arguments, 3, "-o", tmp_path / "three")
    assert "3 drawings" in out
    assert "the first 2 on one sheet" in out
    _, out, _ = run(capsys, *arguments, 2, "-o", tmp_path / "two")
    assert "first" not in out


def test_write_prints_one_json_document(capsys, weights_file: Path, symbols: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "out"
    arguments = ["write", *symbols, tmp_path / "absent.png", "-n", 2, "-o", output, "--model", weights_file]
    status, out, err = run(capsys, *arguments, "--animate", "--json")
    assert status == 1
    document = json.loads(out)
    assert [image["image"] for image in document["images"]] == [str(path) for path in symbols]
    listed = [Path(path) for image in document["images"] for path in image["drawings"]]
    listed += [Path(image[kind]) for image in document["images"] for kind in ("sheet", "animation")]
    assert {str(path.relative_to(output)) for path in listed} == contents(output).keys()
    assert document["settings"]["temperature"] == 0.9
    assert document["problems"][0]["path"] == str(tmp_path / "absent.png")
    assert "absent.png" in one_line(err)


def test_the_exit_status_tells_none_from_some(capsys, weights_file: Path, symbols: list[Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    status, out, err = run(capsys, "write", bad, "-o", tmp_path / "out", "--model", weights_file)
    assert (status, out) == (2, "")
    assert str(bad) in one_line(err)
    assert not (tmp_path / "out").exists()
    status, _, err = run(capsys, "write", bad, symbols[0], "-n", 1, "-o", tmp_path / "out", "--model", weights_file)
    assert status == 1
    assert str(bad) in one_line(err)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["write"], ["IMAGE", "write --help"]),
        (["wriet", "a.png"], ["wriet", "write"]),
        (["write", "--sed", "1", "a.png"], ["--sed", "--seed"]),
        (["write", "-n", "many", "a.png"], ["-n", "integer"]),
        (["write", "--ink", "blue", "a.png"], ["ink", "dark"]),
        (["write", "--model", "omniglut", "a.png"], ["omniglut"]),
        (["write", "--temperature", "0", "a.png"], ["temperature"]),
        (["write", "--guidance", "2", "a.png"], ["cannot guide", "use allograph"]),
        (["write", "--attempts", "2", "a.png"], ["every drawing once", "use allograph"]),
        (["write", "--attempts", "0", "a.png"], ["0 attempts", "1 to 100"]),
        (["write", "--attempts", "2", "--as", "b.png,c.png", "a.png"], ["--attempts", "--as"]),
        (["write", "--size-variation", "0.1", "--as", "b.png,c.png", "a.png"], ["--size-variation", "--as"]),
        (["write", "--size-variation", "1", "a.png"], ["size variation 1.0", "0 to 0.3"]),
        (["evaluate", "oneshot", "--task", "unconditional", "--attempts", "2"], ["--attempts", "after exemplars"]),
        (["evaluate", "oneshot", "--task", "alphabet", "--attempts", "2"], ["--attempts", "of the same symbol"]),
        (["invent", "--guidance", "2"], ["--like", "--guidance"]),
        (["write", "--seed", "-1", "a.png"], ["--seed", "equal to 0"]),
        (["augment", "few", "--per-class", "3", "--seed", "-1"], ["--seed", "equal to 0"]),
        (["train", "strokes", "--seed", "4294967296"], ["--seed", "equal to 4294967295"]),
        (["evaluate", "oneshot", "--seed", "-1"], ["--seed", "equal to 0"]),
        (["evaluate", "likelihood", "omniglot", "strokes", "--seed", "-1"], ["--seed", "equal to 0"]),
        (["evaluate", "likelihood", "omniglot"], ["DATA"]),
        (["augment", "few"], ["--per-class"]),
        (["augment", "few", "--per-class", "3", "--model", "no.safetensors"], ["no.safetensors"]),
        (["info", "nothing"], ["nothing"]),
        (["train", "omniglot", "--max-time", "2"], ["2h"]),
        (["train", "strokes", "--set", "hiden=3"], ["hiden", "hidden"]),
        (["train", "strokes", "--set", "hidden=many"], ["hidden", "int"]),
        (["train", "strokes", "--preset", "nothing"], ["nothing"]),
        (["train", "no/folder"], ["no/folder"]),
        (["evaluate", "oneshot", "--part", "train"], ["part", "validation"]),
    ],
)
def test_a_users_mistake_gets_one_line(
    capsys, weights_file: Path, arguments: list[str], words: list[str], monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    if {"--temperature", "--guidance", "--attempts"} & {*arguments} and "a.png" in arguments:
        arguments = [*arguments, "--model", str(weights_file)]
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    line = one_line(err)
    for word in words:
        assert word in line
    assert not list(tmp_path.iterdir())


def test_training_takes_the_settings_of_the_weights_that_it_goes_on_from(capsys) -> None:
    def shown(*words: str) -> list[str]:
        status, out, _ = run(capsys, "train", "strokes", "--show", *words)
        assert status == 0
        return out.splitlines()

    assert "model.kind = 'bending'" in shown()
    on = shown("--from", "omniglot-alphabet", "--set", "max_steps=7")
    assert {"model.image_size = 28", "data.exemplars = 'family'", "training.max_steps = 7"} <= {*on}
    assert shown("--from", "omniglot-alphabet", "--preset", "sequential") == shown("--preset", "sequential")


@pytest.mark.parametrize(
    ("card", "refusal"),
    [
        ({}, ""),
        ({"settings": {}}, ""),
        ({"settings": {"model": {"context_by": "attention"}}}, ""),
        ({"settings": {"data": {"speed": 3}}}, "choose a --preset"),
        ({"settings": {"data": None}}, "settings.data = None is not a table"),
        ({"settings": "x"}, "settings = 'x' is not a table"),
    ],
)
def test_the_network_is_that_of_the_weights_whatever_their_card_says(
    capsys, tmp_path: Path, card: dict[str, Any], refusal: str
) -> None:
    known = weights.load("omniglot-alphabet")
    path = tmp_path / "odd.safetensors"
    weights.save(path, known.model, card)
    status, out, err = run(capsys, "train", "strokes", "--show", "--from", path)
    if refusal:
        assert status == 2 and refusal in one_line(err) and str(path) in err
    else:
        assert status == 0 and "model.context_by = 'inference'" in out.splitlines()


def test_augment_goes_on_and_says_so(capsys, weights_file: Path, classes: Path, tmp_path: Path) -> None:
    arguments = ["augment", classes, "-o", tmp_path / "out", "--model", weights_file, "--per-class"]
    status, out, _ = run(capsys, *arguments, 2)
    assert status == 0
    assert "4 drawings of 2 classes" in out
    status, out, _ = run(capsys, *arguments, 3)
    assert status == 0
    assert "(4 were there)" in out
    status, out, _ = run(capsys, *arguments, 3, "--json")
    assert json.loads(out)["made"] == 0


def test_info_prints_the_card(capsys, weights_file: Path, writer: Writer) -> None:
    status, out, _ = run(capsys, "info", weights_file)
    assert status == 0
    assert writer.sha256 in out
    assert "data.name" in out
    _, out, _ = run(capsys, "info", weights_file, "--json")
    assert json.loads(out)["parameters"] == sum(parameter.numel() for parameter in writer.model.parameters())


def test_info_says_under_which_license_the_shipped_weights_are_and_of_no_others(capsys, weights_file: Path) -> None:
    for name in weights.known_names():
        assert re.search(r"^license +MIT$", run(capsys, "info", name)[1], re.MULTILINE)
    assert "license" not in run(capsys, "info", weights_file)[1]


def test_write_lists_what_was_done_before_the_disk_was_full(
    capsys, weights_file: Path, symbols: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(picture: Image.Image, path: Path, *, runs: bool = False) -> None:
        if path.name.startswith("tho"):
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise explain_os_error(error, f"cannot write {path}") from error
        save(picture, path, runs=runs)

    save = writing.save_png
    monkeypatch.setattr(writing, "save_png", fail)
    more = draw_symbol(tmp_path / "in" / "zu.png")
    arguments = ["write", *symbols, more, "-n", 1, "--model", weights_file, "-o"]
    status, out, err = run(capsys, *arguments, tmp_path / "text")
    assert status == 1
    assert str(symbols[0]) in out
    assert " s to start" in out
    assert "disk is full" in one_line(err)
    assert "1 of 3 images are done" in err
    status, out, err = run(capsys, *arguments, tmp_path / "json", "--json")
    assert status == 1
    document = json.loads(out)
    assert [image["image"] for image in document["images"]] == [str(symbols[0])]
    assert "disk is full" in document["problems"][0]["message"]
    (tmp_path / "file").touch()
    status, out, _ = run(capsys, *arguments, tmp_path / "file", "--json")
    assert status == 2
    assert json.loads(out)["images"] == []


def test_version(capsys) -> None:
    assert run(capsys, "--version") == (0, f"allograph {__version__}\n", "")


@pytest.mark.parametrize(
    ("text", "seconds"), [("2h", 7200), ("90m", 5400), ("45s", 45), ("1h30m", 5400), ("0.5h", 1800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2h x", "-1h", "0s", "two hours"])
def test_no_durations(text: str) -> None:
    with pytest.raises(AllographError, match="2h"):
        parse_duration(text)


def test_help_comes_at_once_and_needs_no_torch() -> None:
    code = (
        "import sys; from allograph.cli import main; main(['--help']); "
        "heavy = {'torch', 'numpy', 'scipy', 'lightning', 'PIL', 'jinja2', 'matplotlib'}; "
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("write", "invent", "augment", "train", "info", "evaluate"):
        assert command in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_says_how_to_go_on(weights_file: Path, classes: Path, tmp_path: Path) -> None:
    for number in range(20):
        draw_symbol(classes / f"more-{number}" / "a.png", number % 3)
    output = tmp_path / "out"
    command = [sys.executable, "-m", "allograph", "augment", classes, "--per-class", "500", "-o", output]
    process = subprocess.Popen(
        [*command, "--model", weights_file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background job is started with Ctrl-C ignored, and hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (output / "ka" / "0001.png").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    line = err.splitlines()[-1]
    assert "run the same command" in line
    assert "Traceback" not in err
    assert not [name for name in contents(output) if name.endswith(".tmp")]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pipe that keeps writes apart")
def test_a_line_is_one_write_so_that_several_processes_do_not_mix_theirs() -> None:
    read, write = os.pipe2(os.O_DIRECT)
    subprocess.run([sys.executable, "-m", "allograph", "info", "nothing"], stderr=write, stdout=write, check=False)
    os.close(write)
    (line,) = iter(lambda: os.read(read, 65536), b"")
    os.close(read)
    assert line.startswith(b"allograph: ") and line.endswith(b"\n")
