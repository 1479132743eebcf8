"""Small real models in a registry, and a server that offers them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the studio's packages are not installed: pip install 'allograph[studio]'")
pytest.importorskip("uvicorn", reason="the studio's packages are not installed: pip install 'allograph[studio]'")
pytest.importorskip("pydantic", reason="the studio's packages are not installed: pip install 'allograph[studio]'")

from allograph import weights
from allograph.studio import ModelRegistry
from commands.family import build, card
from studio.browser import Visit, browsing
from studio.live_server import LiveServer, exemplar, running


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Weights of a model of symbols, of colour pictures, and of one that takes no exemplar."""
    folder = tmp_path_factory.mktemp("models")
    files = {}
    for name in ("bending", "colour", "draw"):
        files[name] = folder / f"{name}.safetensors"
        weights.save(files[name], build(name), {**card(name), "temperature": 0.9})
    return files


@pytest.fixture(scope="session")
def registry(model_files: dict[str, Path]) -> ModelRegistry:
    return ModelRegistry([str(path) for path in model_files.values()])


@pytest.fixture(scope="session")
def server(registry: ModelRegistry) -> Iterator[LiveServer]:
    with running(registry) as live:
        # Modules that are imported on first use may use `random`, which Hypothesis does not allow while it draws.
        live.post("outlines", {"exemplars": [exemplar()], "numbers": [1]})
        yield live


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as one:
        yield one


@pytest.fixture
def visit(browser: Any, server: LiveServer, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A fresh page; afterwards nothing has gone wrong on it and no request has left the machine."""
    width, scheme = getattr(request, "param", (1440, "light"))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 500)
    context.set_default_timeout(30_000)
    one = Visit(context.new_page(), server.address.url)
    one.open()
    yield one
    context.close()
    assert one.complaints == []
    assert one.elsewhere == []
