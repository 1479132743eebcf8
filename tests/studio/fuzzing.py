"""Requests made from the API's own description: right ones, ones with one thing wrong, and senseless ones."""

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


def right(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows."""
    named = schema["type"]
    if isinstance(named, list):
        return st.one_of(*(right({**schema, "type": name}) for name in named))
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
            return st.sampled_from(_IMAGES + _NO_IMAGES) | st.binary(max_size=60).map(
                lambda data: base64.b64encode(data).decode() or "AA=="
            )
        return st.text(min_size=schema.get("minLength", 0), max_size=min(30, schema["maxLength"]))
    if named == "array":
        return st.lists(right(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    required = {name: right(schema["properties"][name]) for name in schema["required"]}
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
    ((method, operation),) = description["paths"][path].items()
    body, headers = None, {}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = draw(bodies(schema))
        headers["Content-Type"] = "application/json"
    if draw(st.integers(0, 9)) == 0:
        method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]))
    if draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from(["Content-Type", "Origin", "Host", "Accept", "Sec-Fetch-Site", "X-Forwarded-Host"]))
        headers[name] = draw(st.text(string.ascii_letters + string.digits + "/:;=.-*[] ", max_size=30)).strip()
    if draw(st.integers(0, 9)) == 0:
        path += draw(st.sampled_from(["/", "/..", "?n=1", "%00", "%2e%2e/", "/x"]))
    return method.upper(), path, body, headers
