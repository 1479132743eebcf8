"""The job behind `allograph write`: whole results or none, nothing lost, one bad image does not stop the others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from PIL import Image

from allograph.data import Problem
from allograph.errors import AllographError
from allograph.writer import Writer
from allograph.writing import Order, Written, write_files
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
        def blocks(self, exemplar, n, **settings):
            yield next(super().blocks(exemplar, n, **settings))
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
