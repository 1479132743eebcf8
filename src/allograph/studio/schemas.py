"""The API as an OpenAPI document: what clients read, requests are held against and the fuzzer uses."""

from __future__ import annotations

__all__ = ["REQUESTS", "describe"]

from collections.abc import Mapping
from typing import Any

from allograph import __version__
from allograph.studio.limits import Limits

_MAX_SEED = 2**32 - 1

REQUESTS = ("write", "outlines", "picture", "energy", "collection")
"""What can be asked, each by POST to /api/NAME with a JSON body."""


def describe(limits: Limits) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a server with these limits."""
    summaries = {
        "write": ("New drawings of what the exemplars show, or from nothing, growing step by step.", "JSON"),
        "outlines": ("The traced outlines of some of those drawings.", "JSON"),
        "picture": ("One of those drawings as a file.", "the PNG or SVG file"),
        "energy": ("How improbable a second drawing is, given the exemplars and without them, in nats.", "JSON"),
        "collection": ("A ZIP file collection/CLASS/0001.png ... of pictures.", "the ZIP file"),
    }
    schemas = request_schemas(limits)
    paths: dict[str, Any] = {
        f"/api/{name}": {
            "post": {
                "operationId": name,
                "summary": summaries[name][0],
                "requestBody": {"required": True, "content": {"application/json": {"schema": schemas[name]}}},
                "responses": {"200": {"description": summaries[name][1]}, **_FAILURES},
            }
        }
        for name in REQUESTS
    }
    paths["/api/models"] = {
        "get": {
            "operationId": "models",
            "summary": "The models that can be named in requests, the one used when none is named first.",
            "responses": {"200": {"description": "JSON"}},
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "allograph studio", "version": __version__},
        "paths": paths,
    }


_FAILURES: Mapping[str, Any] = {
    "400": {"description": "the request makes no sense; `error` says why"},
    "403": {"description": "the request comes from another site's page, or names another host"},
    "404": {"description": "no model of that name"},
    "413": {"description": "the request, or an image in it, is too large"},
    "415": {"description": "the body is not declared as application/json"},
    "422": {"description": "an image cannot be used; `error` says why"},
    "503": {"description": "too much is asked at once; come again after Retry-After seconds"},
}


def request_schemas(limits: Limits) -> dict[str, dict[str, Any]]:
    """The JSON Schema of each request's body."""
    image = {
        "type": "string",
        "description": "An image file, PNG, JPEG, WebP, TIFF, GIF or BMP, in base64.",
        "minLength": 1,
        "maxLength": -(-limits.image_bytes * 4 // 3) + 4,
        "contentEncoding": "base64",
    }
    exemplar = _object(
        {"image": image, "ink": {"type": "string", "enum": ["auto", "dark", "light"], "default": "auto"}}, "image"
    )
    drawings = {
        "model": {"type": "string", "maxLength": 100, "description": "From /api/models; the first one if absent."},
        "exemplars": {
            "type": "array",
            "items": exemplar,
            "maxItems": limits.exemplars,
            "default": [],
            "description": "Drawings of one symbol; none: drawings are made from nothing.",
        },
        "seed": {"type": "integer", "minimum": 0, "maximum": _MAX_SEED, "default": 0},
        "temperature": {
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "maximum": 2,
            "default": None,
            "description": "How much the drawings vary; null: the model's own.",
        },
    }
    number = {"type": "integer", "minimum": 1, "maximum": limits.drawings, "description": "Of a drawing, from 1."}
    return {
        "write": _object(
            {
                **drawings,
                "n": {"type": "integer", "minimum": 1, "maximum": limits.drawings, "default": 16},
            }
        ),
        "outlines": _object(
            {**drawings, "numbers": {"type": "array", "items": number, "minItems": 1, "maxItems": limits.drawings}},
            "numbers",
        ),
        "picture": _object(
            {
                **drawings,
                "number": number,
                "format": {"type": "string", "enum": ["png", "svg"], "default": "png"},
                "size": {
                    "type": ["integer", "null"],
                    "minimum": 8,
                    "maximum": limits.side,
                    "default": None,
                    "description": "The longer side in pixels; null: the first exemplar's, at most the largest.",
                },
            },
            "number",
        ),
        "energy": _object(
            {
                "model": drawings["model"],
                "exemplars": drawings["exemplars"],
                "drawing": {**exemplar, "description": "The drawing that is judged."},
                "seed": drawings["seed"],
            },
            "drawing",
        ),
        "collection": _object(
            {
                "classes": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": limits.classes,
                    "items": _object(
                        {
                            "name": {"type": "string", "minLength": 1, "maxLength": 60},
                            "images": {
                                "type": "array",
                                "items": image,
                                "minItems": 1,
                                "maxItems": limits.collected,
                            },
                        },
                        "name",
                        "images",
                    ),
                }
            },
            "classes",
        ),
    }


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
