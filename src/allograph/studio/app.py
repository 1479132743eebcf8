"""The studio's web application: the page's files and the JSON API."""

from __future__ import annotations

__all__ = ["create_app"]

import asyncio
import json
import mimetypes
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

from allograph.studio import schemas
from allograph.studio.errors import RequestError
from allograph.studio.limits import Limits
from allograph.studio.registry import ModelRegistry
from allograph.studio.security import Address, SecurityMiddleware
from allograph.studio.service import StudioService

Result = TypeVar("Result")

_PAGE = Path(__file__).parent / "page"

# The types that a system has on record may be missing or wrong, and browsers refuse scripts of another type.
for _suffix, _type in {".js": "text/javascript", ".svg": "image/svg+xml", ".webp": "image/webp"}.items():
    mimetypes.add_type(_type, _suffix)

_READ_ANYWAY = 4
"""Up to this many times the limit the server reads and discards a body: a client still sending reads no answer."""


def create_app(registry: ModelRegistry, address: Address, limits: Limits | None = None) -> Starlette:
    """The ASGI application.

    Args:
        registry: the models on offer.
        address: where the server will listen; it decides which hosts requests may name.
        limits: the default ones unless given.
    """
    limits = limits or Limits()
    service = StudioService(registry, limits)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        warming_up = asyncio.create_task(service.warm_up())
        yield
        warming_up.cancel()
        service.close()

    async def models(request: Request) -> Response:
        return _json(await service.models())

    async def openapi(request: Request) -> Response:
        return _json(schemas.openapi())

    post = _PostEndpoints(limits)
    api = [
        Route("/models", models),
        Route("/openapi.json", openapi),
        post.route("/inspect", schemas.InspectRequest, service.inspect),
        post.route("/write", schemas.WriteRequest, service.write),
        post.route("/outlines", schemas.OutlinesRequest, service.outlines),
        post.route("/picture", schemas.PictureRequest, service.picture),
        post.route("/energy", schemas.EnergyRequest, service.energy),
        post.route("/collection", schemas.CollectionRequest, service.collection),
    ]
    return Starlette(
        routes=[
            Mount("/api", Router(api, redirect_slashes=False)),
            Mount("/", StaticFiles(directory=_PAGE, html=True, follow_symlink=True)),
        ],
        middleware=[Middleware(SecurityMiddleware, address=address)],
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, ClientDisconnect: _disconnected, Exception: _server_error},
    )


class _PostEndpoints:
    """Endpoints that read JSON bodies, and together accept a limited number of requests at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pending = 0

    def route(
        self,
        path: str,
        kind: type[schemas.Body],
        answer: Callable[[schemas.Body], Coroutine[Any, Any, Mapping[str, Any] | Response]],
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if content_type != "application/json":
                raise RequestError(415, "send JSON with Content-Type: application/json")
            if self._pending >= self._limits.pending_requests:
                raise RequestError(503, "the server is busy; try again in a moment", {"Retry-After": "1"})
            self._pending += 1
            try:
                body = schemas.parse(await self._read(request), kind)
                result = await _while_connected(request, answer(body))
            finally:
                self._pending -= 1
            return result if isinstance(result, Response) else _json(result)

        return Route(path, endpoint, methods=["POST"])

    async def _read(self, request: Request) -> bytes:
        """The body of a request, no larger than the limit."""
        most = self._limits.body_bytes
        body = bytearray()
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > _READ_ANYWAY * most:
                        break
                    if size <= most:
                        body += chunk
        except TimeoutError as error:
            raise RequestError(408, "the request took too long to arrive", {"Connection": "close"}) from error
        if size > most:
            raise RequestError(413, f"the request is larger than {most // 2**20} MiB; send fewer or smaller images")
        return bytes(body)


async def _while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for work; cancel it as soon as the client closes the connection."""
    task = asyncio.ensure_future(work)
    disconnect = asyncio.ensure_future(request.receive())  # nothing else comes after the body
    try:
        await asyncio.wait({task, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        disconnect.cancel()


def _json(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Response(content, status, headers, "application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code, error.headers)


async def _disconnected(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


async def _server_error(request: Request, error: Exception) -> Response:
    return _json({"error": "the server failed; see the terminal that it runs in"}, 500)
