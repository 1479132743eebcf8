"""Requests generated from the API's OpenAPI document: valid ones, ones with a single fault, and arbitrary ones."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from studio.live_server import drawing, encoded

_IMAGES = [encoded(drawing(kind)) for kind in range(3)]
_NO_IMAGES = [base64.b64encode(data).decode() for data in (b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\0")]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "\ud800", "../../etc/passwd", "\0", "9" * 400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


def resolved(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A JSON Schema with every reference replaced by its definition."""
    if isinstance(schema, list):
        return [resolved(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return resolved(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: resolved(part, definitions) for name, part in schema.items()}


def request_schemas(description: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of each request body, by the name of the request."""
    return {
        path.removeprefix("/api/"): resolved(
            operation["post"]["requestBody"]["content"]["application/json"]["schema"],
            description["components"]["schemas"],
        )
        for path, operation in description["paths"].items()
        if "post" in operation
    }


def right(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows."""
    if "anyOf" in schema:
        return st.one_of(*(right(one) for one in schema["anyOf"]))
    named = schema["type"]
    if named == "null":
        return st.none()
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if named == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if named == "number":
        return st.floats(schema["exclusiveMinimum"], schema["maximum"], exclude_min=True)
    if named == "string":
        if schema.get("contentEncoding") == "base64":
            broken = [text[:76] + "\r\n" + text[76:] for text in _IMAGES]
            return st.sampled_from(_IMAGES + broken + _NO_IMAGES) | st.binary(max_size=60).map(
                lambda data: base64.b64encode(data).decode() or "AA=="
            )
        letters = st.characters(exclude_categories=["Cs"])
        return st.text(letters, min_size=schema.get("minLength", 0), max_size=min(30, schema["maxLength"]))
    if named == "array":
        return st.lists(right(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    required = {name: right(schema["properties"][name]) for name in schema.get("required", ())}
    optional = {name: right(one) for name, one in schema["properties"].items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def _with_a_fault(draw: st.DrawFn, schema: Mapping[str, Any]) -> Any:
    """A right value in which something, at any depth, is replaced, left out or added."""
    value = draw(right(schema))
    at = value
    while True:
        places = list(at.keys() if isinstance(at, dict) else range(len(at)))
        if isinstance(at, dict) and (not places or draw(st.integers(0, 5)) == 0):
            at[draw(st.text(string.ascii_lowercase, max_size=8))] = draw(JSON)
            return value
        if not places:
            at.append(draw(JSON))
            return value
        place = draw(st.sampled_from(places))
        if isinstance(at[place], dict | list) and draw(st.booleans()):
            at = at[place]
            continue
        if isinstance(at, dict) and draw(st.booleans()):
            del at[place]
        else:
            at[place] = draw(JSON)
        return value


def bodies(schema: Mapping[str, Any]) -> st.SearchStrategy[bytes]:
    """Bodies of requests of one kind."""
    text = st.one_of(right(schema), _with_a_fault(schema), JSON).map(lambda value: json.dumps(value).encode())
    cut = st.tuples(text, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])
    return st.one_of(text, text, cut, st.binary(max_size=80))


@st.composite
def requests(draw: st.DrawFn, description: Mapping[str, Any]) -> tuple[str, str, bytes | None, dict[str, str]]:
    """(method, path, body, headers) of a request of any kind, now and then with a strange method or header."""
    path = draw(st.sampled_from(sorted(description["paths"])))
    method = next(iter(description["paths"][path]))
    body, headers = None, {}
    if method == "post":
        body = draw(bodies(request_schemas(description)[path.removeprefix("/api/")]))
        headers["Content-Type"] = "application/json"
    if draw(st.integers(0, 9)) == 0:
        method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]))
    if draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from(["Content-Type", "Origin", "Host", "Accept", "Sec-Fetch-Site", "X-Forwarded-Host"]))
        headers[name] = draw(st.text(string.ascii_letters + string.digits + "/:;=.-*[] ", max_size=30)).strip()
    if draw(st.integers(0, 9)) == 0:
        path += draw(st.sampled_from(["/", "/..", "?n=1", "%00", "%2e%2e/", "/x"]))
    return method.upper(), path, body, headers
