"""The request bodies of the API, validated by pydantic, and the OpenAPI document generated from them."""

from __future__ import annotations

__all__ = [
    "MAX_SIDE",
    "CollectedClass",
    "CollectionRequest",
    "DrawingSetRequest",
    "EnergyRequest",
    "ExemplarImage",
    "InspectRequest",
    "OutlinesRequest",
    "PictureRequest",
    "RequestBody",
    "SetMemberRequest",
    "WriteRequest",
    "openapi",
    "parse",
]

import hashlib
import re
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from allograph import __version__
from allograph.errors import shown
from allograph.studio.errors import RequestError

_MAX_DRAWINGS = 64
_MAX_EXEMPLARS = 8
MAX_SIDE = 2048
_MAX_CLASSES = 200
_MAX_COLLECTED = 2000
_MAX_SEED = 2**32 - 1

_Image = Annotated[
    str,
    Field(
        min_length=1,
        description="An image file (PNG, JPEG, WebP, TIFF, GIF or BMP) in base64, with or without line breaks.",
        json_schema_extra={"contentEncoding": "base64"},
    ),
]
_Number = Annotated[int, Field(ge=1, le=_MAX_DRAWINGS)]


class RequestBody(BaseModel):
    """A JSON object without unknown fields, whose values are not converted from other types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _name_unknown_fields(cls, data: Any) -> Any:
        for name in data if isinstance(data, dict) else ():
            if name not in cls.model_fields:
                raise ValueError(f"has an unknown field {shown(name)}; known fields are {', '.join(cls.model_fields)}")
        return data


class ExemplarImage(RequestBody):
    image: _Image
    ink: Literal["auto", "dark", "light"] = Field(
        default="auto", description="Whether ink is darker or lighter than paper."
    )

    @cached_property
    def key(self) -> tuple[str, str]:
        """Equal for equal images: the ink and a hash of the image."""
        return self.ink, hashlib.sha256(self.image.encode()).hexdigest()


class _ModelRequest(RequestBody):
    model: str | None = Field(
        default=None, max_length=100, description="A name from /api/models; the first one by default."
    )


class InspectRequest(_ModelRequest, ExemplarImage):
    """A picture of a symbol, and the model that will see it."""


class _ExemplarsRequest(_ModelRequest):
    exemplars: list[ExemplarImage] = Field(
        default=[], max_length=_MAX_EXEMPLARS, description="Drawings of one symbol, or none for drawings from nothing."
    )
    seed: int = Field(default=0, ge=0, le=_MAX_SEED)


class DrawingSetRequest(_ExemplarsRequest):
    temperature: float | None = Field(
        default=None, gt=0, le=2, description="How much the drawings vary; the model's own temperature by default."
    )


class WriteRequest(DrawingSetRequest):
    n: int = Field(default=16, ge=1, le=_MAX_DRAWINGS, description="The number of drawings.")


class SetMemberRequest(DrawingSetRequest):
    drawing_set: str | None = Field(
        default=None,
        max_length=100,
        description="The `drawing_set` of an answer to /api/write, instead of the fields that generate it. The answer "
        "410 asks for them too: the server no longer holds the set and generates it again.",
    )


class OutlinesRequest(SetMemberRequest):
    numbers: list[_Number] = Field(
        min_length=1, max_length=_MAX_DRAWINGS, description="Which drawings of the set, counted from 1."
    )


class PictureRequest(SetMemberRequest):
    number: _Number = Field(description="Which drawing of the set, counted from 1.")
    format: Literal["png", "svg"] = "png"
    size: int | None = Field(
        default=None, ge=8, le=MAX_SIDE, description="Pixels of the longer side; the exemplar's if null."
    )


class EnergyRequest(_ExemplarsRequest):
    drawing: ExemplarImage = Field(description="The drawing to measure.")


class CollectedClass(RequestBody):
    name: str = Field(min_length=1, max_length=60)
    images: list[_Image] = Field(min_length=1, max_length=_MAX_COLLECTED)


class CollectionRequest(RequestBody):
    classes: list[CollectedClass] = Field(min_length=1, max_length=_MAX_CLASSES)

    @model_validator(mode="after")
    def _limit_images(self) -> CollectionRequest:
        total = sum(len(one.images) for one in self.classes)
        if total > _MAX_COLLECTED:
            raise ValueError(f"has {total} images; send at most {_MAX_COLLECTED}")
        return self


Body = TypeVar("Body", bound=RequestBody)


def parse(body: bytes, kind: type[Body]) -> Body:
    """Validate the JSON body of a request. Line breaks inside strings are allowed: shell scripts paste base64 as it is.

    Raises:
        RequestError: 400, with one line that names the first wrong field.
    """
    try:
        return kind.model_validate_json(re.sub(rb"[\r\n]", b" ", body))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RequestError(400, _message(first["loc"], first["type"], first["msg"])) from error


def _message(location: tuple[int | str, ...], kind: str, text: str) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".") or "the body"
    if kind == "json_invalid":
        return f"{place} must be {text.replace('Invalid JSON: ', 'valid JSON (')})"
    if kind == "missing":
        return f"{place} is missing"
    text = text.removeprefix("Value error, ").replace(" after validation", "")
    return f"{place} {re.sub(r'^[A-Z][a-z]+ should ', 'must ', text)}"


_OPERATIONS = {
    "inspect": (InspectRequest, "What is found in a picture, and what the model will see of it.", "JSON"),
    "write": (WriteRequest, "Generate new drawings after exemplars, or from nothing, step by step.", "JSON"),
    "outlines": (OutlinesRequest, "Trace the outlines of drawings of a set.", "JSON"),
    "picture": (PictureRequest, "Save one drawing of a set.", "a PNG or SVG file"),
    "energy": (EnergyRequest, "Free energy of a drawing in nats, given exemplars and without them.", "JSON"),
    "collection": (CollectionRequest, "Pack images by class: collection/CLASS/0001.png ...", "a ZIP file"),
}


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API."""
    from pydantic.json_schema import models_json_schema

    _, definitions = models_json_schema(
        [(body, "validation") for body, _, _ in _OPERATIONS.values()], ref_template="#/components/schemas/{model}"
    )
    operations: dict[str, Any] = {"/api/models": {"get": _operation("models", "List the models.", "JSON")}}
    for name, (body, summary, answer) in _OPERATIONS.items():
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        content = {"required": True, "content": {"application/json": {"schema": schema}}}
        operations[f"/api/{name}"] = {"post": {**_operation(name, summary, answer), "requestBody": content}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "allograph studio", "version": __version__},
        "paths": operations,
        "components": {"schemas": definitions["$defs"]},
    }


def _operation(name: str, summary: str, answer: str) -> dict[str, Any]:
    responses = {"200": answer, "4XX": "JSON; `error` says why", "503": "busy; try again after Retry-After seconds"}
    described = {status: {"description": description} for status, description in responses.items()}
    return {"operationId": name, "summary": summary, "responses": described}
