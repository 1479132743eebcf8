"""The job behind `allograph augment`: complete, told apart by its manifest, the same however often it was stopped."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allograph.errors import AllographError
from allograph.generation.augment import AugmentOrder, AugmentReport, augment_folder
from allograph.generation.generator import Writer
from commands.family import build, card
from commands.pictures import contents, draw_symbol

PER_CLASS = 37
"""More than one block of drawings, and not a multiple of one."""


def run(writer: Writer, folder: Path, output: Path, per_class: int = PER_CLASS, **order) -> AugmentReport:
    return augment_folder(writer, folder, output, AugmentOrder(per_class, **order))


def rows(output: Path) -> list[dict[str, str]]:
    with open(output / "manifest.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_every_class_gets_its_drawings_and_the_manifest_names_them_all(
    writer: Writer, classes: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    report = run(writer, classes, output, seed=4)
    assert (report.classes, report.made, report.kept, report.problems) == (2, 2 * PER_CLASS, 0, ())
    files = {f"{name}/{k:04d}.png" for name in ("ka", "tho") for k in range(1, PER_CLASS + 1)}
    made = contents(output)
    assert made.keys() == files | {"manifest.csv"}
    table = rows(output)
    assert {row["file"] for row in table} == files
    assert {row["seed"] for row in table} == {"4"}
    by_file = {row["file"]: row for row in table}
    assert by_file["ka/0001.png"]["exemplar"] == "ka/a.png"
    assert by_file["ka/0002.png"]["exemplar"] == "ka/b.png"
    for row in table:
        exemplar = classes / row["exemplar"]
        assert row["class"] == row["file"].split("/")[0] == exemplar.parent.name
        assert row["exemplar_sha256"] == hashlib.sha256(exemplar.read_bytes()).hexdigest()
        with Image.open(output / row["file"]) as drawing, Image.open(exemplar) as picture:
            assert drawing.size == picture.size
    assert len(set(made.values())) == len(made)  # no drawing twice


@pytest.mark.slow
def test_a_stopped_job_ends_as_an_undisturbed_one(writer: Writer, classes: Path, tmp_path: Path) -> None:
    run(writer, classes, tmp_path / "whole")

    for stops in (0, 1, 3):  # before the first block, within a class, within the second class
        output = tmp_path / f"stopped-{stops}"
        calls = []

        def stop(done: int, total: int, stops: int = stops, calls: list[int] = calls) -> None:
            calls.append(done)
            if len(calls) > stops:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            augment_folder(writer, classes, output, AugmentOrder(PER_CLASS), stop)
        report = run(writer, classes, output)
        assert report.kept == calls[-1]
        assert report.made == 2 * PER_CLASS - calls[-1]
        assert contents(output) == contents(tmp_path / "whole")


def test_lost_files_and_a_torn_manifest_are_mended(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run(writer, classes, output)
    before = contents(output)
    for name in ("ka/0003.png", "ka/0036.png", "tho/0001.png", "tho/0037.png"):
        (output / name).unlink()
    manifest = output / "manifest.csv"
    manifest.write_bytes(manifest.read_bytes()[:-30])  # as if the power had failed while the last rows were written
    report = run(writer, classes, output)
    assert report.made == 4
    assert contents(output) == before


def test_asking_for_more_adds_to_what_is_there(writer: Writer, classes: Path, tmp_path: Path) -> None:
    run(writer, classes, tmp_path / "grown", 5)
    report = run(writer, classes, tmp_path / "grown")
    assert (report.made, report.kept) == (2 * (PER_CLASS - 5), 10)
    run(writer, classes, tmp_path / "whole")
    grown, whole = contents(tmp_path / "grown"), contents(tmp_path / "whole")
    assert sorted(grown.pop("manifest.csv").splitlines()) == sorted(whole.pop("manifest.csv").splitlines())
    assert grown == whole
    with pytest.raises(AllographError, match="already"):
        run(writer, classes, tmp_path / "grown", 5)


def test_other_settings_are_not_mixed_in(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run(writer, classes, output, 3)
    before = contents(output)
    for other in ({"seed": 1}, {"temperature": 0.5}, {"size": 99}, {"ink": "dark"}):
        with pytest.raises(AllographError, match=next(iter(other))):
            run(writer, classes, output, 3, **other)
    draw_symbol(classes / "ka" / "a.png", 2)
    with pytest.raises(AllographError, match=r"ka/a\.png changed"):
        run(writer, classes, output, 3)
    assert contents(output) == before
    run(writer, classes, output, 2, seed=1, overwrite=True)
    assert sorted(contents(output)) == ["ka/0001.png", "ka/0002.png", "manifest.csv", "tho/0001.png", "tho/0002.png"]


def test_another_way_to_draw_is_not_mixed_in(classes: Path, tmp_path: Path) -> None:
    plain = Writer(build("digits"), card("digits"), "0")
    run(plain, classes, tmp_path / "out", 2)
    with pytest.raises(AllographError, match=r"started with guidance 1\.0, not"):
        run(plain.guided(2.0), classes, tmp_path / "out", 2)
    with pytest.raises(AllographError, match=r"started with size_variation 0\.0 0\.0, not"):
        run(plain.with_size_variation(0.1), classes, tmp_path / "out", 2)
    run(plain.with_attempts(1), classes, tmp_path / "once", 2)
    with pytest.raises(AllographError, match="started with attempts 1, not"):
        run(plain, classes, tmp_path / "once", 2)


def _of_several(writer: Writer, most: int) -> Writer:
    """The writer, as if it had learned to draw after so many exemplars at once."""
    return Writer(writer.model, replace(writer.card, contexts=(1, most)), writer.sha256)


def test_exemplars_of_a_class_are_drawn_after_together_where_the_model_can(
    writer: Writer, classes: Path, tmp_path: Path
) -> None:
    several = _of_several(writer, 4)
    draw_symbol(classes / "ka" / "b.png", 2, (70, 60))
    run(several, classes, tmp_path / "together", 3)
    run(several, classes, tmp_path / "in turn", 3, together=False)
    run(writer, classes, tmp_path / "one at a time", 3)
    together, turns, alone = (contents(tmp_path / name) for name in ("together", "in turn", "one at a time"))
    assert turns == alone  # a model that can see only one has them take turns
    differing = {name for name in together if together[name] != turns[name]} - {"manifest.csv"}
    assert differing == {f"ka/000{k}.png" for k in (1, 2, 3)}  # `tho` has one exemplar
    # Each has the looks of the exemplar whose turn it is.
    assert [row["exemplar"] for row in rows(tmp_path / "together")[:3]] == ["ka/a.png", "ka/b.png", "ka/a.png"]
    for row in rows(tmp_path / "together"):
        with Image.open(tmp_path / "together" / row["file"]) as drawing, Image.open(classes / row["exemplar"]) as given:
            assert drawing.size == given.size
    draw_symbol(classes / "ka" / "b.png", 1, (70, 60))
    run(several, classes, tmp_path / "another", 1)
    another = contents(tmp_path / "another")  # both were seen, though only the first had its turn
    assert another["ka/0001.png"] != together["ka/0001.png"]
    assert another["tho/0001.png"] == together["tho/0001.png"]


def test_more_exemplars_than_the_model_knows_are_seen_as_many_at_a_time(writer: Writer, tmp_path: Path) -> None:
    for number in range(3):
        draw_symbol(tmp_path / "few" / "ka" / f"{number}.png", number)
    several = _of_several(writer, 2)
    report = run(several, tmp_path / "few", tmp_path / "out", 3)
    assert (report.made, report.problems) == (3, ())
    # The first drawing is made after the first two, the second after the last two; the order of exemplars matters only
    # to rounding.
    for name, numbers, drawing in (("first", (0, 1), "0001.png"), ("last", (2, 1), "0002.png")):
        for place, number in enumerate(numbers):
            draw_symbol(tmp_path / name / "ka" / f"{place}.png", number)
        run(several, tmp_path / name, tmp_path / f"{name} out", 2)
        with (
            Image.open(tmp_path / "out" / "ka" / drawing) as one,
            Image.open(tmp_path / f"{name} out" / "ka" / drawing) as other,
        ):
            assert np.abs(np.asarray(one, np.float64) - np.asarray(other)).max() <= 2


def test_a_job_of_exemplars_together_is_continued_as_such(writer: Writer, classes: Path, tmp_path: Path) -> None:
    several, output = _of_several(writer, 4), tmp_path / "out"
    assert run(several, classes, output, 1).made == 2
    assert (run(several, classes, output, 1).kept, run(several, classes, output, 2).made) == (2, 2)
    with pytest.raises(AllographError, match="started with --together"):
        run(several, classes, output, 2, together=False)
    draw_symbol(classes / "ka" / "c.png", 2)  # no turn of its own, but seen
    with pytest.raises(AllographError, match=r"exemplars of ka .*ka/c\.png is new"):
        run(several, classes, output, 2)
    (classes / "ka" / "c.png").unlink()
    run(several, classes, tmp_path / "turns", 1, together=False)
    with pytest.raises(AllographError, match="started with --in-turn"):
        run(several, classes, tmp_path / "turns", 2)
    assert run(several, classes, tmp_path / "turns", 2, together=False).kept == 2


def test_a_model_of_one_exemplar_at_a_time_is_not_shown_several(writer: Writer, classes: Path, tmp_path: Path) -> None:
    with pytest.raises(AllographError, match="one exemplar at a time"):
        run(writer, classes, tmp_path / "out", 1, together=True)
    assert not (tmp_path / "out").exists()


def test_originals_are_kept_beside_the_drawings(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run(writer, classes, output, 2)
    report = run(writer, classes, output, 2, keep_originals=True)
    assert report.made == 0
    made = contents(output)
    assert made["ka/original-b.png"] == (classes / "ka" / "b.png").read_bytes()
    originals = {
        row["file"]: row["number"] for row in rows(output) if row["file"].split("/")[1].startswith("original-")
    }
    assert originals == {"ka/original-a.png": "", "ka/original-b.png": "", "tho/original-a.png": ""}
    run(writer, classes, tmp_path / "at-once", 2, keep_originals=True)
    assert made.keys() == contents(tmp_path / "at-once").keys()


def test_bad_exemplars_and_classes_are_reported_and_the_rest_is_done(
    writer: Writer, classes: Path, tmp_path: Path
) -> None:
    (classes / "ka" / "a.png").write_text("no image")
    (classes / "bad").mkdir()
    (classes / "bad" / "x.png").write_text("no image")
    (classes / "void").mkdir()
    report = run(writer, classes, tmp_path / "out", 2)
    assert (report.classes, report.made) == (2, 4)
    assert {problem.path for problem in report.problems} == {
        classes / "ka" / "a.png",
        classes / "bad" / "x.png",
        classes / "bad",
        classes / "void",
    }
    assert {row["exemplar"] for row in rows(tmp_path / "out")} == {"ka/b.png", "tho/a.png"}
    again = run(writer, classes, tmp_path / "out", 2)
    assert (again.made, again.kept) == (0, 4)
    assert again.problems == report.problems


def test_an_exemplar_that_came_later_is_not_passed_over(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    (classes / "ka" / "b.png").write_text("no image")
    run(writer, classes, output, 3)
    before = contents(output)
    draw_symbol(classes / "ka" / "b.png", 2)
    with pytest.raises(AllographError, match=r"exemplars of ka .*ka/b\.png is new"):
        run(writer, classes, output, 3)
    (classes / "ka" / "b.png").unlink()
    draw_symbol(classes / "tho" / "z.png", 2)
    with pytest.raises(AllographError, match=r"exemplars of tho .*tho/z\.png is new"):
        run(writer, classes, output, 3)
    assert contents(output) == before
    (classes / "tho" / "z.png").unlink()
    assert run(writer, classes, output, 3).kept == 6


def test_an_exemplar_whose_turn_has_not_come_is_no_new_one(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    for kept in (0, 2):
        report = run(writer, classes, output, 1)  # of the two exemplars of ka only the first has been used
        assert (report.kept, report.problems) == (kept, ())
    assert run(writer, classes, output, 2).made == 2
    assert {row["exemplar"] for row in rows(output)} == {"ka/a.png", "ka/b.png", "tho/a.png"}


def test_drawings_that_no_row_names_are_refused(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    run(writer, classes, output, 2)
    stranger = draw_symbol(output / "ka" / "0003.png")
    before = contents(output)
    for per_class, remedy in ((2, "move it away"), (3, "--overwrite")):
        with pytest.raises(AllographError, match=rf"0003\.png .*no manifest row.*{remedy}"):
            run(writer, classes, output, per_class)
    with pytest.raises(AllographError, match="move it away"):
        run(writer, classes, output, 2, overwrite=True)
    assert contents(output) == before
    run(writer, classes, output, 3, overwrite=True)
    assert stranger.read_bytes() != before["ka/0003.png"]
    assert run(writer, classes, output, 3).kept == 6


def test_what_lies_there_already_is_not_touched(writer: Writer, classes: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    draw_symbol(output / "ka" / "0002.png")
    before = contents(output)
    with pytest.raises(AllographError, match="no manifest"):
        run(writer, classes, output, 3)
    (output / "manifest.csv").write_text("a,b\n1,2\n")
    with pytest.raises(AllographError, match="not a manifest"):
        run(writer, classes, output, 3)
    with pytest.raises(AllographError, match="not a manifest"):
        run(writer, classes, output, 3, overwrite=True)
    (output / "manifest.csv").write_text("class,file,exemplar,seed,number,temperature,guidance,size,ink,model\n")
    with pytest.raises(AllographError, match="an earlier version of allograph, whose drawings differ, made"):
        run(writer, classes, output, 3)
    (output / "manifest.csv").unlink()
    assert contents(output) == before


def test_the_output_may_not_lie_among_the_exemplars(writer: Writer, classes: Path) -> None:
    for output in (classes, classes / "out"):
        with pytest.raises(AllographError, match="would count as a class"):
            run(writer, classes, output, 3)


def test_a_folder_without_classes(writer: Writer, classes: Path, tmp_path: Path) -> None:
    with pytest.raises(AllographError, match="class folder"):
        run(writer, classes / "ka", tmp_path / "out", 3)
    with pytest.raises(AllographError, match="no folder"):
        run(writer, tmp_path / "absent", tmp_path / "out", 3)
    assert not (tmp_path / "out").exists()
