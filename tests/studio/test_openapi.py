"""The API is what its OpenAPI document says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allograph.studio import schemas
from allograph.studio.errors import RequestError
from studio.fuzzing import JSON, request_schemas, requests, right
from studio.live_server import LiveServer

DESCRIPTION = schemas.openapi()
SCHEMAS = request_schemas(DESCRIPTION)
BODIES = {
    "inspect": schemas.InspectRequest,
    "write": schemas.WriteRequest,
    "outlines": schemas.OutlinesRequest,
    "picture": schemas.PictureRequest,
    "energy": schemas.EnergyRequest,
    "collection": schemas.CollectionRequest,
}


def test_the_document_is_served_and_names_every_request(server: LiveServer) -> None:
    answer = server.call("GET", "/api/openapi.json")
    assert answer.json == json.loads(json.dumps(DESCRIPTION))
    assert {path.removeprefix("/api/") for path in answer.json["paths"]} == {*BODIES, "models"}
    for name in BODIES:
        assert server.post(name, None).status == 400, name


@given(data=st.data(), name=st.sampled_from(sorted(BODIES)))
def test_what_the_document_allows_is_accepted(data: st.DataObject, name: str) -> None:
    schemas.parse(json.dumps(data.draw(right(SCHEMAS[name]))).encode(), BODIES[name])


@given(value=JSON, name=st.sampled_from(sorted(BODIES)))
def test_what_it_does_not_allow_is_refused_in_one_line(value: Any, name: str) -> None:
    if isinstance(value, dict) and value.keys() <= SCHEMAS[name]["properties"].keys():
        return
    with pytest.raises(RequestError) as caught:
        schemas.parse(json.dumps(value).encode(), BODIES[name])
    assert caught.value.status_code == 400
    assert caught.value.detail
    assert "\n" not in caught.value.detail


# The server's thread may use the `random` module while a strategy draws.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(request=requests(DESCRIPTION))
def test_no_request_makes_the_server_fail(server: LiveServer, request: tuple) -> None:
    answer = server.call(*request)
    assert answer.status < 500, (request, answer.content)
    if answer.status >= 400 and request[0] != "HEAD" and answer.headers.get("content-type") == "application/json":
        assert answer.json["error"]
