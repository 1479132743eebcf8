"""The writer: nothing but (weights, exemplar, seed, temperature, number) decides a drawing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from allograph.card import ModelCard
from allograph.errors import AllographError
from allograph.generation import blank, rejection
from allograph.generation.augment import augment_folder
from allograph.generation.augment_plan import AugmentOrder
from allograph.generation.generator import Writer
from allograph.generation.rejection import draw_with_rejection
from allograph.generation.samples import BATCH_SIZE, SampleRequest, noise_for
from allograph.generation.transform import Augment
from allograph.imaging.topology import topology_of
from allograph.models import Drawings
from allograph.studio.registry import ModelRegistry
from commands.family import build, card


def picture(kind: int = 0) -> np.ndarray:
    """A grey picture of an L, or of a T."""
    image = np.full((40, 30), 255, np.uint8)
    image[8:32, 8 if kind == 0 else 14] = 0
    image[30 if kind == 0 else 8, 8:22] = 0
    return image


def pixels(drawings: list[Image.Image]) -> list[bytes]:
    return [drawing.tobytes() for drawing in drawings]


def test_drawings_have_the_size_of_the_image_or_the_size_asked_for(writer: Writer) -> None:
    drawings = writer.write(picture(), 2)
    assert [drawing.size for drawing in drawings] == [(30, 40)] * 2
    assert writer.write(picture(), 1, size=120)[0].size == (90, 120)


def test_same_seed_same_drawings_and_other_seed_other_drawings(writer: Writer) -> None:
    first = pixels(writer.write(picture(), 4, seed=3))
    assert first == pixels(writer.write(picture(), 4, seed=3))
    assert not set(first) & set(pixels(writer.write(picture(), 4, seed=4)))
    assert len(set(first)) == 4


def test_every_drawing_has_noise_of_its_own(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its number, also beyond those that the model makes at once, its exemplar and the seed; and the same again."""
    drawn: list[bytes] = []
    draw = Writer.draw

    def watched(self: Writer, context: Any, noise: torch.Tensor, *rest: Any, **options: Any) -> Any:
        drawn.extend(row.numpy().tobytes() for row in noise.flatten(0, 1))
        return draw(self, context, noise, *rest, **options)

    monkeypatch.setattr(Writer, "draw", watched)
    monkeypatch.setattr(blank, "ATTEMPTS", 0)  # drawings without ink, which are made again, apart
    for seed in (3, 4, 3):
        for kind in (0, 1):
            writer.write(picture(kind), BATCH_SIZE + 1, seed=seed)
        writer.invent(BATCH_SIZE + 1, seed=seed)
    each = 3 * 2 * BATCH_SIZE
    assert len(drawn) == 3 * each and len(set(drawn)) == 2 * each
    assert drawn[:each] == drawn[2 * each :]


def test_a_drawing_depends_neither_on_their_number_nor_on_other_images(writer: Writer) -> None:
    alone = pixels(writer.write(picture(), BATCH_SIZE + 5))
    assert pixels(writer.write(picture(), 3)) == alone[:3]
    assert pixels(writer.write(picture(), BATCH_SIZE + 1)) == alone[: BATCH_SIZE + 1]
    among = writer.write([picture(1), picture(), picture(1)], 3)
    assert pixels(among[1]) == alone[:3]
    assert pixels(among[0]) == pixels(among[2]) != alone[:3]


def test_arrays_images_and_files_are_alike(writer: Writer, tmp_path) -> None:
    image = Image.fromarray(picture()).convert("RGB")
    image.save(tmp_path / "l.png")
    from_file = pixels(writer.write(tmp_path / "l.png", 2))
    assert pixels(writer.write(image, 2)) == from_file
    assert pixels(writer.write(str(tmp_path / "l.png"), 2)) == from_file


def test_temperature_scales_the_variation(writer: Writer) -> None:
    def spread(temperature: float) -> float:
        block = next(writer.sample_batches(_exemplar(writer), BATCH_SIZE, temperature=temperature))
        return float(block.canvases.std(axis=0).mean())

    assert spread(0.1) < spread(0.5) < spread(1.0)


def test_without_a_temperature_the_card_decides(writer: Writer) -> None:
    assert pixels(writer.write(picture(), 2)) == pixels(writer.write(picture(), 2, temperature=0.9))
    assert pixels(writer.write(picture(), 2)) != pixels(writer.write(picture(), 2, temperature=0.6))


