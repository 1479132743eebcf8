"""Every kind of model draws through the same interfaces, in symbols, grey and colour, with an exemplar and without."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import allograph
from allograph import weights
from allograph.card import ModelCard
from allograph.cli import main
from allograph.errors import AllographError
from allograph.generation.augment import AugmentOrder, augment_folder
from allograph.generation.generator import Writer
from allograph.generation.samples import BATCH_SIZE
from allograph.generation.write import Order, invent_files, write_files
from allograph.models.base import GenerativeModel
from commands.family import CONDITIONAL, KINDS, PICTURES, build, card
from commands.pictures import contents, draw_symbol


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("family")


def saved(folder: Path, name: str) -> Path:
    """The weights file of a model of the family."""
    path = folder / f"{name.replace(' ', '-').replace(',', '')}.safetensors"
    if not path.exists():
        weights.save(path, build(name), card(name))
    return path


@pytest.fixture(params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def family(folder: Path, name: str) -> Writer:
    return allograph.load(saved(folder, name))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A colour picture with a dark figure, wider than high; a symbol to those who look for one."""
    path = draw_symbol(tmp_path / "in" / "photo.png", 0, (70, 48))
    return path


def only(names: tuple[str, ...]):  # type: ignore[no-untyped-def]
    return pytest.mark.parametrize("name", names, indirect=True)


def test_a_saved_model_is_the_same_model(family: Writer, name: str) -> None:
    model: GenerativeModel = build(name)
    assert family.model.config == model.config
    noise = model.noise(2)[None]
    with torch.inference_mode():
        assert family.model.sample(noise=noise).parameters.equal(model.sample(noise=noise).parameters)


def test_drawings_from_nothing_differ_and_depend_on_seed_and_number_alone(family: Writer) -> None:
    def drawn(n: int, seed: int) -> list[bytes]:
        return [values.tobytes() for block in family.sample_batches(None, n, seed=seed) for values in block.drawings]

    drawings = drawn(BATCH_SIZE + 2, 3)
    assert drawn(3, 3) == drawings[:3]
    assert len(set(drawings)) == len(drawings)
    assert not set(drawings) & set(drawn(3, 4))
    assert [drawing.size for drawing in family.invent(1)] == [(256, 256)]


def test_values_are_logits_of_ink_or_intensities(family: Writer) -> None:
    block = next(family.sample_batches(None, 5, history=True))
    n, steps, channels = block.canvases.shape[:3]
    assert (n, channels) == (5, family.model.likelihood.channels)
    assert steps in (1, family.model.noise_shape[0])
    parameters = family.draw(None, torch.zeros(1, 2, *family.model.noise_shape)).parameters
    mean = family.model.likelihood.mean(parameters)
    values = torch.from_numpy(family.values(parameters))
    shown = torch.sigmoid(values) if family.images in ("symbols", "digits") else values
    torch.testing.assert_close(shown, mean, atol=1e-5, rtol=1e-5)


@only(CONDITIONAL)
def test_drawings_after_an_exemplar_depend_on_it(family: Writer, photo: Path, name: str) -> None:
    drawings = family.write(photo, 3)
    assert {drawing.size for drawing in drawings} == {(48, 48) if name in PICTURES else (70, 48)}
    other = draw_symbol(photo.parent / "other.png", 2, (70, 48))
    both = family.write([photo, other], 3)
    assert [d.tobytes() for d in both[0]] == [d.tobytes() for d in drawings]
    assert {d.tobytes() for d in both[1]}.isdisjoint({d.tobytes() for d in drawings})


@pytest.mark.slow
@only(CONDITIONAL)
def test_write_makes_pictures_a_sheet_and_an_animation(family: Writer, photo: Path, tmp_path: Path, name: str) -> None:
    (result,) = write_files(family, [photo], tmp_path / "out", Order(n=3, animate=True))
    assert sorted(contents(tmp_path / "out")) == [
        "photo.png",
        "photo.webp",
        *(f"photo/photo-00{k}.png" for k in (1, 2, 3)),
    ]
    with Image.open(tmp_path / "out" / "photo" / "photo-001.png") as drawing:
        grey = name in ("grey", "grey levels")
        assert drawing.mode == ("L" if grey else "RGB")
        assert np.array_equal(np.asarray(drawing), np.asarray(family.write(photo, 1)[0]))
    assert result.model_seconds > 0  # type: ignore[union-attr]


