"""`allograph.Augment` in training pipelines: what comes back, how often, the same again, in workers, in libraries."""

from __future__ import annotations

import importlib.util
import io
import pickle
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch.utils.data import DataLoader, Dataset

import allograph
from allograph.errors import AllographError
from allograph.generation.generator import Writer
from allograph.generation.transform import Augment
from commands.family import build, card


def picture(kind: int = 0, mode: str = "L", size: tuple[int, int] = (40, 30)) -> Image.Image:
    image = Image.new("RGB", size, (240, 230, 210))
    pen = ImageDraw.Draw(image)
    pen.line([(10, 5), (10, 24)], (20, 30, 120), 3)
    pen.line([(10, 24 - 9 * kind), (30, 24)], (20, 30, 120), 3)
    return image.convert(mode)


def bytes_of(image: Any) -> bytes:
    return np.asarray(image).tobytes()


@pytest.fixture
def augment(weights_file: Path) -> Augment:
    return allograph.Augment(weights_file, p=1.0, drawings=16, seed=3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"])
def test_a_picture_comes_back_in_its_size_mode_and_tones(augment: Augment, mode: str) -> None:
    image = picture(mode="L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 200)
    image.info["dpi"] = (300, 300)
    drawn = augment(image)
    assert (type(drawn), drawn.size, drawn.mode, drawn.info) == (Image.Image, image.size, image.mode, image.info)
    assert bytes_of(drawn) != bytes_of(image)
    before, after = (np.asarray(one.convert("RGB"), float) for one in (image, drawn))
    if mode not in ("I", "I;16", "F"):  # `convert` would cut those at 255
        assert np.abs(after[0, 0] - before[0, 0]).max() <= 8  # the paper
        assert np.abs(after.min((0, 1)) - before.min((0, 1))).max() <= 40  # the ink


def test_transparent_paper_stays_transparent(augment: Augment) -> None:
    image = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    ImageDraw.Draw(image).line([(10, 5), (10, 24), (30, 24)], (200, 0, 0, 255), 3)
    assert augment(image).getpixel((0, 0))[3] == 0
    palette = image.quantize(4)
    clear = palette.getpixel((0, 0))
    palette.info["transparency"] = clear
    drawn = augment(palette)
    assert drawn.mode == "P" and drawn.getpixel((0, 0)) == clear and len(drawn.getcolors()) > 1


@pytest.mark.parametrize("form", ["uint8", "float", "light on dark", "normalised", "int", "bool", "hwc", "hw1"])
@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_an_array_or_tensor_comes_back_in_its_shape_type_and_range(augment: Augment, form: str, kind: str) -> None:
    grey = np.array(picture())
    array = {
        "uint8": grey,
        "float": (grey / 255).astype(np.float32),
        "light on dark": (grey < 100).astype(np.float64),
        "normalised": ((grey / 255 - 0.5) / 0.25).astype(np.float32),
        "int": grey.astype(np.int64),
        "bool": grey < 100,
        "hwc": np.asarray(picture(mode="RGB")),
        "hw1": grey[..., None],
    }[form]
    image: Any = array
    if kind == "tensor":
        image = torch.from_numpy((array if array.ndim == 2 else array.transpose(2, 0, 1)).copy())
    drawn = augment(image)
    assert (type(drawn), drawn.shape, drawn.dtype) == (type(image), image.shape, image.dtype)
    assert bytes_of(drawn) != bytes_of(image)
    old, new = np.asarray(image, float).reshape(-1), np.asarray(drawn, float).reshape(-1)
    span = old.max() - old.min()
    assert abs(old[0] - new[0]) <= 0.05 * span  # the paper's own value
    assert abs(np.median(old) - np.median(new)) <= 0.05 * span
    assert np.abs([old.min() - new.min(), old.max() - new.max()]).max() <= 0.2 * span
    assert np.abs(new - new[0]).max() > 0.5 * span  # and ink on it


def test_half_precision_and_classes_of_tensors(augment: Augment) -> None:
    class Marked(torch.Tensor):
        """As torchvision's images are."""

    grey = torch.from_numpy(np.array(picture())) / 255
    drawn = augment(grey[None].bfloat16().as_subclass(Marked))
    assert type(drawn) is Marked and drawn.dtype == torch.bfloat16 and drawn.shape == (1, 30, 40)
    batch = torch.stack([grey, grey])[:, None]
    drawn = augment(batch)
    assert drawn.shape == batch.shape and not torch.equal(drawn[0], drawn[1])
    assert augment(batch[:0]).shape == (0, 1, 30, 40)


def test_the_drawings_are_those_of_write_each_once_a_round(augment: Augment, writer: Writer) -> None:
    image = picture()
    wanted = sorted(bytes_of(one.convert("L")) for one in writer.write(image, 16, seed=3))
    for _ in range(2):
        assert sorted(bytes_of(augment(image)) for _ in range(16)) == wanted


def test_p_is_the_share_of_new_drawings(weights_file: Path) -> None:
    image = picture()
    for p, low, high in ((0.0, 0, 0), (0.3, 60, 120), (1.0, 300, 300)):
        augment = allograph.Augment(weights_file, p, drawings=16, seed=0)
        new = sum(augment(image) is not image for _ in range(300))
        assert low <= new <= high
    assert allograph.Augment(weights_file, 0.0)(image) is image


def test_what_is_given_back_is_the_callers_own(augment: Augment) -> None:
    image = np.asarray(picture())
    first = {bytes_of(augment(image)) for _ in range(16)}
    for _ in range(16):
        augment(image)[:] = 0
    assert {bytes_of(augment(image)) for _ in range(16)} == first


def test_the_same_seed_gives_the_same_results(weights_file: Path) -> None:
    images = [picture(k % 2) for k in range(12)]

    def results(seed: int | None) -> list[bytes]:
        augment = allograph.Augment(weights_file, 0.5, drawings=16, seed=seed)
        return [bytes_of(augment(image)) for image in images]

    assert results(1) == results(1) != results(2)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first = results(None)
        second = results(None)
        torch.manual_seed(5)
        assert results(None) == first != second


def test_blank_and_damaged_images_are_passed_on_with_one_warning(augment: Augment) -> None:
    torn = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60), np.uint8)).save(torn, "PNG")
    blank = Image.new("L", (40, 30), 255)
    others: list[Any] = [
        np.zeros((30, 40), np.float32),
        np.full((30, 40), np.nan),
        np.zeros((0, 5)),
        torch.ones(3, 20, 20),
        Image.new("RGB", (3, 3)),
        None,
        Image.open(io.BytesIO(torn.getvalue()[:-2000])),
    ]
    with pytest.warns(UserWarning, match="passed on") as warned:
        assert augment(blank) is blank
    assert len(warned) == 1 and warned[0].filename == __file__
    for image in (*others, blank):  # warnings are errors in these tests
        assert augment(image) is image