def test_drawings_vary_in_size_as_the_card_says(writer: Writer) -> None:
    """Around the card's mean, more at higher temperatures; whichever attempt at a drawing is kept."""
    varied = replace(writer, card=ModelCard.of({**writer.card, "size_variation": [-0.1, 0.2]}))
    exemplar = writer.space.preprocess(picture())
    (batch,) = varied.sample_batches(exemplar, BATCH_SIZE, temperature=1.0)
    assert len(set(batch.sizes)) == BATCH_SIZE
    request = SampleRequest((exemplar,))
    assert (request.sizes((-0.1, 0.2), 1.0) == batch.sizes).all()
    assert (replace(request, again=3).sizes((-0.1, 0.2), 1.0) == batch.sizes).all()
    logs = np.log([request.sizes((-0.1, 0.2), heat) for heat in (1.0, 0.5)]) + 0.1
    assert logs[0] == pytest.approx(2 * logs[1])
    many = np.log(np.concatenate([SampleRequest((exemplar,), 0, n).sizes((-0.1, 0.2), 1.0) for n in range(0, 800, 16)]))
    assert many.mean() == pytest.approx(-0.1, abs=0.03)
    assert many.std() == pytest.approx(0.2, abs=0.02)
    drawn = zip(varied.write(picture(), 4), writer.write(picture(), 4), strict=True)
    assert all(one.tobytes() != other.tobytes() for one, other in drawn)


def test_how_much_sizes_vary_is_the_cards_or_what_is_asked_for(writer: Writer) -> None:
    varied = replace(writer, card=ModelCard.of({**writer.card, "size_variation": [-0.1, 0.2]}))
    assert varied.with_size_variation(None) is varied
    assert varied.with_size_variation(0.3).card.size_variation == (-0.1, 0.3)
    assert pixels(varied.with_size_variation(0).write(picture(), 4)) == pixels(writer.write(picture(), 4))
    for wrong in (-0.1, 0.4, float("nan")):
        with pytest.raises(AllographError, match=r"choose one from 0 to 0\.3"):
            varied.with_size_variation(wrong)
    with pytest.raises(AllographError, match="not of one symbol"):
        Writer(build("grey"), card("grey"), "0").with_size_variation(0.1)


def test_drawings_from_nothing_and_changes_keep_the_models_size(writer: Writer) -> None:
    exemplar = writer.space.preprocess(picture())
    for request in (SampleRequest(()), SampleRequest((exemplar,), change=(exemplar, exemplar))):
        assert (request.sizes((-0.1, 0.2), 1.0) == 1).all()


def test_guidance_is_the_cards_or_the_one_asked_for(writer: Writer) -> None:
    """Of models that have a prior which exemplars change; others have none."""
    plain = Writer(build("digits"), card("digits"), "0")
    assert plain.guidance == 1 and plain.guided(None) is plain
    drawn = pixels(plain.write(picture(), 2))
    assert pixels(plain.guided(1.0).write(picture(), 2)) == drawn
    closer = plain.guided(3.0)
    assert pixels(closer.write(picture(), 2)) != drawn
    by_card = Writer(plain.model, ModelCard.of({**plain.card, "guidance": 3.0}), "0")
    assert pixels(by_card.write(picture(), 2)) == pixels(closer.write(picture(), 2))
    assert pixels(closer.invent(2)) == pixels(plain.invent(2))
    for wrong in (-0.1, 10.5, float("nan")):
        with pytest.raises(AllographError, match="out of range"):
            plain.guided(wrong)
    for unguided in (writer, Writer(build("colour, no exemplar"), card("colour, no exemplar"), "0")):
        with pytest.raises(AllographError, match="cannot guide"):
            unguided.guided(2.0)
    untaught = Writer(plain.model, ModelCard.of({**plain.card, "settings": {"data": {"blank": 0.0}}}), "0")
    assert untaught.guided(1.0).guidance == 1
    with pytest.raises(AllographError, match="never trained without exemplars"):
        untaught.guided(2.0)


