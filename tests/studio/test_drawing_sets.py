"""Clients name a set of drawings by its id; a set that the server no longer holds can be generated again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from allograph import weights
from allograph.studio import Limits, ModelRegistry
from allograph.studio.batching import Batcher
from allograph.studio.drawing_sets import DrawingSet, DrawingSets
from allograph.studio.images import ExemplarLoader
from allograph.studio.schemas import OutlinesRequest, WriteRequest
from allograph.studio.service import StudioService
from commands.family import build, card
from studio.live_server import LiveServer, exemplar, running

RECIPE: dict[str, Any] = {"exemplars": [exemplar(), exemplar(3)], "seed": 7, "temperature": 0.6}


def the_id(server: LiveServer, **other: Any) -> str:
    return server.post("write", {**RECIPE, **other, "n": 4}).json["drawing_set"]


def outline(server: LiveServer, number: int, **body: Any) -> Any:
    answer = server.post("outlines", {**body, "numbers": [number]})
    return answer.json["drawings"][0]["path"] if answer.status == 200 else answer.status


@pytest.mark.parametrize("recipe", [RECIPE, {"seed": 5}, {"model": "draw"}])
def test_the_id_stands_for_what_generated_the_set(server: LiveServer, recipe: dict[str, Any]) -> None:
    drawing_set = server.post("write", {**recipe, "n": 4}).json["drawing_set"]
    for number in (2, 30):  # beyond the first n, too
        assert outline(server, number, drawing_set=drawing_set) == outline(server, number, **recipe)
        by_id = server.post("picture", {"drawing_set": drawing_set, "number": number})
        assert by_id.status == 200
        assert by_id.content == server.post("picture", {**recipe, "number": number}).content


def test_everything_that_changes_the_drawings_changes_the_id(server: LiveServer) -> None:
    others: list[dict[str, Any]] = [
        {},
        {"seed": 8},
        {"temperature": 0.7},
        {"exemplars": RECIPE["exemplars"][:1]},
        {"exemplars": RECIPE["exemplars"][::-1]},  # the size and ink of drawings are those of the first
        {"exemplars": [{**one, "ink": "dark"} for one in RECIPE["exemplars"]]},
        {"exemplars": [], "model": "draw"},
    ]
    ids = [the_id(server, **other) for other in others]
    assert len(set(ids)) == len(ids)
    assert the_id(server) == ids[0]


def test_a_set_that_was_dropped_is_generated_again(registry: ModelRegistry) -> None:
    with running(registry, Limits(drawing_sets=2)) as server:
        first = the_id(server)
        shown = outline(server, 3, drawing_set=first)
        for seed in (1, 2):
            the_id(server, seed=seed)
        assert outline(server, 3, drawing_set=first) == 410
        with ThreadPoolExecutor(8) as pool:
            again = list(pool.map(lambda _: outline(server, 3, drawing_set=first, **RECIPE), range(8)))
        assert again == [shown] * 8
        assert outline(server, 3, drawing_set=first) == shown


def test_a_set_keeps_its_finished_drawings_and_no_steps(registry: ModelRegistry) -> None:
    limits = Limits()

    async def generated() -> DrawingSet:
        batcher = Batcher(limits.batch_size)
        try:
            sets = DrawingSets(registry, batcher, ExemplarLoader(limits), limits)
            drawings = sets.create(WriteRequest.model_validate({**RECIPE, "n": 20}))
            await sets.generate(drawings, 20)
            return drawings
        finally:
            batcher.close()

    arrays = [values for block in asyncio.run(generated()).finished.values() for values, _ in block]
    held = [array if array.base is None else array.base for array in arrays]
    assert sum(array.nbytes for array in held) == 32 * 28 * 28 * 4


def test_sets_in_use_are_kept(registry: ModelRegistry) -> None:
    with running(registry, Limits(drawing_sets=2)) as server:
        first, second = the_id(server), the_id(server, seed=1)
        outline(server, 1, drawing_set=first)
        the_id(server, seed=2)
        assert outline(server, 1, drawing_set=first) != 410
        assert outline(server, 1, drawing_set=second) == 410


def test_warming_up_drops_no_set(registry: ModelRegistry) -> None:
    async def path() -> str:
        service = StudioService(registry, Limits(drawing_sets=1))
        try:
            written = await service.write(WriteRequest.model_validate({**RECIPE, "n": 4}))
            await service.warm_up()
            asked = OutlinesRequest(drawing_set=written["drawing_set"], numbers=[1])
            return (await service.outlines(asked))["drawings"][0]["path"]
        finally:
            service.close()

    assert asyncio.run(path()).startswith("M")


def test_a_restarted_server_generates_the_set_again(model_files: dict[str, Path]) -> None:
    sources = [str(model_files["bending"])]
    with running(ModelRegistry(sources)) as server:
        first = the_id(server)
        shown = outline(server, 1, drawing_set=first)
    with running(ModelRegistry(sources)) as server:
        assert outline(server, 1, drawing_set=first) == 410
        assert outline(server, 1, drawing_set=first, **RECIPE) == shown


def test_other_weights_or_another_recipe_do_not_pass_for_the_set(server: LiveServer, tmp_path: Path) -> None:
    first = the_id(server)
    other = tmp_path / "bending.safetensors"
    weights.save(other, build("bending"), {**card("bending"), "temperature": 0.5})
    with running(ModelRegistry([str(other)])) as restarted:
        assert outline(restarted, 1, drawing_set=first, **RECIPE) == 410
        assert outline(restarted, 1, drawing_set="0" * 32, **RECIPE) == 410
        assert "no longer holds" in restarted.post("picture", {"drawing_set": first, "number": 1}).json["error"]