@pytest.mark.parametrize("wrong", ["a.png", 3, np.zeros((6, 5, 9)), np.array(["a"]), torch.zeros(6, 9, 9)])
def test_a_programs_mistake_is_an_error(augment: Augment, wrong: Any) -> None:
    with pytest.raises(TypeError):
        augment(wrong)
    with pytest.raises(KeyError, match="picture"):
        augment({"picture": wrong})


def test_mistakes_show_when_it_is_made(weights_file: Path) -> None:
    for arguments in ({"p": 1.5}, {"drawings": 0}, {"temperature": 9.0}, {"guidance": 2.0}, {"memory": 0}):
        with pytest.raises(AllographError):
            allograph.Augment(weights_file, **arguments)
    with pytest.raises(AllographError, match="did you mean"):
        allograph.Augment("omniglut")
    with pytest.raises(AllographError, match="takes no exemplar"):
        allograph.Augment(Writer(build("draw"), card("draw"), "0"))


def test_models_of_pictures_draw_squares_and_pass_on_others() -> None:
    augment = allograph.Augment(Writer(build("grey"), card("grey"), "0"), 1.0, drawings=16, seed=0)
    drawn = augment(picture(mode="RGB", size=(32, 32)))
    assert (drawn.size, drawn.mode) == ((32, 32), "RGB")
    with pytest.warns(UserWarning, match="square"):
        augment(picture())


def test_others_pass_through_and_mappings_keep_their_rest(augment: Augment) -> None:
    image = picture()
    drawn, label, *more = augment(image, 4, "x")
    assert (label, more) == (4, ["x"]) and drawn is not image
    sample = {"image": image, "label": 4}
    assert augment(sample)["label"] == 4 and augment(sample)["image"] is not image and sample["image"] is image
    batch = augment({"image": [image, image], "label": [1, 2]})
    assert len({bytes_of(one) for one in (*batch["image"], image)}) == 3 and batch["label"] == [1, 2]


def test_a_known_image_costs_a_small_part_of_a_new_one(weights_file: Path) -> None:
    augment = allograph.Augment(weights_file, 1.0, drawings=16, seed=0)
    begun = time.perf_counter()
    augment(picture())
    first = time.perf_counter() - begun
    again = []
    for _ in range(20):
        begun = time.perf_counter()
        augment(picture())  # other objects, equal pixels
        again.append(time.perf_counter() - begun)
    assert np.median(again) < first / 30


