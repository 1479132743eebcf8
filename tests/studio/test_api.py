"""The API does what the command line does, and says what is wrong with a request."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import allograph
from allograph.data.folders import load_folder
from allograph.imaging.inspection import inspect_picture
from allograph.studio import Limits, ModelRegistry
from studio.live_server import LiveServer, drawing, encoded, exemplar, running


def array(text: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def test_the_models_are_listed_the_default_one_first(server: LiveServer) -> None:
    models = server.call("GET", "/api/models").json["models"]
    assert [model["name"] for model in models][:3] == ["bending", "colour", "draw"]
    assert models[0] | {"sha256": ""} == {
        "name": "bending",
        "sha256": "",
        "kind": "bending",
        "images": "symbols",
        "conditional": True,
        "steps": 3,
        "size": 28,
        "channels": 1,
        "temperature": 0.9,
    }
    assert not models[2]["conditional"]


def test_drawings_grow_step_by_step(server: LiveServer) -> None:
    answer = server.post("write", {"exemplars": [exemplar()], "n": 20, "seed": 3}).json
    assert (answer["n"], answer["size"], answer["channels"], answer["inked"]) == (20, 28, 1, True)
    steps = answer["steps"]
    growth = array(answer["growth"], 20, steps, 1, 28, 28)
    assert growth.any(axis=(1, 2, 3, 4)).all()
    assert len({drawing.tobytes() for drawing in growth[:, -1]}) > 10
    assert np.shape(answer["write_windows"]) == np.shape(answer["read_windows"]) == (20, steps, 2, 3)
    (seen,) = answer["exemplars"]
    assert (seen["width"], seen["height"]) == (96, 96)
    assert 0 < array(seen["drawing"], 28, 28).mean() < 100
    assert (answer["ink"], answer["paper"]) == ("#000000", "#ffffff")


def test_a_drawing_as_a_file_is_the_command_lines(server: LiveServer, model_files: dict[str, Path]) -> None:
    writer = allograph.load(model_files["bending"])
    expected = writer.write(drawing(), 18, seed=5, temperature=0.7)[17]
    asked = {"exemplars": [exemplar()], "seed": 5, "temperature": 0.7, "number": 18}
    answer = server.post("picture", asked)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'attachment; filename="bending-018.png"'
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (96, 96)
        assert np.abs(np.asarray(picture).astype(int) - np.asarray(expected).astype(int)).max() <= 2
    again = server.post("picture", {**asked, "size": 300})
    with Image.open(io.BytesIO(again.content)) as picture:
        assert picture.size == (300, 300)


def test_what_is_found_is_what_the_command_line_says(server: LiveServer, model_files: dict[str, Path]) -> None:
    picture = drawing(0, (300, 200))
    wanted, _ = inspect_picture(base64.b64decode(encoded(picture)))
    answer = server.post("inspect", {"image": encoded(picture)}).json
    with Image.open(io.BytesIO(base64.b64decode(answer.pop("marked")))) as marked:
        assert marked.size == (420, 280)
        assert (np.asarray(marked) == (214, 40, 96)).all(-1).sum() > 100
    seen = array(answer.pop("seen"), 28, 28)
    space = allograph.load(model_files["bending"]).space
    assert np.array_equal(seen, space.preprocess(picture).image[0] * 255)
    assert answer.pop("size") == 28
    assert answer == json.loads(json.dumps(asdict(wanted)))
    light = server.post("inspect", {"image": encoded(Image.eval(picture, lambda v: 255 - v)), "ink": "light"}).json
    assert (light["polarity"], light["ink"]) == ("light", "#ffffff")
    assert array(light["seen"], 28, 28).any()


def test_notes_say_what_to_choose_and_name_no_flag(server: LiveServer) -> None:
    picture = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(picture).polygon([(0, 0), (199, 0), (0, 199)], fill=0)
    (note,) = server.post("inspect", {"image": encoded(picture)}).json["notes"]
    assert note == "the ink may not be what was drawn; crop the picture to the symbol, or choose dark or light"


def test_an_outline_is_an_svg_document(server: LiveServer) -> None:
    from xml.etree import ElementTree

    answer = server.post("picture", {"exemplars": [exemplar()], "number": 2, "format": "svg", "size": 500})
    assert answer.headers["content-type"] == "image/svg+xml"
    root = ElementTree.fromstring(answer.content)
    assert root.get("viewBox") == "0 0 500 500"
    (path,) = root.iter("{http://www.w3.org/2000/svg}path")
    assert (path.get("d") or "").startswith("M")
    outlines = server.post("outlines", {"exemplars": [exemplar()], "numbers": [2, 5]}).json
    assert [one["number"] for one in outlines["drawings"]] == [2, 5]
    assert outlines["drawings"][0]["path"] == path.get("d")


def test_several_exemplars_in_any_order(server: LiveServer) -> None:
    pair = [exemplar(0), exemplar(3)]
    one = server.post("write", {"exemplars": pair[:1]}).json
    both = server.post("write", {"exemplars": pair}).json
    turned = server.post("write", {"exemplars": pair[::-1]}).json
    assert len(both["exemplars"]) == 2
    shape = (16, both["steps"], 28, 28)
    first, second = (array(answer["growth"], *shape).astype(int) for answer in (both, turned))
    assert np.abs(first - second).max() <= 1
    assert both["growth"] != one["growth"]


def test_models_of_pictures_and_models_without_exemplar(server: LiveServer) -> None:
    colour = server.post("write", {"model": "colour", "exemplars": [exemplar()], "n": 2}).json
    assert (colour["channels"], colour["inked"], colour["ink"]) == (3, False, None)
    assert array(colour["growth"], 2, colour["steps"], 3, 16, 16).std() > 0
    refused = server.post("outlines", {"model": "colour", "exemplars": [exemplar()], "numbers": [1]})
    assert refused.status == 400
    assert "outline" in refused.json["error"]
    invented = server.post("write", {"model": "draw", "n": 3}).json
    assert invented["exemplars"] == []
    refused = server.post("write", {"model": "draw", "exemplars": [exemplar()]})
    assert refused.status == 400
    assert "no exemplar" in refused.json["error"]


def test_the_energy_is_that_of_the_model(server: LiveServer, model_files: dict[str, Path]) -> None:
    import torch

    from allograph.generation.samples import noise_for

    asked = {"exemplars": [exemplar(0)], "drawing": exemplar(2), "seed": 4}
    answer = server.post("energy", asked).json
    writer = allograph.load(model_files["bending"])
    first, second = (torch.from_numpy(writer.space.preprocess(drawing(kind)).image)[None] for kind in (0, 2))
    noise = noise_for(writer.model.noise_shape, [("energy", 4, k) for k in range(answer["samples"])])
    with torch.inference_mode():
        given = writer.model.infer(second, first[None], noise).free_energy
        without = writer.model.infer(second, None, noise).free_energy
    assert answer["given"]["free_energy"] == pytest.approx(float(given.total.mean()), rel=1e-4)
    assert answer["given"]["kl"] == pytest.approx(given.kl.mean(dim=0).tolist(), rel=1e-3, abs=1e-3)
    assert answer["without"]["free_energy"] == pytest.approx(float(without.total.mean()), rel=1e-4)
    assert sum(answer["given"]["kl"]) + answer["given"]["distortion"] == pytest.approx(
        answer["given"]["free_energy"], abs=0.01
    )
    assert "given" not in server.post("energy", {"model": "draw", "drawing": exemplar()}).json


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("length", [64, 76])
def test_base64_may_be_broken_into_lines(server: LiveServer, end: str, length: int) -> None:
    text = encoded(drawing())
    broken = end.join(text[at : at + length] for at in range(0, len(text), length)) + end
    plain = server.post("picture", {"exemplars": [{"image": text}], "number": 1})
    answer = server.post("picture", {"exemplars": [{"image": broken}], "number": 1})
    assert answer.status == 200
    assert answer.content == plain.content
    pasted = f'{{"exemplars": [{{"image": "{broken}"}}], "number": 1}}'.encode()  # as a shell script does
    answer = server.call("POST", "/api/picture", pasted, {"Content-Type": "application/json"})
    assert answer.content == plain.content
    packed = server.post("collection", {"classes": [{"name": "ka", "images": [broken]}]})
    with zipfile.ZipFile(io.BytesIO(packed.content)) as file:
        assert file.read("collection/ka/0001.png") == base64.b64decode(text)


def test_a_collection_is_a_folder_to_train_on(server: LiveServer, tmp_path: Path) -> None:
    classes = [
        {"name": "ka", "images": [encoded(drawing(kind)) for kind in range(3)]},
        {"name": "KA", "images": [encoded(drawing(1), "JPEG")]},
        {"name": "../../etc/..", "images": [encoded(drawing(2))]},
        {"name": ".", "images": [encoded(drawing(2))]},
    ]
    answer = server.post("collection", {"classes": classes})
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        names = file.namelist()
        assert not any(".." in Path(name).parts or name.startswith("/") for name in names)
        with Image.open(io.BytesIO(file.read("collection/ka/0002.png"))) as picture:
            assert picture.tobytes() == drawing(1).tobytes()
        file.extractall(tmp_path)
    folder = load_folder(tmp_path / "collection")
    assert not folder.problems
    assert len(folder.dataset.concept_names) == 4
    assert folder.dataset.drawings_per_concept.tolist() == [1, 1, 1, 3]
    assert server.post("collection", {"classes": classes}).content == answer.content


@pytest.mark.parametrize(
    ("name", "asked", "status", "word"),
    [
        ("write", {"n": 65}, 400, "n must be less than or equal to 64"),
        ("write", {"n": True}, 400, "n must be a valid integer"),
        ("write", {"seed": -1}, 400, "seed"),
        ("write", {"temperature": 0}, 400, "temperature must be greater than 0"),
        ("write", {"colour": 3}, 400, "unknown field 'colour'; known fields are model, exemplars"),
        ("write", [], 400, "must be an object"),
        ("write", {"exemplars": [{}]}, 400, "exemplars[0].image is missing"),
        ("write", {"exemplars": [{"image": "AAAA"}] * 9}, 400, "exemplars must have at most 8 items, not 9"),
        ("write", {"exemplars": [{"image": "no base64!"}]}, 400, "base64"),
        ("write", {"exemplars": [{"image": "data:image/png;base64,AAAA"}]}, 400, "without the prefix"),
        ("write", {"exemplars": [{"image": "AAAA", "a\nb": 1}]}, 400, r"exemplars[0] has an unknown field 'a\nb'"),
        ("picture", {"number": 1, "drawing_set": "0" * 32}, 410, "no longer holds"),
        ("write", {"exemplars": [{"image": "bm8gaW1hZ2U="}]}, 422, "not an image"),
        ("write", {"exemplars": [{"image": encoded(Image.new("L", (60, 60), 255))}]}, 422, "no ink"),
        (
            "write",
            {"exemplars": [exemplar(), {"image": encoded(Image.new("L", (4, 4)))}]},
            422,
            "exemplar 2 is too small",
        ),
        ("write", {"exemplars": [{"image": encoded(Image.new("1", (5000, 5000)))}]}, 413, "million pixels"),
        ("write", {"model": "../../etc/passwd"}, 404, "known models are bending"),
        ("write", {"model": "/elsewhere/some.safetensors"}, 404, "known models are bending"),
        ("inspect", {}, 400, "image is missing"),
        ("inspect", {"image": exemplar()["image"], "model": "colour"}, 400, "looks for no ink"),
        ("inspect", {"image": encoded(Image.new("L", (60, 60), 255))}, 422, "or choose dark or light"),
        ("outlines", {}, 400, "numbers is missing"),
        ("picture", {"number": 0}, 400, "number"),
        ("picture", {"number": 1, "format": "pdf"}, 400, "format must be 'png' or 'svg'"),
        ("picture", {"number": 1, "size": 100_000}, 400, "size must be less than or equal to 2048"),
        ("energy", {"drawing": {"image": "bm8gaW1hZ2U="}}, 422, "the second drawing"),
        ("collection", {"classes": [{"name": "a", "images": ["bm8gaW1hZ2U="]}]}, 422, "image 1 of class a"),
        ("collection", {"classes": [{"name": "a", "images": ["AA=="] * 1500}] * 2}, 400, "3000 images"),
    ],
)
def test_a_bad_request_gets_one_line_that_names_the_field(
    server: LiveServer, name: str, asked: object, status: int, word: str
) -> None:
    answer = server.post(name, asked)
    assert answer.status == status, answer.content
    assert word in answer.json["error"]
    assert "\n" not in answer.json["error"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\xff\xfe", b'{"n": NaN}', b'{"n": 1e999}', b'{"\\ud800": 1}'),
        *(b"[" * 100_000, b'{"seed": ' + b"9" * 5000 + b"}"),
    ],
)
def test_a_body_that_is_no_json_is_refused(server: LiveServer, body: bytes) -> None:
    answer = server.call("POST", "/api/write", body, {"Content-Type": "application/json"})
    assert answer.status == 400
    assert answer.json["error"]


def test_other_ways_in_are_closed(server: LiveServer) -> None:
    assert server.call("GET", "/api/write").status == 405
    assert server.call("POST", "/api/write", b"{}", {"Content-Type": "text/plain"}).status == 415
    for path in ("/nothing", "/../server.py", "/%2e%2e/server.py", "/examples/", "/api/models/", "/js/../../limits.py"):
        assert server.call("GET", path).status == 404


def test_a_body_that_is_too_large_is_refused(registry: ModelRegistry) -> None:
    with running(registry, Limits(body_bytes=2**20)) as server:
        for size in (2**20 + 1, 3 * 2**20):
            answer = server.call("POST", "/api/write", b" " * size, {"Content-Type": "application/json"})
            assert answer.status == 413
            assert "1 MiB" in answer.json["error"]
        assert server.post("write", {"exemplars": [exemplar()], "n": 1}).status == 200
