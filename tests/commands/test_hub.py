"""Weights on the Hub: a server on this machine that speaks what `huggingface_hub` asks of the real one."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import allograph
from allograph import hub, weights
from allograph.cli import main
from allograph.errors import AllographError
from allograph.generation.generator import Writer

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed: pip install 'allograph[hub]'")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Server(ThreadingHTTPServer):
    """Repositories in memory: OWNER/NAME to its files; `asked` is what was requested."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.refuses = False
        self.asked: list[str] = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, document: Any) -> None:
        self.answer(200, json.dumps(document).encode(), Content_Type="application/json")

    def refuse(self, code: str, status: int = 404) -> None:
        self.answer(status, b"", X_Error_Code=code, X_Error_Message=code)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path.partition("?")[0])
        if not found:
            return self.refuse("RepoNotFound")
        repository, revision, file = found.groups()
        files = self.server.repositories.get(repository)
        if files is None:
            return self.refuse("RepoNotFound", 401)
        if repository in self.server.gated:
            return self.refuse("GatedRepo", 403)
        if revision not in ("main", "v1", COMMIT):
            return self.refuse("RevisionNotFound")
        if file not in files:
            return self.refuse("EntryNotFound")
        return self.answer(200, files[file], ETag=f'"{hashlib.sha1(files[file]).hexdigest()}"')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"POST {self.path}")
        if self.server.refuses:
            return self.refuse("", 403)
        if self.path == "/api/repos/create":
            about = json.loads(body)
            name = f"{about.get('organization') or 'me'}/{about['name']}"
            if name in self.server.repositories:
                return self.answer(409, json.dumps({"url": f"{self.server.address}/{name}"}).encode())
            self.server.repositories[name] = {}
            return self.json({"url": f"{self.server.address}/{name}", "name": name, "id": name})
        if self.path == "/api/validate-yaml":
            return self.json({"errors": [], "warnings": []})
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/([^/?]+).*", self.path)
        if not found:
            return self.refuse("RepoNotFound")
        repository, what, _ = found.groups()
        if what == "preupload":
            paths = [one["path"] for one in json.loads(body)["files"]]
            return self.json({"files": [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in paths]})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                content = base64.b64decode(line["value"]["content"])
                self.server.repositories[repository][line["value"]["path"]] = content
        url = f"{self.server.address}/{repository}/commit/{COMMIT}"
        return self.json({"success": True, "commitOid": COMMIT, "commitUrl": url, "hookOutput": ""})


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """What HF_ENDPOINT and HF_HOME would set before the library is imported."""
    from huggingface_hub import constants

    server = Server()
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_test")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


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
        assert "no .safetensors file" in one_line(call)
    assert not server.asked


@pytest.mark.parametrize(
    "text", ["hf://", "hf://letters", "hf://some/letters@", "hf://a b/c", "hf://a--b/..c", "hf://a/b@"]
)
def test_what_is_no_address_is_said(server: Server, text: str) -> None:
    assert "no address" in one_line(lambda: allograph.load(text))
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


@pytest.mark.slow  # the library tries again a few times
def test_a_server_that_is_away_is_one_line(server: Server, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

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
