"""`allograph export`: the files, what they say of themselves, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import allograph
from allograph import weights
from allograph.cli import main
from allograph.export.checking import run, session
from allograph.export.files import graph_of
from commands.family import build

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = sorted(path for path in (ROOT / "examples" / "symbols").iterdir() if path.suffix != ".md")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if weights.DEFAULT not in weights.known_names():
        pytest.skip("no weights ship with this copy")
    path = tmp_path_factory.mktemp("exported") / "omniglot.onnx"
    assert main(["export", weights.DEFAULT, "-o", str(path)]) == 0
    return path


@pytest.mark.slow
@pytest.mark.parametrize("model", weights.known_names())
def test_the_drawings_of_shipped_models_are_torchs(model: str) -> None:
    """Within 0.001 in the probability of ink and in most logits; of few rounding is more: see docs/export.md."""
    writer = allograph.load(model).with_attempts(1)
    running = session(graph_of(writer, "sampling").SerializeToString(), threads=1)
    apart = {name: [] for name in ("canvases", "write_windows", "read_windows")}
    ink = []
    for symbol in SYMBOLS if model == weights.DEFAULT else SYMBOLS[::3]:
        image = torch.from_numpy(writer.space.preprocess(symbol).image)[None, None]
        noise = writer.model.noise(16, generator=torch.Generator().manual_seed(1))[None]
        drawn = writer.draw(image, noise, history=True)
        given = {
            "exemplars": image.numpy(),
            "noise": noise.numpy(),
            "temperature": np.array(writer.temperature_for(None)),
            "guidance": np.array(writer.guidance),
        }
        made = run(running, given)
        for name, value in made.items():
            if name in apart:
                apart[name].append(np.abs(value - getattr(drawn, name).numpy()).ravel())
        ink.append(float((torch.from_numpy(made["canvases"]).sigmoid() - drawn.canvases.sigmoid()).abs().max()))
    assert max(ink) < 1e-3
    drawings = np.concatenate(apart.pop("canvases"))
    assert (drawings > 1e-3).mean() < 1e-5
    assert drawings.max() < 2e-3
    for name, parts in apart.items():
        assert np.concatenate(parts).max() < 1e-4, name


def test_a_file_says_what_it_is(exported: Path) -> None:
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    about = {entry.key: entry.value for entry in model.metadata_props}
    writer = allograph.load()
    assert (about["pass"], about["sha256"], about["weights"]) == ("sampling", writer.sha256, "float32")
    assert json.loads(about["guidance"]) == writer.guidance
    assert json.loads(about["card"])["figures"] == json.loads(json.dumps(writer.card["figures"]))
    assert "sketch" not in json.loads(about["card"])["data"]
    assert json.loads(about["config"])["image_size"] == 52
    assert model.producer_version == allograph.__version__
    assert [one.name for one in model.graph.input] == ["exemplars", "noise", "temperature", "guidance"]
    likelihood = onnx.load(exported.with_name("omniglot-likelihood.onnx"))
    assert [one.name for one in likelihood.graph.input] == ["images", "exemplars", "noise"]
    assert {one.name for one in likelihood.graph.output} == {"log_likelihood", "kl", "log_weight"}


def test_equal_models_make_equal_files(exported: Path, tmp_path: Path) -> None:
    again = tmp_path / "omniglot.onnx"
    assert main(["export", weights.DEFAULT, "-o", str(again)]) == 0
    assert again.read_bytes() == exported.read_bytes()


def test_nothing_is_replaced_unasked(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = exported.read_bytes()
    assert main(["export", weights.DEFAULT, "-o", str(exported)]) == 2
    assert f"{exported} exists already" in capsys.readouterr().err
    likelihood = exported.with_name("omniglot-likelihood.onnx")
    assert exported.read_bytes() == before
    assert likelihood.exists()


def test_half_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "half.onnx"
    assert main(["export", weights.DEFAULT, "-o", str(path), "--half", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["half"] is True
    assert [one["pass_name"] for one in document["files"]] == ["sampling", "likelihood"]
    for one in document["files"]:
        assert Path(one["path"]).stat().st_size == one["size"] < 4.4e6
        assert 0 < one["difference"] < 1


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("draw", "models of kind draw cannot be exported"),
        ("deep", "models of kind deep cannot be exported"),
        ("linear", "models of kind linear cannot be exported"),
        ("grey", "models of grey or colour pictures (gaussian) cannot be exported"),
        ("colour, inferred", "models of grey or colour pictures (logistic) cannot be exported"),
    ],
)
def test_other_models_are_refused_in_a_line(
    kind: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights.save(tmp_path / "model.safetensors", build(kind), {})
    assert main(["export", str(tmp_path / "model.safetensors"), "-o", str(tmp_path / "x.onnx")]) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("*.onnx"))


def test_a_wrong_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", weights.DEFAULT, "-o", str(tmp_path / "model.bin")]) == 2
    assert "ends in .onnx" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["export", weights.DEFAULT, "-o", str(tmp_path / "x.onnx")]) == 2
    assert "pip install 'allograph[export]'" in capsys.readouterr().err


def test_the_example_draws_without_torch(exported: Path, tmp_path: Path) -> None:
    """The example imports numpy, Pillow and onnxruntime alone, in a process where torch cannot be imported."""
    picture = tmp_path / "drawings.png"
    example = ROOT / "examples" / "run_onnx.py"
    arguments = [example.name, str(exported), str(SYMBOLS[1]), str(picture)]
    code = f"""
import runpy, sys
sys.modules["torch"] = sys.modules["allograph"] = None
sys.argv = {arguments!r}
runpy.run_path({str(example)!r}, run_name="__main__")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    from PIL import Image

    with Image.open(picture) as made:
        ink = 255 - np.asarray(made.convert("L"), np.float32)
    assert made.size[0] > 4 * 52
    assert 0.02 < (ink > 128).mean() < 0.5
