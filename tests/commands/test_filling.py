"""`allograph augment --to` and `--layout`: classes filled up, and read by the libraries that training sets go into."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from allograph.cli import main
from allograph.errors import AllographError
from allograph.generation import metadata
from allograph.generation.augment import AugmentOrder, AugmentReport, augment_folder
from allograph.generation.generator import Writer
from commands.pictures import contents, draw_symbol

TO = 36
"""More than one block of drawings for both classes."""


def fill(writer: Writer, folder: Path, output: Path, to: int = TO, **order: Any) -> AugmentReport:
    return augment_folder(writer, folder, output, AugmentOrder(to, fill=True, **order))


def pictures(output: Path) -> dict[str, set[str]]:
    """The files of each class."""
    return {
        folder.name: {path.name for path in folder.iterdir()} for folder in sorted(output.iterdir()) if folder.is_dir()
    }


def test_each_class_ends_with_as_many_as_asked_for(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    report = fill(writer, classes, output, 5)
    assert (report.classes, report.made, report.kept, report.originals, report.problems) == (2, 7, 0, 3, ())
    assert pictures(output) == {
        "ka": {"original-a.png", "original-b.png", "0001.png", "0002.png", "0003.png"},
        "tho": {"original-a.png", "0001.png", "0002.png", "0003.png", "0004.png"},
    }
    assert (output / "ka" / "original-b.png").read_bytes() == (classes / "ka" / "b.png").read_bytes()
    again = fill(writer, classes, output, 5)
    assert (again.made, again.kept, again.originals) == (0, 7, 3)


def test_the_drawings_are_those_of_per_class(writer: Writer, classes: Path, tmp_path: Path) -> None:
    fill(writer, classes, tmp_path / "filled", 5)
    augment_folder(writer, classes, tmp_path / "plain", AugmentOrder(4))
    filled, plain = contents(tmp_path / "filled"), contents(tmp_path / "plain")
    for name in ("ka/0001.png", "ka/0003.png", "tho/0004.png"):
        assert filled[name] == plain[name]


def test_a_class_that_has_enough_is_copied_and_gets_none(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    draw_symbol(classes / "ka" / "c.png", 0, (50, 60))
    report = fill(writer, classes, output, 2)
    assert (report.classes, report.made, report.originals) == (2, 1, 4)
    assert pictures(output) == {
        "ka": {"original-a.png", "original-b.png", "original-c.png"},
        "tho": {"original-a.png", "0001.png"},
    }
    assert fill(writer, classes, output, 2).made == 0
    assert fill(writer, classes, output, 4).made == 3
    with pytest.raises(AllographError, match=r"already has 1 drawings and 3 originals; ask for at least that many"):
        fill(writer, classes, output, 2)


@pytest.mark.slow
def test_a_stopped_filling_ends_as_an_undisturbed_one(writer: Writer, classes: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    report = fill(writer, classes, whole, layout="hf")
    assert report.metadata == whole / "metadata.jsonl"
    for stops in (0, 1, 2, 3):
        output, calls = tmp_path / f"stopped-{stops}", []

        def stop(done: int, total: int, stops: int = stops, calls: list[int] = calls) -> None:
            calls.append(done)
            assert total == 2 * TO - 3
            if len(calls) > stops:
                raise KeyboardInterrupt

        order = AugmentOrder(TO, fill=True, layout="hf")
        with pytest.raises(KeyboardInterrupt):
            augment_folder(writer, classes, output, order, stop)
        assert not (output / "metadata.jsonl").exists()
        again = fill(writer, classes, output, layout="hf")
        assert (again.kept, again.made) == (calls[-1], 2 * TO - 3 - calls[-1])
        assert contents(output) == contents(whole)


def test_lost_files_are_made_again(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    fill(writer, classes, output, 5, layout="hf")
    before = contents(output)
    for name in ("ka/original-a.png", "ka/0002.png", "metadata.jsonl"):
        (output / name).unlink()
    assert fill(writer, classes, output, 5, layout="hf").made == 1
    assert contents(output) == before


def test_bad_files_do_not_count(writer: Writer, classes: Path, tmp_path: Path) -> None:
    (classes / "ka" / "b.png").write_text("no image")
    (classes / "bad").mkdir()
    (classes / "bad" / "x.png").write_text("no image")
    (classes / "void").mkdir()
    output = tmp_path / "out"
    totals: list[tuple[int, int]] = []
    order = AugmentOrder(4, fill=True, layout="hf")
    report = augment_folder(writer, classes, output, order, lambda done, total: totals.append((done, total)))
    assert totals[-1] == (6, 6)
    assert (report.classes, report.made, report.originals) == (2, 6, 2)
    assert {problem.path.name for problem in report.problems} == {"b.png", "bad", "x.png", "void"}
    files = {"original-a.png", "0001.png", "0002.png", "0003.png"}
    assert pictures(output) == {"ka": files, "tho": files}
    assert fill(writer, classes, output, 4).kept == 6
    # Mended, it is an exemplar that the set was not begun with.
    draw_symbol(classes / "ka" / "b.png", 2)
    with pytest.raises(AllographError, match="exemplars of ka"):
        fill(writer, classes, output, 4)
    assert fill(writer, classes, output, 4, overwrite=True).made == 5


def test_nothing_that_was_there_is_replaced(writer: Writer, classes: Path, tmp_path: Path) -> None:
    for name in ("ka/original-a.png", "ka/0001.png", "ka/0009.png"):
        output = tmp_path / name.replace("/", "-")
        draw_symbol(output / name)
        before = contents(output)
        with pytest.raises(AllographError, match="no manifest row"):
            fill(writer, classes, output, 5)
        assert contents(output) == before
    output = tmp_path / "out"
    for text in ("{}\n", '{"file_name": "a.png"}\n', "no json", "\n"):
        output.mkdir(exist_ok=True)
        (output / "metadata.jsonl").write_text(text)
        for overwrite in (False, True):
            with pytest.raises(AllographError, match=r"metadata\.jsonl exists already"):
                fill(writer, classes, output, 5, layout="hf", overwrite=overwrite)
        assert contents(output) == {"metadata.jsonl": text.encode()}


def test_formats_that_readers_of_training_sets_lack_are_copied_as_png(
    writer: Writer, classes: Path, tmp_path: Path
) -> None:
    Image.open(classes / "tho" / "a.png").convert("P").save(classes / "tho" / "b.gif")
    output = tmp_path / "out"
    fill(writer, classes, output, 3)
    with Image.open(output / "tho" / "original-b.gif.png") as copy, Image.open(classes / "tho" / "a.png") as first:
        assert copy.size == first.size and copy.convert("RGB").getpixel((15, 20))[2] > 90  # its blue ink
    assert pictures(output)["tho"] == {"original-a.png", "original-b.gif.png", "0001.png"}


def test_the_metadata_lists_what_is_there(writer: Writer, classes: Path, tmp_path: Path) -> None:
    (classes / "tho").rename(classes / "007")
    output = tmp_path / "out"
    fill(writer, classes, output, 3, layout="hf")
    lines = [json.loads(line) for line in (output / "metadata.jsonl").read_text().splitlines()]
    there = {f"{name}/{file}" for name, files in pictures(output).items() for file in files}
    assert {line["file_name"] for line in lines} == there
    with open(output / "manifest.csv", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    for line in lines:
        row = rows[line["file_name"]]
        assert line["label"] == row["class"] == Path(line["file_name"]).parent.name
        assert line["generated"] is bool(row["number"]) is not Path(line["file_name"]).name.startswith("original-")
        assert line["exemplar"] == row["exemplar"]
    # Asked for more without the layout, the metadata do not fall behind.
    fill(writer, classes, output, 6)
    assert len((output / "metadata.jsonl").read_text().splitlines()) == 12
    fill(writer, classes, output, 2, overwrite=True)
    assert not (output / "metadata.jsonl").exists()


def test_hugging_face_reads_file_label_and_what_is_generated(
    writer: Writer, classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    (classes / "tho").rename(classes / "007")
    output = tmp_path / "out"
    fill(writer, classes, output, 5, layout="hf")
    table = datasets.load_dataset("imagefolder", data_dir=str(output), cache_dir=str(tmp_path / "hf"), split="train")
    assert table.column_names == ["image", "label", "generated", "exemplar"]
    found = sorted((row["label"], row["generated"], row["exemplar"]) for row in table)
    drawn = [("007", "007/a.png")] * 4 + [("ka", "ka/a.png")] * 2 + [("ka", "ka/b.png")]
    originals = [("007", "007/a.png"), ("ka", "ka/a.png"), ("ka", "ka/b.png")]
    wanted = [(label, True, exemplar) for label, exemplar in drawn]
    assert found == sorted(wanted + [(label, False, exemplar) for label, exemplar in originals])
    assert {row["image"].size for row in table} == {(60, 50), (70, 60)}
    assert table.class_encode_column("label").features["label"].names == ["007", "ka"]


def test_names_that_hugging_face_takes_for_parts_are_refused(writer: Writer, classes: Path, tmp_path: Path) -> None:
    """Else a class "test" would be all that is read."""
    output = tmp_path / "out"
    for name in ("test", "my-dev-set", "train2", "eval.old"):
        renamed = (classes / "ka").rename(classes / name)
        with pytest.raises(AllographError, match=rf"{name}.*rename it"):
            fill(writer, classes, output, 3, layout="hf")
        renamed.rename(classes / "ka")
    (classes / "tho" / "a.png").rename(classes / "tho" / "test.png")
    with pytest.raises(AllographError, match=r"original-test\.png"):
        fill(writer, classes, output, 3, layout="hf")
    assert not output.exists()
    (classes / "tho").rename(classes / "latest")
    (classes / "latest" / "test.png").rename(classes / "latest" / "protest.png")
    assert fill(writer, classes, output, 2, layout="hf").classes == 2


def test_the_words_for_parts_are_those_of_the_library() -> None:
    data_files = pytest.importorskip("datasets.data_files", reason="Hugging Face datasets is not installed")
    assert {word for words in data_files.SPLIT_KEYWORDS.values() for word in words} == set(metadata._PARTS)


def test_torchvisions_image_folder_reads_it(writer: Writer, classes: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed: it has no CPU build beside every torch")
    from torchvision.datasets import ImageFolder  # type: ignore[import-not-found]

    fill(writer, classes, tmp_path / "out", 5, layout="hf")
    found = ImageFolder(str(tmp_path / "out"))
    assert (found.classes, len(found)) == (["ka", "tho"], 10)


def test_the_folders_are_what_image_folder_asks_for(writer: Writer, classes: Path, tmp_path: Path) -> None:
    """Every folder in it is a class and holds a picture of one of these formats, by the end of its name."""
    formats = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
    (classes / "void").mkdir()
    fill(writer, classes, tmp_path / "out", 3)
    assert pictures(tmp_path / "out").keys() == {"ka", "tho"}
    for files in pictures(tmp_path / "out").values():
        assert len(files) == 3 and all(name.endswith(formats) for name in files)


def test_the_command(capsys: pytest.CaptureFixture[str], weights_file: Path, classes: Path, tmp_path: Path) -> None:
    arguments = ["augment", str(classes), "--model", str(weights_file), "-o", str(tmp_path / "out")]
    assert main([*arguments, "--to", "3", "--layout", "hf"]) == 0
    out = capsys.readouterr().out
    assert "3 drawings and 3 originals of 2 classes" in out and "metadata.jsonl" in out
    assert main([*arguments, "--to", "3", "--layout", "hf", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["made"], document["kept"], document["originals"]) == (0, 3, 3)
    assert document["metadata"] == str(tmp_path / "out" / "metadata.jsonl")
    both = ["--to", "3", "--per-class", "3"]
    for wrong, words in ((both, "together"), ([], "--to N"), (["--to", "0"], "0 drawings")):
        assert main([*arguments, *wrong]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_fill_as_one(weights_file: Path, writer: Writer, classes: Path, tmp_path: Path) -> None:
    draw_symbol(classes / "third" / "a.png", 2)
    fill(writer, classes, tmp_path / "one", 5, layout="hf")
    program = "import sys; from allograph.cli import main; sys.exit(main())"
    script = tmp_path / "program.py"
    script.write_text(program)
    options = ["--to", "5", "--layout", "hf", "--model", str(weights_file), "-o", str(tmp_path / "two")]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launcher, str(script), "augment", str(classes), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