def test_a_drawing_is_made_again_while_its_parts_and_holes_differ_from_the_exemplars() -> None:
    """By the definition, one drawing at a time, after two exemplars at once."""
    plain = Writer(build("digits"), card("digits"), "0")
    model = plain.model
    contexts = torch.zeros(2, 2, 1, model.config.image_size, model.config.image_size)
    contexts[:, :, 0, 4:9, 4:20] = contexts[0, 1, 0, 14:20, 4:20] = 1
    noise = model.noise(2 * 6, generator=torch.Generator().manual_seed(1)).unflatten(0, (2, 6))
    drawn = plain.draw(contexts, noise, history=True)
    once = plain.with_attempts(1)
    tries = [once.draw(contexts, noise.roll(j, dims=2), history=True) for j in range(noise.shape[2])]
    picked = []
    for b, context in enumerate(contexts):
        given = [topology_of(one[0].numpy() > 0)[:2] for one in context]
        for k in range(noise.shape[1]):
            counts = [topology_of(one.parameters[b, k, 0].numpy() > 0)[:2] for one in tries]
            apart = [min(abs(parts - p) + abs(holes - h) for p, h in given) for parts, holes in counts]
            picked.append(best := apart.index(min(apart)))
            for name in ("canvases", "write_windows", "read_windows"):
                torch.testing.assert_close(getattr(drawn, name)[b, k], getattr(tries[best], name)[b, k])
    assert len(set(picked)) > 1, "the first attempt is always the best"


def test_only_drawings_that_differ_are_made_again_and_the_nearest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 28
    ring, bar, two = torch.zeros(3, 1, size, size)
    ring[0, 6:20, 6:20] = bar[0, 6:20, 6:10] = two[0, 6:20, 6:10] = two[0, 6:20, 16:20] = 1
    ring[0, 10:16, 10:16] = 0
    moved = ring.roll(2, dims=2)
    # The attempts of four drawings: two after the ring, two after the bar.
    shown = [[ring], [bar, moved], [two, ring, two], [bar]]
    context = torch.stack([ring, bar])[:, None]
    noise = torch.zeros(2, 2, 3, 4)
    noise[:, :, 0] = torch.arange(1.0, 5).view(2, 2, 1)
    made: list[list[tuple[int, int]]] = []

    def draw(context: torch.Tensor, noise: torch.Tensor) -> Drawings:
        number, step = (one.long() for one in noise[..., 0].max(dim=2))
        assert context.equal(torch.stack([ring, bar])[(number[:, 0] - 1) // 2][:, None]), "after another exemplar"
        made.append([(int(n) - 1, int(s)) for n, s in zip(number.flatten(), step.flatten(), strict=True)])
        drawn = [shown[n][min(s, len(shown[n]) - 1)] for n, s in made[-1]]
        return Drawings.without_windows(torch.stack(drawn).unflatten(0, number.shape)[:, :, None])

    def kept(attempts: int) -> torch.Tensor:
        made.clear()
        ink = lambda drawn: drawn.parameters.squeeze(2) > 0  # noqa: E731
        return draw_with_rejection(draw, ink, context, noise, attempts).parameters.flatten(0, 1)

    once = [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert kept(16).equal(torch.stack([ring, moved, two, bar])), "of equally near ones, the first"
    assert made == [once, [(1, 1), (1, 2), (2, 1), (2, 2)]], "as often as there are steps; of few drawings at once"
    assert kept(2).equal(torch.stack([ring, moved, two, bar]))
    assert made == [once, [(1, 1), (2, 1)]]
    shown[2] = [two, bar, bar.roll(2, dims=1)]
    assert kept(16).equal(torch.stack([ring, moved, bar, bar]))
    monkeypatch.setattr(rejection, "_AT_ONCE", 1)
    assert kept(16).equal(torch.stack([ring, moved, bar, bar]))
    assert made == [once, [(1, 1), (2, 1)]]
    shown[2] = [two, ring, bar]
    assert kept(16).equal(torch.stack([ring, moved, bar, bar]))
    assert made == [once, [(1, 1), (2, 1)], [(2, 2)]]


def test_how_many_attempts_is_sixteen_or_the_number_asked_for(writer: Writer) -> None:
    plain = Writer(build("digits"), card("digits"), "0")
    assert plain.attempts == 16 and plain.with_attempts(None) is plain
    drawn, once = pixels(plain.write(picture(), 16)), plain.with_attempts(1)
    assert pixels(once.write(picture(), 16)) != drawn
    assert pixels(plain.write(picture(), 2)) == drawn[:2]
    assert pixels(plain.with_attempts(3).write(picture(), 16)) == drawn, "as many as steps"
    assert pixels(once.invent(2)) == pixels(plain.invent(2))
    change = picture(), picture(1)
    assert pixels(once.write(picture(), 2, change=change)) == pixels(plain.write(picture(), 2, change=change))
    for wrong in (0, 101, 2.0, True):
        with pytest.raises(AllographError, match="use 1 to 100"):
            plain.with_attempts(wrong)  # type: ignore[arg-type]
    assert not writer.rejects and writer.adjusted == {"guidance": 1.0, "attempts": 1}
    assert writer.with_attempts(1).adjusted == writer.adjusted
    with pytest.raises(AllographError, match="makes every drawing once"):
        writer.with_attempts(2)
    assert plain.adjusted["attempts"] == plain.with_attempts(100).adjusted["attempts"] == 3, "as many as steps"
    assert plain.with_attempts(2).adjusted["attempts"] == 2


def test_noise_is_standard_normal_and_belongs_to_its_key(writer: Writer) -> None:
    shape = writer.model.noise_shape
    noise = noise_for(shape, [(seed, k) for seed in range(20) for k in range(50)])
    assert noise.shape == (1000, *shape)
    assert abs(float(noise.mean())) < 0.05
    assert abs(float(noise.std()) - 1) < 0.05
    assert noise.flatten(1).unique(dim=0).shape[0] == 1000
    assert noise_for(shape, [(7, 30)]).equal(noise[7 * 50 + 30][None])


@pytest.mark.parametrize(("binarisation", "binary"), [("none", False), ("threshold", True), ("dynamic", True)])
def test_a_model_of_binarised_pictures_is_shown_binary_ones(
    binarisation: str, binary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"data": {"binarisation": binarisation}}
    writer = Writer(build("digits"), ModelCard.of({"data": {"images": "grey"}, "settings": settings}), "0" * 64)
    shown: list[np.ndarray] = []
    sample = type(writer.model).sample
    monkeypatch.setattr(
        type(writer.model), "sample", lambda *words, **rest: shown.append(words[1].numpy()) or sample(*words, **rest)
    )
    writer.write(np.arange(256, dtype=np.uint8).reshape(16, 16), 1)
    (context,) = shown
    assert (set(np.unique(context)) == {0, 1}) == binary


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"n": 0}, "drawings"),
        ({"n": -3}, "drawings"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": 3.0}, "temperature"),
        ({"size": 3}, "size"),
        ({"size": 100_000}, "size"),
        ({"ink": "blue"}, "ink"),
    ],
)
def test_senseless_arguments_are_refused(writer: Writer, arguments: dict, word: str) -> None:
    with pytest.raises(AllographError, match=word):
        writer.write(picture(), **arguments)


