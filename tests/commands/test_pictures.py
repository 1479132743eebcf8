"""inspect, split, and the pictures that write takes, from the command line."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from allograph.cli import main
from allograph.errors import AllographError
from allograph.generation.blank import are_blank
from allograph.generation.generator import Writer
from allograph.generation.places import Written
from allograph.generation.samples import SampleRequest
from allograph.generation.write import Order, write_files
from commands.pictures import contents, draw_symbol


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def test_inspect_prints_what_it_finds_and_goes_on_after_a_bad_file(capsys, tmp_path: Path) -> None:
    good, bad = draw_symbol(tmp_path / "good.png"), tmp_path / "bad.png"
    bad.write_text("no image")
    status, out, err = run(capsys, "inspect", bad, good, "-o", tmp_path / "found")
    assert status == 1
    assert out.startswith(f"{good}: 60 x 50 pixels, dark ink #")
    assert "bad.png is not an image" in err
    assert list(contents(tmp_path / "found")) == ["good.png"]
    assert run(capsys, "inspect", bad)[0] == 2

    status, out, _ = run(capsys, "inspect", good, "--json")
    (found,) = json.loads(out)["images"]
    assert found["polarity"] == "dark"
    assert found["parts"] == 1
    assert found["picture"] is None
    status, _, err = run(capsys, "inspect", good, "-o", tmp_path / "found")
    assert status == 2
    assert "exists already" in err


def test_split_writes_files_and_a_sheet(capsys, tmp_path: Path) -> None:
    page = Image.new("L", (420, 120), 250)
    for x in (40, 180, 320):
        ImageDraw.Draw(page).line([(x, 30), (x, 90), (x + 50, 90)], fill=10, width=7)
    page.save(tmp_path / "row.png")
    status, out, err = run(capsys, "split", tmp_path / "row.png", "-o", tmp_path / "out")
    assert (status, err) == (0, "")
    assert out.startswith("3 symbols in 1 row: ")
    assert sorted(contents(tmp_path / "out")) == ["row.png", *(f"row/row-00{k}.png" for k in (1, 2, 3))]
    status, out, err = run(capsys, "split", tmp_path / "row.png", "-o", tmp_path / "out")
    assert (status, out) == (2, "")
    assert "--overwrite" in err


def test_a_picture_comes_through_standard_input_or_a_pipe(
    capsys, weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = draw_symbol(tmp_path / "a.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    status, _, err = run(capsys, "write", "-", "-n", 1, "-o", tmp_path / "out", "--model", weights_file)
    assert (status, err) == (0, "")
    assert sorted(contents(tmp_path / "out")) == ["stdin.png", "stdin/stdin-001.png"]

    import os
    import threading

    fifo = tmp_path / "pipe.png"
    os.mkfifo(fifo)
    feeder = threading.Thread(target=lambda: fifo.write_bytes(data))
    feeder.start()
    status, _, err = run(capsys, "write", fifo, "-n", 1, "-o", tmp_path / "out", "--model", weights_file)
    feeder.join()
    assert (status, err) == (0, "")
    assert (tmp_path / "out/pipe/pipe-001.png").read_bytes() != b""


def test_frames_and_doubts_are_said_on_stderr(capsys, weights_file: Path, tmp_path: Path) -> None:
    blank, drawn = Image.new("L", (80, 80), 250), Image.new("L", (80, 80), 250)
    ImageDraw.Draw(drawn).line([(20, 20), (20, 60), (60, 60)], fill=5, width=5)
    blank.save(tmp_path / "a.gif", save_all=True, append_images=[drawn])
    status, _, err = run(capsys, "write", tmp_path / "a.gif", "-n", 1, "-o", tmp_path / "out", "--model", weights_file)
    assert status == 0
    assert "using frame or page 2 of 2" in err


def test_blank_drawings_and_lone_specks_are_known() -> None:
    values = np.full((4, 1, 52, 52), -5.0)
    values[1, 0, 20, 20:22] = 5  # a speck
    values[2, 0, 10:40, 20:23] = 5
    values[3, 0, 20:23, 20:23] = 5  # a dot
    stroke, dot = values[2] > 0, values[3] > 0
    assert are_blank(values, [stroke]).tolist() == [True, True, False, False]
    assert are_blank(values, [dot]).tolist() == [True, True, False, False]
    assert are_blank(values, []).tolist() == [True, True, False, False]


def test_a_blank_drawing_is_made_again_from_its_own_noise(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    exemplar = writer.space.preprocess(_symbol())
    plain = writer.draw_batches([SampleRequest((exemplar,), 3)])[0].drawings
    values = writer.__class__.values
    blanked = {2, 7}
    calls = 0

    def some_blank(self: Writer, parameters) -> np.ndarray:
        nonlocal calls
        made = values(self, parameters).copy()
        if calls < 2:  # twice in a row these two show nothing
            made[sorted(blanked)] = -9.0
        calls += 1
        return made

    monkeypatch.setattr(Writer, "values", some_blank)
    again = writer.draw_batches([SampleRequest((exemplar,), 3)])[0].drawings
    assert calls == 3
    kept = [k for k in range(16) if k not in blanked]
    assert np.array_equal(again[kept], plain[kept])
    monkeypatch.setattr(Writer, "values", values)
    third = writer.draw_batches([SampleRequest((exemplar,), 3, again=2)])[0].drawings
    assert np.array_equal(again[sorted(blanked)], third[sorted(blanked)])
    assert not are_blank(again, [exemplar.image]).any()


def _symbol(shift: int = 0) -> Image.Image:
    picture = Image.new("RGB", (90, 70), (250, 245, 230))
    ImageDraw.Draw(picture).line([(20 + shift, 12), (20, 55), (65, 55 - shift)], (20, 30, 120), 4)
    return picture


def test_several_exemplars_of_one_symbol_are_drawn_from_together(writer: Writer, tmp_path: Path) -> None:
    with pytest.raises(AllographError, match="one exemplar at a time: use omniglot-28-fewshot"):
        writer.write([_symbol(), _symbol(5)], 2, together=True)
    several = Writer(writer.model, replace(writer.card, contexts=(1, 2, 3)), writer.sha256)
    both = several.write([_symbol(), _symbol(9)], 3, together=True)
    assert [drawing.size for drawing in both] == [(90, 70)] * 3
    one = several.write([_symbol()], 3, together=True)
    assert [a.tobytes() for a in one] == [b.tobytes() for b in writer.write(_symbol(), 3)]
    assert [a.tobytes() for a in both] != [b.tobytes() for b in one]

    paths = [tmp_path / "a.png", tmp_path / "b.png", tmp_path / "bad.png"]
    _symbol().save(paths[0])
    _symbol(9).save(paths[1])
    paths[2].write_text("no image")
    results = list(write_files(several, paths, tmp_path / "out", Order(n=3, together=True)))
    made = [one for one in results if isinstance(one, Written)]
    assert len(made) == 1
    assert len(results) == 2  # the bad file is said, the others are done
    assert sorted(contents(tmp_path / "out")) == ["a.png", *(f"a/a-00{k}.png" for k in (1, 2, 3))]
    for path, drawing in zip(made[0].drawings, both, strict=True):
        with Image.open(path) as saved:
            assert saved.tobytes() == drawing.tobytes()


def test_a_negative_seed_is_refused(writer: Writer) -> None:
    with pytest.raises(AllographError, match="seed -1 is negative"):
        writer.write(_symbol(), 1, seed=-1)
    with pytest.raises(AllographError, match="seed -1 is negative"):
        writer.invent(1, seed=-1)
