"""Other sites' pages cannot drive the server, and the page can reach nothing else."""

from __future__ import annotations

import re

import pytest

from allograph.studio import Address
from studio.live_server import LiveServer

ROOT_HEADERS = {"content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8765", 200),
        ("localhost:1", 200),
        ("LOCALHOST", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:8765", 403),
        ("192.168.1.7", 403),
        ("", 403),
    ],
)
def test_only_hosts_of_this_machine_are_answered(server: LiveServer, host: str, status: int) -> None:
    answer = server.call("GET", "/api/models", headers={"Host": host})
    assert answer.status == status
    assert answer.headers.keys() >= ROOT_HEADERS


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_origins_are_refused(server: LiveServer, headers: dict[str, str]) -> None:
    answer = server.post("write", {"n": 1}, **headers)
    assert answer.status == 403
    assert "another site" in answer.json["error"]
    assert "access-control-allow-origin" not in answer.headers
    own = f"http://{server.address.host}:{server.address.port}"
    assert server.post("write", {"n": 1}, Origin=own).status == 200


def test_a_preflight_gets_no_permission(server: LiveServer) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = server.call("OPTIONS", "/api/write", headers=headers)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_policy_allows_only_what_the_server_sends(server: LiveServer) -> None:
    answer = server.call("GET", "/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?:|\*", policy)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = answer.content.decode()
    links = re.findall(r"""(?:src|href)=["']([^"']*)""", page)
    assert links and all(link.startswith(("/", "./")) and not link.startswith("//") for link in links)
    assert not re.search(r"<style|\s(style|on\w+)=|<script(?![^>]* src=)", page)


def test_every_file_of_the_page_is_served(server: LiveServer) -> None:
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = server.call("GET", path)
        assert answer.status == 200, path
        if path.endswith((".js", ".css", "/")):
            text = answer.content.decode()
            assert not re.search(r"https?://(?!www\.w3\.org/)", text), path
            waiting += [f"/{name}" for name in re.findall(r"""(?:src|href)="(?:\./)?([\w./-]+)""", text)]
            waiting += [f"/{name}" for name in re.findall(r"""from "\./([^"]+)""", text)]
    assert {"/main.js", "/style.css", "/icon.svg", "/pad.js", "/server.js"} <= seen


@pytest.mark.parametrize(
    ("listening", "asked", "answers"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.3.2.1", True),
        ("127.0.0.1", "::1", True),
        ("127.0.0.1", "10.0.0.1", False),
        ("::1", "localhost.", True),
        ("0.0.0.0", "10.0.0.1", True),
        ("0.0.0.0", "evil.example", False),
        ("studio.lan", "studio.lan", True),
        ("studio.lan", "other.lan", False),
    ],
)
def test_the_hosts_that_an_address_answers_to(listening: str, asked: str, answers: bool) -> None:
    assert Address(listening, 8765).answers_to(asked) is answers
