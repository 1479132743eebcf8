"""The job behind `allograph write`: whole results or none, nothing lost, one bad image does not stop the others."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

import pytest
from PIL import Image

from allograph.errors import AllographError, Problem
from allograph.generation import write as writing
from allograph.generation.generator import Writer
from allograph.generation.places import Written
from allograph.generation.write import Order, write_files
from allograph.runtime.files import atomic_write, explain_os_error
from commands.pictures import contents, draw_symbol


def run(writer: Writer, images: list[Path], output: Path, **order) -> tuple[list[Written], list[Problem]]:
    results = list(write_files(writer, images, output, Order(**order)))
    return [one for one in results if isinstance(one, Written)], [one for one in results if isinstance(one, Problem)]


def test_every_image_gets_drawings_a_sheet_and_an_animation(
    writer: Writer, symbols: list[Path], tmp_path: Path
) -> None:
    output = tmp_path / "deep" / "out"
    written, problems = run(writer, symbols, output, n=3, animate=True)
    assert not problems
    names = [f"{stem}/{stem}-00{k}.png" for stem in ("ka", "tho") for k in (1, 2, 3)]
    names += ["ka.png", "ka.webp", "tho.png", "tho.webp"]
    assert sorted(contents(output)) == sorted(names)
    assert [path.name for path in written[1].drawings] == ["tho-001.png", "tho-002.png", "tho-003.png"]
    for path in written[0].drawings:
        with Image.open(path) as drawing:
            assert drawing.size == (60, 50)
    with Image.open(written[0].animation) as animation:
        assert animation.n_frames > writer.model.config.steps


def test_results_are_the_drawings_of_the_python_interface(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    written, _ = run(writer, symbols, tmp_path / "out", n=2, seed=5)
    for result in written:
        for path, drawing in zip(result.drawings, writer.write(result.image, 2, seed=5), strict=True):
            with Image.open(path) as saved:
                assert saved.tobytes() == drawing.tobytes()


def test_bad_images_are_reported_and_the_others_done(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    text, empty, cut, blank = (tmp_path / name for name in ("text.png", "empty.png", "cut.png", "blank.png"))
    text.write_text("no image")
    empty.touch()
    cut.write_bytes(symbols[0].read_bytes()[:60])
    Image.new("L", (40, 40), 200).save(blank)
    bad = [text, empty, cut, blank, tmp_path / "absent.png", tmp_path]
    written, problems = run(writer, [*bad, symbols[0]], tmp_path / "out", n=1)
    assert [result.image for result in written] == symbols[:1]
    assert [problem.path for problem in problems] == bad
    for problem in problems:
        assert str(problem.path) in problem.message
        assert "\n" not in problem.message
    assert sorted(contents(tmp_path / "out")) == ["ka.png", "ka/ka-001.png"]


def test_nothing_is_overwritten_unless_asked(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "out"
    run(writer, symbols[:1], output, n=3)
    before = contents(output)
    written, problems = run(writer, symbols, output, n=1, seed=9)
    assert [result.image for result in written] == symbols[1:]
    assert "--overwrite" in problems[0].message
    assert {name: data for name, data in contents(output).items() if name.startswith("ka")} == before

    _, problems = run(writer, symbols[:1], output, n=1, seed=9, overwrite=True)
    assert not problems
    after = {name: data for name, data in contents(output).items() if name.startswith("ka")}
    assert sorted(after) == ["ka.png", "ka/ka-001.png"]  # not a mixture of two calls
    assert after["ka/ka-001.png"] != before["ka/ka-001.png"]


def test_a_users_own_file_beside_the_drawings_stays(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    note = tmp_path / "out" / "ka" / "notes.txt"
    note.parent.mkdir(parents=True)
    note.write_text("mine")
    for _ in range(2):
        run(writer, symbols[:1], tmp_path / "out", n=1, overwrite=True)
    assert note.read_text() == "mine"


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_exemplar_is_never_replaced(writer: Writer, symbols: list[Path], overwrite: bool) -> None:
    folder = symbols[0].parent
    before = contents(folder)
    _, problems = run(writer, symbols, folder, n=1, overwrite=overwrite)
    assert [problem.path for problem in problems] == symbols
    assert contents(folder) == before


def test_of_two_images_of_one_name_the_first_is_done(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    twin = draw_symbol(tmp_path / "other" / "ka.jpg", 2)
    written, problems = run(writer, [symbols[0], twin], tmp_path / "out", n=1)
    assert [result.image for result in written] == [symbols[0]]
    assert problems[0].path == twin
    assert str(symbols[0]) in problems[0].message


def test_an_interrupted_image_leaves_nothing_behind(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    class Interrupting(Writer):
        def sample_batches(self, exemplar, n, **settings):
            yield next(super().sample_batches(exemplar, n, **settings))
            raise KeyboardInterrupt

    stopped = Interrupting(writer.model, writer.card, writer.sha256)
    with pytest.raises(KeyboardInterrupt):
        run(stopped, symbols, tmp_path / "new" / "out", n=30)
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user writes without permission")
def test_a_read_only_folder(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(AllographError, match="permission"):
        run(writer, symbols, locked / "out", n=1)


def test_a_file_where_the_folder_should_be(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(AllographError, match="out"):
        run(writer, symbols, tmp_path / "out", n=1)


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_image_whose_results_have_no_place_does_not_stop_the_others(
    writer: Writer, symbols: list[Path], tmp_path: Path, overwrite: bool
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "ka").write_text("a file where the folder should be")
    long = draw_symbol(tmp_path / "in" / f"{'x' * 250}.png")
    (output / "sheet.png").mkdir()
    sheet = draw_symbol(tmp_path / "in" / "sheet.png")
    absent = tmp_path / "in" / f"{'y' * 300}.png"
    written, problems = run(writer, [symbols[0], long, sheet, absent, symbols[1]], output, n=2, overwrite=overwrite)
    assert [result.image for result in written] == [symbols[1]]
    assert {problem.path for problem in problems} == {symbols[0], long, sheet, absent}
    for problem in problems:
        assert str(problem.path) in problem.message
        assert "\n" not in problem.message
        assert ".allograph-" not in problem.message
    assert sorted(contents(output)) == ["ka", "tho.png", "tho/tho-001.png", "tho/tho-002.png"]
    assert sorted(path.name for path in output.iterdir()) == ["ka", "sheet.png", "tho", "tho.png"]


@pytest.mark.parametrize(
    ("number", "ends"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EROFS, True), (errno.EFBIG, False)]
)
def test_a_full_disk_ends_the_job_and_a_file_too_large_does_not(
    writer: Writer, symbols: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, ends: bool
) -> None:
    def fail(path: Path, data: bytes) -> None:
        if path.stem == "ka-002":
            error = OSError(number, os.strerror(number))
            raise explain_os_error(error, f"cannot write {path}") from error
        atomic_write(path, data)

    monkeypatch.setattr(writing, "atomic_write", fail)
    results = write_files(writer, symbols, tmp_path / "out", Order(n=2))
    if ends:
        with pytest.raises(AllographError, match="out/ka/ka-002"):
            next(results)
        assert not (tmp_path / "out").exists()
    else:
        assert [type(result) for result in results] == [Problem, Written]
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["tho", "tho.png"]


class Meddling(Writer):
    """While it draws, something else puts a file where a result should go."""

    place: Path

    def sample_batches(self, exemplar, n, **settings):
        self.place.parent.mkdir(parents=True, exist_ok=True)
        self.place.write_text("new")
        yield from super().sample_batches(exemplar, n, **settings)


def test_what_came_up_in_the_meantime_is_not_replaced(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    meddling = Meddling(writer.model, writer.card, writer.sha256)
    object.__setattr__(meddling, "place", tmp_path / "out" / "ka" / "ka-002.png")
    written, problems = run(meddling, symbols[:1], tmp_path / "out", n=3)
    assert not written
    assert "--overwrite" in problems[0].message
    assert contents(tmp_path / "out") == {"ka/ka-002.png": b"new"}
    _, problems = run(meddling, symbols[:1], tmp_path / "out", n=1, overwrite=True)
    assert not problems
    assert sorted(contents(tmp_path / "out")) == ["ka.png", "ka/ka-001.png"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_results_are_moved_before_earlier_ones_go(
    writer: Writer, symbols: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    output = tmp_path / "out"
    if overwrite:
        run(writer, symbols[:1], output, n=3)
    before = contents(output)
    replace = Path.replace

    def fail(path: Path, target: Path) -> Path:
        if target.name == "ka-002.png":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    _, problems = run(writer, symbols[:1], output, n=2, seed=9, overwrite=overwrite)
    assert len(problems) == 1
    assert contents(output).keys() == before.keys()
    assert overwrite or not output.exists()


def test_a_sheet_shows_the_first_of_very_many(
    writer: Writer, symbols: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_ON_SHEET", 5)
    monkeypatch.setattr(writing, "_FEW", 6)
    shown: list[list[tuple[int, int]]] = []
    sheet = writing.contact_sheet

    def contact_sheet(exemplar, drawings):
        shown.append([drawing.size for drawing in drawings])
        return sheet(exemplar, drawings)

    monkeypatch.setattr(writing, "contact_sheet", contact_sheet)
    written, _ = run(writer, symbols[:1], tmp_path / "many", n=20, size=1200)
    assert written[0].on_sheet == 5
    assert shown[0] == [(320, 267)] * 5
    written, _ = run(writer, symbols[:1], tmp_path / "few", n=3, size=1200)
    assert written[0].on_sheet == 3
    assert shown[1] == [(640, 533)] * 3
    with Image.open(written[0].drawings[0]) as drawing:
        assert drawing.size == (1200, 1000)


def test_what_a_killed_job_left_is_swept_after_a_day(writer: Writer, symbols: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "out"
    left, working, mine = (output / name for name in (".allograph-ab12cd34", ".allograph-ab12cd35", ".allograph-notes"))
    long_ago = time.time() - 2 * 24 * 3600
    for folder in (left, working, mine):
        (folder / "ka").mkdir(parents=True)
        (folder / "ka" / "ka-001.png").write_text("half")
        for path in (folder / "ka", folder):
            os.utime(path, (long_ago, long_ago))
    os.utime(working / "ka")  # a drawing has just been made in it
    run(writer, symbols[:1], output, n=1)
    assert not left.exists()
    assert contents(working)
    assert contents(mine)
