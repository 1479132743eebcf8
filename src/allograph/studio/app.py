"""The studio's server: the page's files and a small API, over the same functions as the command line."""

from __future__ import annotations

__all__ = ["Address", "create_app"]

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from allograph.studio.checking import check, parse
from allograph.studio.errors import RequestError
from allograph.studio.limits import Limits
from allograph.studio.registry import ModelRegistry
from allograph.studio.schemas import REQUESTS, describe, request_schemas
from allograph.studio.security import Address, SecurityMiddleware
from allograph.studio.service import File, Gone, StudioService

_PAGE = Path(__file__).parent / "page"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}

_RETRY_SECONDS = 1

_DISCARDED = 4
"""Bodies are read, and thrown away, up to so many times the limit: a client that still sends reads no answer."""


def create_app(registry: ModelRegistry, address: Address, limits: Limits | None = None) -> Starlette:
    """The ASGI application.

    Args:
        registry: the models on offer.
        address: where it will listen, which decides the hosts that requests may name.
        limits: the usual ones unless given.
    """
    limits = limits or Limits()
    service = StudioService(registry, limits)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        warming = asyncio.create_task(service.warm_up())
        yield
        warming.cancel()
        service.close()

    async def models(request: Request) -> Response:
        return _json(await service.models())

    async def description(request: Request) -> Response:
        return _json(describe(limits))

    door = _Door(limits)
    schemas = request_schemas(limits)
    routes = [
        *(Route(path, _file_endpoint(*content)) for path, content in _page_files().items()),
        Route("/api/models", models),
        Route("/api/openapi.json", description),
        *(
            Route(f"/api/{name}", door.endpoint(schemas[name], getattr(service, name)), methods=["POST"])
            for name in REQUESTS
        ),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(SecurityMiddleware, address=address)],
        lifespan=lifespan,
        exception_handlers={RequestError: _refused, HTTPException: _http_error, Exception: _failed},
    )
    app.state.service = service
    app.router.redirect_slashes = False  # one address for each thing
    return app


class _Door:
    """Lets in so many requests at a time, and reads each no further than it may go."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inside = 0

    def endpoint(
        self,
        schema: Mapping[str, Any],
        answer: Callable[[Mapping[str, Any], Gone], Awaitable[Mapping[str, Any] | File]],
    ) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of one kind of request."""

        async def handle(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise RequestError(415, "send JSON, with Content-Type: application/json")
            if self._inside >= self._limits.waiting:
                raise RequestError(503, "too much is asked at once; try again in a moment", Retry_After=str(_RETRY_SECONDS))
            self._inside += 1
            try:
                asked = parse(await self._body(request))
                check(asked, schema)
                result = await answer(asked, request.is_disconnected)
            finally:
                self._inside -= 1
            return _file(result) if isinstance(result, File) else _json(result)

        return handle

    async def _body(self, request: Request) -> bytes:
        most = self._limits.body_bytes
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > _DISCARDED * most:
                        break
                    if size <= most:
                        chunks.append(chunk)
                    else:
                        chunks.clear()
        except TimeoutError as error:
            raise RequestError(408, "the request did not come in time", Connection="close") from error
        except ClientDisconnect as error:
            raise RequestError(499, "the client has left") from error
        if size > most:
            raise RequestError(413, f"the request is too large; {most // 2**20} MiB are allowed")
        return b"".join(chunks)


def _page_files() -> dict[str, tuple[bytes, str]]:
    """The page's files by the path under which they are served: no request's path ever names a file."""
    files = {}
    for path in sorted(_PAGE.rglob("*")):
        if path.is_file() and path.suffix in _TYPES:
            name = "" if path == _PAGE / "index.html" else path.relative_to(_PAGE).as_posix()
            files[f"/{name}"] = path.read_bytes(), _TYPES[path.suffix]
    return files


def _file_endpoint(content: bytes, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return Response(content, headers={"content-type": media_type})

    return handle


def _json(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    # In ASCII: a message may repeat what a client sent, half characters included.
    content = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Response(content, status, headers, "application/json")


def _file(file: File) -> Response:
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in file.name.rpartition(".")[0])
    suffix = file.name.rpartition(".")[2]
    disposition = f'attachment; filename="{plain}.{suffix}"'
    return Response(file.content, headers={"content-type": file.media_type, "content-disposition": disposition})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return _json({"error": error.reason}, error.status, error.headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    return _json({"error": "the server failed; its terminal says more"}, 500)
