"""A server on this machine that speaks what `huggingface_hub` asks of the real Hub."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

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


@contextmanager
def serving(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Server]:
    """What HF_ENDPOINT and HF_HOME would set before the library is imported; its cache is in the folder."""
    from huggingface_hub import constants

    server = Server()
    patch.setattr(constants, "ENDPOINT", server.address)
    template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    patch.setattr(constants, "HF_HUB_CACHE", str(folder / "hf"))
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    patch.setenv("HF_TOKEN", "hf_of_the_test")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