def test_memory_is_bounded_and_the_last_used_stay(weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []
    take = Augment._take
    monkeypatch.setattr(Augment, "_take", lambda self, one: taken.append(one.tobytes()) or take(self, one))
    augment = allograph.Augment(weights_file, 1.0, drawings=16, seed=0, memory=1)
    images = [picture(k % 2, "RGB", (90 + k, 90)) for k in range(3)]  # 16 drawings of each are 0.4 million bytes
    for k in (0, 1, 0, 2, 0, 1):
        augment(images[k])
    assert [len(one) for one in taken] == [len(images[k].tobytes()) for k in (0, 1, 2, 1)]


def test_prepared_images_need_no_model(augment: Augment, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = Image.new("L", (40, 30), 255)
    assert augment.prepare([picture(), blank, picture()]) is augment
    wanted = {bytes_of(augment(picture())) for _ in range(16)}
    monkeypatch.setattr(allograph, "load", lambda name: pytest.fail("loaded"))
    copy = pickle.loads(pickle.dumps(augment))
    assert {bytes_of(copy(picture())) for _ in range(16)} == wanted
    with pytest.warns(UserWarning, match="passed on"):
        assert copy(blank) is blank


def test_the_pickle_holds_no_model(augment: Augment, weights_file: Path) -> None:
    augment(picture())
    text = pickle.dumps(augment)
    assert len(text) < 1000 < weights_file.stat().st_size
    assert text == pickle.dumps(pickle.loads(text))


class Pictures(Dataset[Any]):
    """Twelve times two symbols."""

    def __init__(self, augment: Any) -> None:
        self.augment = augment

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return torch.from_numpy(np.array(self.augment(picture(index % 2)))), index


def epochs(augment: Any, count: int = 2, seed: int = 7, **options: Any) -> list[list[bytes]]:
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(Pictures(augment), 3, num_workers=2, generator=generator, **options)
    return [[bytes_of(image) for images, _ in loader for image in images] for _ in range(count)]


def test_workers_differ_and_come_again(weights_file: Path) -> None:
    augment = allograph.Augment(weights_file, 1.0, drawings=32, seed=1).prepare([picture(0), picture(1)])
    first, second = epochs(augment)
    assert first != second
    assert len({bytes_of(picture(k)) for k in (0, 1)} & set(first)) == 0
    # The first batch is one worker's, the second the other's; they show the same two symbols.
    assert first[:3] != first[3:6]
    assert epochs(augment) == [first, second]
    assert epochs(augment, seed=8) != [first, second]


@pytest.mark.slow
def test_workers_that_are_started_anew_load_the_model_themselves(weights_file: Path, tmp_path: Path) -> None:
    """As on macOS and Windows: the object is pickled."""
    script = tmp_path / "spawned.py"
    script.write_text(
        "import sys, allograph\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from commands.test_transform import epochs\n"
        "if __name__ == '__main__':\n"
        "    augment = allograph.Augment(sys.argv[1], 1.0, drawings=16, seed=1)\n"
        "    spawned = epochs(augment, 1, multiprocessing_context='spawn')\n"
        "    assert spawned == epochs(augment, 1), 'differ'\n"
    )
    done = subprocess.run([sys.executable, script, weights_file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_allograph_imports_neither_torch_nor_the_transform() -> None:
    code = "import allograph, sys; print([n for n in sys.modules if n in ('torch', 'allograph.generation.transform')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="augmentation"):
        _ = allograph.augmentation  # type: ignore[attr-defined]


def chained(steps: Sequence[Any], *inputs: Any) -> Any:
    """As torchvision's `v2.Compose.forward` calls its transforms."""
    several = len(inputs) > 1
    outputs: Any = inputs
    for step in steps:
        outputs = step(*inputs)
        inputs = outputs if several else (outputs,)
    return outputs


def test_the_contract_of_torchvisions_compose(augment: Augment) -> None:
    image, label = chained([augment, lambda image, label: (np.asarray(image), label)], picture(), 3)
    assert image.shape == (30, 40) and label == 3
    assert chained([augment, np.asarray], picture()).shape == (30, 40)


def test_in_a_chain_of_torchvision(augment: Augment) -> None:
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed: it has no CPU build beside every torch")
    from torchvision import tv_tensors  # type: ignore[import-not-found]
    from torchvision.transforms import v2  # type: ignore[import-not-found]

    chain = v2.Compose([v2.PILToTensor(), augment, v2.ToDtype(torch.float32, scale=True)])
    image, label = chain(picture(), 3)
    assert image.shape == (1, 30, 40) and label == 3
    assert type(augment(tv_tensors.Image(torch.from_numpy(np.array(picture()))[None]))) is tv_tensors.Image


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_in_hugging_faces_map_and_with_transform(augment: Augment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pytest.importorskip("datasets", reason="Hugging Face datasets is not installed: pip install 'allograph[test]'")
    from datasets import Dataset as Table
    from datasets import Features, Image, Value

    blank = {"image": PIL_BLANK, "label": "none"}
    rows = [{"image": picture(k % 2), "label": str(k)} for k in range(4)] + [blank]
    table = Table.from_list(rows, features=Features({"image": Image(), "label": Value("string")}))
    old = [bytes_of(row["image"]) for row in table]
    with pytest.warns(UserWarning, match="passed on"):
        augment(PIL_BLANK)
    for new in ([*table.map(augment)], [*table.map(augment, batched=True)], [*table.with_transform(augment)]):
        assert [row["label"] for row in new] == ["0", "1", "2", "3", "none"]
        assert [row["image"].size for row in new] == [(40, 30)] * 5
        same = [bytes_of(row["image"]) == before for row, before in zip(new, old, strict=True)]
        assert same == [False] * 4 + [True]


PIL_BLANK = Image.new("L", (40, 30), 255)


def test_no_other_warning_than_its_own(augment: Augment) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for mode in ("L", "RGB", "P"):
            augment(picture(mode=mode))
    assert [str(one.message) for one in seen] == []
