"""The page on training pipelines runs from beginning to end, with the real libraries and a Hub on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

from allograph.cli import main
from commands.hub_server import serving
from docs.test_snippets import ROOT, blocks, commands

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes"),  # on a single core
]


def test_the_page_runs_from_beginning_to_end(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed: pip install 'allograph[hub]'")
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("ALLOGRAPH_DATA", str(data_dir))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    variables: dict[str, Any] = {}
    with serving(tmp_path, monkeypatch) as server, torch.random.fork_rng():
        for language, text in blocks(ROOT / "docs" / "pipelines.md"):
            if language == "python":
                exec(compile(text, "pipelines.md", "exec"), variables)
                continue
            for words in commands(text):
                assert main(words[1:]) == 0, f"{shlex.join(words)}: {capsys.readouterr().err}"
    assert sorted(server.repositories["owner/letters"]) == ["README.md", "model.safetensors"]
    assert sorted(variables["table"].features["label"].names) == ["arrow", "hook", "zigzag"]
    assert (len(variables["table"]), len(variables["real"])) == (16, 9)
    weights, labels, new = (variables[name] for name in ("weights", "classes", "new"))
    assert torch.allclose(labels.bincount(weights), torch.ones(3).to(labels.bincount(weights)))
    for label, name in enumerate(variables["table"].features["label"].names):
        of_new = weights[(labels == label) & (new == 1)].sum()
        assert float(of_new) == pytest.approx(0 if name == "arrow" else 0.5)
    assert len(variables["sampler"]) == 16
    assert variables["images"].shape == (3, 1, 64, 64)
    assert variables["drawing"].size == (100, 100)
    assert variables["once"][0]["image"].tobytes() != variables["signs"][0]["image"].tobytes()
    assert variables["unseen"].classes[variables["label"]] == "Angelic/character01"
    assert set(variables["unseen"].classes).isdisjoint(variables["background"].classes)
    drawn = [variables[name].write("signs/hook/0.png", 1)[0].tobytes() for name in ("model", "again")]
    assert drawn[0] == drawn[1]
    assert len(list(Path("drawings/0").iterdir())) == 16
