"""Weights on the Hub: a server on this machine that speaks what `huggingface_hub` asks of the real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import allograph
from allograph import hub, weights
from allograph.cli import main
from allograph.errors import AllographError
from allograph.generation.generator import Writer
from commands.hub_server import COMMIT, Server, serving

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed: pip install 'allograph[hub]'")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(tmp_path, monkeypatch) as server:
        yield server


def one_line(call: Any) -> str:
    with pytest.raises(AllographError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_pushed_is_what_is_loaded(server: Server, writer: Writer, weights_file: Path) -> None:
    commit = writer.push_to_hub("some/letters")
    assert commit == f"{server.address}/some/letters/commit/{COMMIT}"
    files = server.repositories["some/letters"]
    assert files.keys() == {"model.safetensors", "README.md"}
    assert files["model.safetensors"] == weights_file.read_bytes()
    for same in (allograph.load("hf://some/letters"), Writer.from_pretrained("some/letters")):
        assert same.sha256 == writer.sha256 and same.card.table == writer.card.table
    assert weights.load("hf://some/letters@v1").sha256 == writer.sha256
    assert f"HEAD /some/letters/resolve/v1/{hub.FILE}" in server.asked


def test_a_readme_says_what_it_is_and_one_that_is_there_stays(server: Server, writer: Writer) -> None:
    writer.push_to_hub("some/letters")
    text = server.repositories["some/letters"]["README.md"].decode()
    assert text.startswith("---\n") and "library_name: allograph" in text
    assert "allograph write glyph.png --model hf://some/letters\n" in text
    server.repositories["some/letters"]["README.md"] = b"mine"
    writer.push_to_hub("some/letters", "small/other.safetensors", message="Another")
    assert server.repositories["some/letters"]["README.md"] == b"mine"
    assert allograph.load("hf://some/letters/small/other.safetensors").sha256 == writer.sha256
    assert Writer.from_pretrained("some/letters", "small/other.safetensors", revision="v1").sha256 == writer.sha256


def test_the_command_line_takes_addresses(
    server: Server, writer: Writer, weights_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.repositories["some/letters"] = {hub.FILE: weights_file.read_bytes()}
    assert main(["info", "hf://some/letters"]) == 0
    assert writer.sha256[:12] in capsys.readouterr().out
    assert main(["info", "hf://some/absent"]) == 2
    assert "no repository some/absent" in capsys.readouterr().err


def test_every_refusal_is_one_line(server: Server, writer: Writer) -> None:
    server.repositories |= {"some/empty": {}, "some/shy": {hub.FILE: b""}, "some/broken": {hub.FILE: b"\0" * 50}}
    server.gated.add("some/shy")
    assert "no repository some/absent" in one_line(lambda: allograph.load("hf://some/absent"))
    assert "no file model.safetensors" in one_line(lambda: allograph.load("hf://some/empty"))
    assert "no revision 'v2'" in one_line(lambda: allograph.load("hf://some/broken@v2"))
    assert "consent" in one_line(lambda: allograph.load("hf://some/shy"))
    assert "damaged or not a weights file" in one_line(lambda: allograph.load("hf://some/broken"))
    server.refuses = True
    assert "refuses to write" in one_line(lambda: writer.push_to_hub("some/letters"))


@pytest.mark.parametrize("file", ["model.bin", "model.pt", "weights.pkl", "README.md", "model.safetensors.zip"])
def test_only_safetensors_are_asked_for(server: Server, writer: Writer, file: str) -> None:
    server.repositories["some/letters"] = {file: b"harm"}
    for call in (
        lambda: allograph.load(f"hf://some/letters/{file}"),
        lambda: Writer.from_pretrained("some/letters", file),
        lambda: writer.push_to_hub("some/letters", file),
    ):
        assert "not a .safetensors file" in one_line(call)
    assert not server.asked


@pytest.mark.parametrize(
    "text", ["hf://", "hf://letters", "hf://some/letters@", "hf://a b/c", "hf://a--b/..c", "hf://a/b@"]
)
def test_what_is_no_address_is_said(server: Server, text: str) -> None:
    assert "not an address" in one_line(lambda: allograph.load(text))
    assert not server.asked


def test_the_parts_of_an_address() -> None:
    assert hub.Address.of("hf://a/b") == hub.Address("a/b", "model.safetensors", None)
    assert hub.Address.of("hf://a/b.c-d@v1") == hub.Address("a/b.c-d", "model.safetensors", "v1")
    assert hub.Address.of("hf://a/b/c/d.safetensors@x/y") == hub.Address("a/b", "c/d.safetensors", "x/y")
    assert str(hub.Address.of("hf://a/b@v1")) == "hf://a/b/model.safetensors@v1"


def test_without_a_network_the_cache_serves_and_else_one_line_says_so(
    server: Server, writer: Writer, weights_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    server.repositories["some/letters"] = {hub.FILE: weights_file.read_bytes()}
    allograph.load("hf://some/letters")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = len(server.asked)
    assert allograph.load("hf://some/letters").sha256 == writer.sha256
    assert "cannot be reached" in one_line(lambda: allograph.load("hf://some/other"))
    assert "cannot be reached" in one_line(lambda: writer.push_to_hub("some/other"))
    assert len(server.asked) == asked


@pytest.mark.slow
def test_a_server_that_is_away_is_one_line(server: Server, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the library waits before it tries again, a few times
    nobody = "http://127.0.0.1:9"
    monkeypatch.setattr(constants, "ENDPOINT", nobody)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", nobody + "/{repo_id}/resolve/{revision}/{filename}")
    assert "cannot be reached" in one_line(lambda: allograph.load("hf://some/letters"))
    assert "cannot be reached" in one_line(lambda: writer.push_to_hub("some/letters"))


def test_a_missing_extra_is_one_line(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for call in (lambda: allograph.load("hf://some/letters"), lambda: writer.push_to_hub("some/letters")):
        assert "pip install 'allograph[hub]'" in one_line(call)


def test_the_environment_of_the_library_counts(
    server: Server, writer: Writer, weights_file: Path, tmp_path: Path
) -> None:
    """HF_ENDPOINT and HF_HOME, as a user sets them."""
    server.repositories["some/letters"] = {hub.FILE: weights_file.read_bytes()}
    code = "import allograph; print(allograph.load('hf://some/letters').sha256)"
    names = {"HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **names}, capture_output=True, text=True)
    assert done.stdout.split() == [writer.sha256], done.stderr
    assert list((tmp_path / "home").rglob(hub.FILE))
