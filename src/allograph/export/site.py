"""The studio as a folder of files that any web server serves: the page, its models, and the runtime that runs them.

DIR/index.html, main.js, style.css ...   the studio's page; source.js names the browser where the server was
DIR/browser/                             what the server did: intake, noise, drawing, outlines, ZIP
DIR/models/NAME.onnx, NAME-likelihood.onnx   in half precision
DIR/runtime/                             onnxruntime-web
DIR/sw.js, site.json                     the service worker; what is there
DIR/allograph-pad.js, pad.html           the element for other pages; embedding.html shows it
DIR/licences.txt
"""

from __future__ import annotations

__all__ = ["RUNTIME", "WEBGPU_FILES", "Site", "write_site"]

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allograph.errors import AllographError
from allograph.export.files import check_exportable, graph_of
from allograph.generation.generator import Writer
from allograph.models import SequentialModel
from allograph.runtime.files import atomic_write

RUNTIME = Path(__file__).with_name("runtime")
"""Where `make runtime` puts onnxruntime-web; wheels contain it."""

_RUNTIME_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
WEBGPU_FILES = ("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm")
"""In `runtime` too; a browser with a GPU fetches them after its first drawings, others never do."""
_LICENCES = "licences.txt"

_PAGE = Path(__file__).parents[1] / "studio" / "page"
_TOP = ("sw.js", "pad.html", "pad.css", "allograph-pad.js", "embedding.html")
"""The files in `browser` that go beside index.html."""

_SOURCE = """/** Where drawings come from: here the browser itself. */

export { Browser as Source } from "./browser/client.js";
"""

_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'"
)
_FIRST_LINE = '<meta charset="utf-8" />'
_HEAD, _HEAD_ENDS = "<!-- head of index.html -->", '<meta name="description"'
"""Stands in other pages for what begins index.html's head, up to its description."""


@dataclass(frozen=True)
class Site:
    """What was written.

    Attributes:
        folder: where.
        files: how many files.
        size: bytes of all of them.
        models: their names, the first one the default.
    """

    folder: Path
    files: int
    size: int
    models: tuple[str, ...]


def write_site(
    writers: Mapping[str, Writer], folder: Path, *, runtime: Path | None = None, overwrite: bool = False
) -> Site:
    """Write the studio's page with these models, by name, the default first.

    Args:
        runtime: a folder with onnxruntime-web's files; by default that of this copy of allograph.
        overwrite: whether files that exist in the folder are replaced.

    Raises:
        AllographError: a model that cannot be exported or draws other things than symbols, a folder that holds files
            already, no runtime, or files that cannot be written.
    """
    for name, writer in writers.items():
        check_exportable(writer.model)
        if writer.images != "symbols":
            raise AllographError(f"{name} draws {writer.images}: the page takes models of symbols, such as allograph")
    if folder.exists() and not folder.is_dir():
        raise AllographError(f"{folder} is a file; name a folder")
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise AllographError(f"{folder} already holds files; choose another folder, or add --overwrite")
    files = _page() | _runtime(runtime or RUNTIME)
    described = []
    for name, writer in writers.items():
        passes = {"sampling": f"models/{name}.onnx", "likelihood": f"models/{name}-likelihood.onnx"}
        for one, path in passes.items():
            made = graph_of(writer, one, half=True)  # type: ignore[arg-type]
            files[path] = made.SerializeToString(deterministic=True)
        described.append(_description(name, writer, passes))
    files |= _about(files, described)
    for path, content in sorted(files.items()):
        atomic_write(folder / path, content, overwrite=overwrite)
    return Site(folder, len(files), sum(map(len, files.values())), tuple(writers))


def _page() -> dict[str, bytes]:
    """The page's files by their paths in the site, pages with the policy that keeps them from other places."""
    files = {}
    head = (_PAGE / "index.html").read_text().split("<head>")[1].split(_HEAD_ENDS)[0].strip()
    for path in sorted(_PAGE.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(_PAGE).as_posix()
        if name.startswith("browser/") and path.name in _TOP:
            name = path.name
        content = path.read_bytes()
        if path.suffix == ".html":
            policy = f'{_FIRST_LINE}\n    <meta http-equiv="Content-Security-Policy" content="{_POLICY}" />'
            content = content.decode().replace(_HEAD, head).replace(_FIRST_LINE, policy, 1).encode()
        files[name] = content
    return files | {"source.js": _SOURCE.encode()}


def _runtime(folder: Path) -> dict[str, bytes]:
    missing = [name for name in (*_RUNTIME_FILES, *WEBGPU_FILES, _LICENCES) if not (folder / name).is_file()]
    if missing:
        raise AllographError(
            f"{folder} lacks {missing[0]} of onnxruntime-web, which draws in the browser; wheels of allograph contain "
            "it; in a copy of the sources, run `make runtime`, which needs npm"
        )
    files = {f"runtime/{name}": (folder / name).read_bytes() for name in (*_RUNTIME_FILES, *WEBGPU_FILES)}
    return files | {_LICENCES: (folder / _LICENCES).read_bytes()}


def _description(name: str, writer: Writer, passes: Mapping[str, str]) -> dict[str, Any]:
    model = writer.model
    steps, latent = model.noise_shape
    guided = isinstance(model, SequentialModel) and model.can_be_guided
    return {
        "name": name,
        "sha256": writer.sha256,
        "kind": model.config.kind,
        "images": writer.images,
        "conditional": model.conditional,
        "steps": steps,
        "latent": latent,
        "size": model.config.image_size,
        "channels": 1,
        "temperature": writer.temperature_for(None),
        "guidance": writer.guidance if guided else None,
        "size_variation": writer.card.size_variation,
        "attempts": writer.adjusted["attempts"],
        **passes,
    }


def _about(files: Mapping[str, bytes], models: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """site.json, and the service worker with the names of the files that it keeps from the first visit on and a version
    that changes with any file."""
    digest = hashlib.sha256(json.dumps(models).encode())
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)}\n".encode() + hashlib.sha256(content).digest())
    version = digest.hexdigest()[:16]
    large = {name: len(content) for name, content in files.items() if name.startswith(("models/", "runtime/"))}
    site = {"version": version, "models": models, "files": large}
    kept = sorted({*files, "site.json"} - {"sw.js"} - {f"runtime/{name}" for name in WEBGPU_FILES})
    first = f"const VERSION = {json.dumps(version)};\nconst FILES = {json.dumps(kept)};\n\n"
    return {"site.json": json.dumps(site, indent=1).encode(), "sw.js": first.encode() + files["sw.js"]}
