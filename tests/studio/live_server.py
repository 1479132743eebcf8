"""A real studio server in a thread, and a client for it."""

from __future__ import annotations

import base64
import http.client
import io
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from PIL import Image, ImageDraw

from allograph.studio import Address, Limits, ModelRegistry, create_app
from allograph.studio.server import listen


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class LiveServer:
    """A running server; each call opens a connection of its own."""

    address: Address

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, name: str, asked: Any, **headers: str) -> Answer:
        return self.call(
            "POST", f"/api/{name}", json.dumps(asked).encode(), {"Content-Type": "application/json", **headers}
        )


@contextmanager
def running(registry: ModelRegistry, limits: Limits | None = None, port: int = 0) -> Iterator[LiveServer]:
    opened, address = listen("127.0.0.1", port)
    config = uvicorn.Config(
        create_app(registry, address, limits), log_level="critical", access_log=False, ws="none", lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield LiveServer(address)
    finally:
        server.should_exit = True
        thread.join(10)
        opened.close()


def drawing(kind: int = 0, size: tuple[int, int] = (96, 96)) -> Image.Image:
    """A symbol of three strokes; another one for another kind."""
    width, height = size
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    x = width * (0.3 + 0.07 * (kind % 5))
    draw.line([(x, 0.2 * height), (x, 0.8 * height)], "black", 5)
    draw.line([(x, 0.8 * height), (0.75 * width, 0.7 * height)], "black", 5)
    draw.line([(0.6 * width, 0.25 * height), (0.7 * width, (0.3 + 0.01 * (kind % 20)) * height)], "black", 5)
    return picture


def encoded(picture: Image.Image, kind: str = "PNG") -> str:
    stream = io.BytesIO()
    picture.save(stream, kind)
    return base64.b64encode(stream.getvalue()).decode()


def exemplar(kind: int = 0) -> dict[str, str]:
    return {"image": encoded(drawing(kind))}