@pytest.mark.parametrize("name", sorted(set(KINDS) - set(CONDITIONAL)), indirect=True)
def test_a_model_without_exemplar_says_so_in_one_line(
    folder: Path, family: Writer, name: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AllographError, match=r"takes no exemplar.*allograph invent"):
        family.write(photo)
    classes = tmp_path / "few"
    draw_symbol(classes / "ka" / "a.png")
    commands = (
        ["write", photo, "-o", tmp_path / "out"],
        ["augment", classes, "--per-class", 2, "-o", tmp_path / "out"],
    )
    for command in commands:
        assert main([str(word) for word in (*command, "--model", saved(folder, name))]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert "takes no exemplar" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_invent_makes_the_same_files_for_every_kind(
    folder: Path, family: Writer, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["invent", "--model", str(saved(folder, name)), "-n", "3", "-o", str(tmp_path / "out"), "--size", "48"]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert sorted(contents(tmp_path / "out")) == ["invented.png", *(f"invented/invented-00{k}.png" for k in (1, 2, 3))]
    for path, drawing in zip(document["drawings"], family.invent(3, size=48), strict=True):
        with Image.open(path) as made:
            assert made.tobytes() == drawing.tobytes()

    before = contents(tmp_path / "out")
    assert main(command) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert contents(tmp_path / "out") == before

    status = main([*command, "--overwrite", "--seed", "1", "--animate"])
    grows = family.model.noise_shape[0] > 1
    captured = capsys.readouterr()
    assert status == (0 if grows else 2)
    assert ("invented.webp" in contents(tmp_path / "out")) == grows
    if not grows:
        assert "leave out --animate" in captured.err
        assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["grey", "colour", "digits"], indirect=True)
def test_a_set_is_made_of_classes_of_pictures(family: Writer, tmp_path: Path, name: str) -> None:
    few, output = tmp_path / "few", tmp_path / "out"
    draw_symbol(few / "ka" / "a.png", 0, (40, 40))
    draw_symbol(few / "ka" / "b.png", 1, (60, 50))
    (few / "ka" / "bad.png").write_text("no image")
    report = augment_folder(family, few, output, AugmentOrder(3))
    assert (report.made, len(report.problems)) == (3, 1)
    sizes = [(40, 40), (50, 50) if name in PICTURES else (60, 50), (40, 40)]
    for number, size in enumerate(sizes, 1):
        with Image.open(output / "ka" / f"{number:04d}.png") as drawing:
            assert drawing.size == size
    assert augment_folder(family, few, output, AugmentOrder(3)).kept == 3


@pytest.mark.parametrize("name", ["grey"], indirect=True)
def test_pictures_have_no_ink_to_choose(family: Writer, photo: Path, tmp_path: Path) -> None:
    with pytest.raises(AllographError, match="do not choose an ink"):
        family.write(photo, ink="dark")
    with pytest.raises(AllographError, match="do not choose an ink"):
        write_files(family, [photo], tmp_path, Order(ink="light"))


def test_invented_files_are_whole_or_none(folder: Path, tmp_path: Path) -> None:
    class Interrupting(Writer):
        def sample_batches(self, exemplar, n, **settings):  # type: ignore[no-untyped-def]
            yield next(super().sample_batches(exemplar, n, **settings))
            raise KeyboardInterrupt

    plain = allograph.load(saved(folder, "deep"))
    with pytest.raises(KeyboardInterrupt):
        invent_files(Interrupting(plain.model, plain.card, plain.sha256), tmp_path / "out", Order(n=30))
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    with pytest.raises(AllographError, match="file"):
        invent_files(plain, tmp_path / "file", Order(n=1))
    with pytest.raises(AllographError, match="0 drawings"):
        invent_files(plain, tmp_path / "none", Order(n=0))
    assert not (tmp_path / "none").exists()


def test_the_card_says_what_the_images_are(folder: Path) -> None:
    model = build("grey")
    assert Writer(model, ModelCard({}), "").images == "grey"
    assert Writer(build("digits"), ModelCard({}), "").images == "symbols"
    assert Writer(build("colour"), ModelCard.of({"data": {"name": "faces"}}), "").images == "colour"
    for images in ("colour", "faces"):
        with pytest.raises(AllographError, match="card does not fit"):
            _ = Writer(model, ModelCard.of({"data": {"images": images}}), "").space


def test_info_says_what_a_model_is(
    folder: Path, family: Writer, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = dict(card(name))
    described["data"]["sketch"] = [12345678901] * 1024
    path = tmp_path / "model.safetensors"
    weights.save(path, family.model, described)
    assert main(["info", str(path)]) == 0
    text = capsys.readouterr().out
    lines = dict(line.split("  ", 1) for line in text.splitlines())
    assert lines["kind"].strip().startswith(family.model.config.kind)
    assert family.images in lines["images"]
    assert ("one" in lines["exemplar"].split()) == (name in CONDITIONAL)
    size = family.model.config.image_size
    assert f"{size} x {size}" in lines["images"]
    assert "12345678901" not in text
    assert main(["info", str(path), "--json"]) == 0
    text = capsys.readouterr().out
    assert "12345678901" not in text
    assert json.loads(text)["config"]["image_size"] == size
