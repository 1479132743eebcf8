"""`allograph studio`: the page is opened, served and closed."""

from __future__ import annotations

import importlib.util
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from allograph.cli import main
from allograph.errors import AllographError
from allograph.studio import ModelRegistry
from allograph.studio.server import DEFAULT_PORT, listen


def test_it_serves_until_it_is_stopped(model_files: dict[str, Path]) -> None:
    command = [sys.executable, "-m", "allograph", "studio", "--no-browser", "--port", "0"]
    command += ["--model", str(model_files["draw"])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        url = line.split()[5]
        assert url.startswith("http://127.0.0.1:"), line
        with urllib.request.urlopen(f"{url}api/models") as answer:
            models = json.load(answer)["models"]
        assert models[0]["name"] == "draw"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "allograph: the studio is closed\n"
    assert output == ""


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "pydantic"])
def test_without_its_packages_it_says_how_to_get_them(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == missing else find(name, *rest))
    assert main(["studio", "--no-browser"]) == 2
    assert f"the studio needs {missing}; install with: pip install 'allograph[studio]'" in capsys.readouterr().err


def test_a_model_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studio", "--no-browser", "--model", "omnigolt"]) == 2
    assert "omnigolt" in capsys.readouterr().err


def test_a_port_that_is_taken_is_refused_and_the_next_one_found() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AllographError, match=f"port {port} .*--port"):
            listen("127.0.0.1", port)
    first, one = listen("127.0.0.1")
    second, other = listen("127.0.0.1")
    with first, second:
        assert DEFAULT_PORT <= one.port < other.port


def test_a_host_that_does_not_exist_is_refused() -> None:
    with pytest.raises(AllographError, match="--host"):
        listen("no.such.host.invalid", 0)


def test_models_of_one_name_are_told_apart(model_files: dict[str, Path], tmp_path: Path) -> None:
    copy = tmp_path / "draw.safetensors"
    copy.write_bytes(model_files["draw"].read_bytes())
    registry = ModelRegistry([str(model_files["draw"]), str(copy)])
    assert registry.names[:2] == ("draw", "draw 2")
