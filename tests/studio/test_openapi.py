"""The API is what its description says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allograph.studio import Limits
from allograph.studio.checking import check
from allograph.studio.errors import RequestError
from allograph.studio.schemas import REQUESTS, describe, request_schemas
from studio.fuzzing import JSON, requests, right
from studio.live_server import LiveServer

DESCRIPTION = describe(Limits())
SCHEMAS = request_schemas(Limits())


def test_the_description_is_served(server: LiveServer) -> None:
    answer = server.call("GET", "/api/openapi.json")
    assert answer.json == json.loads(json.dumps(DESCRIPTION))
    assert {path.removeprefix("/api/") for path in answer.json["paths"]} == {*REQUESTS, "models"}


@given(data=st.data(), name=st.sampled_from(REQUESTS))
def test_what_the_description_allows_passes(data: st.DataObject, name: str) -> None:
    check(data.draw(right(SCHEMAS[name])), SCHEMAS[name])


@given(value=JSON, name=st.sampled_from(REQUESTS))
def test_what_it_does_not_allow_is_refused_with_a_place(value: Any, name: str) -> None:
    known = SCHEMAS[name]["properties"]
    if isinstance(value, dict) and value.keys() <= known.keys():
        return
    with pytest.raises(RequestError) as caught:
        check(value, SCHEMAS[name])
    assert caught.value.status == 400
    assert caught.value.reason


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(request=requests(DESCRIPTION))
def test_no_request_makes_the_server_fail(server: LiveServer, request: tuple) -> None:
    answer = server.call(*request)
    assert answer.status < 500, (request, answer.content)
    if answer.status >= 400 and request[0] != "HEAD" and answer.headers.get("content-type") == "application/json":
        assert answer.json["error"]
