"""Requests are held against the schemas of the API's description, so that the two cannot disagree."""

from __future__ import annotations

__all__ = ["check", "parse"]

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from allograph.studio.errors import RequestError

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
"""JSON Schema's types that are in use here."""


def parse(body: bytes) -> Any:
    """The JSON value of a request's body.

    Raises:
        RequestError: 400, it is none; among them NaN and infinities, which JSON does not have.
    """
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # bad JSON, bad UTF-8, endless digits; endless brackets
        raise RequestError(400, "the body is no JSON document") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def check(value: Any, schema: Mapping[str, Any], place: str = "the body") -> None:
    """Hold a JSON value against a schema, of the part of JSON Schema that the description uses.

    Raises:
        RequestError: 400, saying where and how it departs from the schema.
    """
    named = schema["type"]
    names = [named] if isinstance(named, str) else named
    allowed = tuple(kind for name in names for kind in _TYPES[name])
    if isinstance(value, bool) or not isinstance(value, allowed):
        _refuse(place, f"must be {' or '.join(names)}")
    if "enum" in schema and value not in schema["enum"]:
        _refuse(place, f"must be one of {', '.join(map(str, schema['enum']))}")
    if isinstance(value, int | float):
        _check_number(value, schema, place)
    elif isinstance(value, str):
        _check_length(len(value), schema, "Length", "characters", place)
    elif isinstance(value, list):
        _check_length(len(value), schema, "Items", "items", place)
        for number, item in enumerate(value):
            check(item, schema["items"], f"{_inside(place)}[{number}]")
    elif isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                _refuse(place, f"lacks {name!r}")
        known = schema["properties"]
        for name, item in value.items():
            if name not in known:
                _refuse(place, f"has the unknown entry {name[:40]!r}; known ones are {', '.join(known)}")
            check(item, known[name], f"{_inside(place)}.{name}".lstrip("."))


def _check_number(value: float, schema: Mapping[str, Any], place: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):  # 1e999
        _refuse(place, "must be finite")
    if "minimum" in schema and value < schema["minimum"]:
        _refuse(place, f"must be {schema['minimum']} or more")
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        _refuse(place, f"must be above {schema['exclusiveMinimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        _refuse(place, f"must be {schema['maximum']} or less")


def _check_length(length: int, schema: Mapping[str, Any], what: str, unit: str, place: str) -> None:
    if length < schema.get(f"min{what}", 0):
        _refuse(place, f"must have {schema[f'min{what}']} {unit} or more")
    if length > schema.get(f"max{what}", length):
        _refuse(place, f"must have {schema[f'max{what}']} {unit} or fewer")


def _inside(place: str) -> str:
    return "" if place == "the body" else place


def _refuse(place: str, reason: str) -> NoReturn:
    raise RequestError(400, f"{place} {reason}")