def _exemplar(writer: Writer):
    from allograph.imaging import preprocess

    return preprocess(picture(), writer.model.config.image_size)


def test_the_studio_pipelines_and_training_sets_make_drawings_again_as_write_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(build("digits"), ModelCard.of({**card("digits"), "size_variation": [0.0, 0.2]}), "0" * 64)
    drawn = set(pixels(writer.write(picture(), BATCH_SIZE)))
    assert drawn != set(pixels(writer.with_attempts(1).write(picture(), BATCH_SIZE)))
    monkeypatch.setattr("allograph.load", lambda *_: writer)
    assert set(pixels(ModelRegistry(["digits"]).writer().write(picture(), BATCH_SIZE))) == drawn
    image = Image.fromarray(picture())
    augment = Augment("digits", p=1.0, drawings=BATCH_SIZE)
    assert {augment(image).tobytes() for _ in range(BATCH_SIZE)} == {
        one.convert(image.mode).tobytes() for one in writer.write(image, BATCH_SIZE)
    }
    (tmp_path / "classes" / "a").mkdir(parents=True)
    image.save(tmp_path / "classes" / "a" / "1.png")
    for name, one in (("set", writer), ("once", writer.with_attempts(1))):
        augment_folder(one, tmp_path / "classes", tmp_path / name, AugmentOrder(per_class=BATCH_SIZE))
    pairs = [(path, tmp_path / "set" / "a" / path.name) for path in sorted((tmp_path / "once" / "a").glob("*.png"))]
    assert len(pairs) == BATCH_SIZE
    assert any(one.read_bytes() != other.read_bytes() for one, other in pairs)
