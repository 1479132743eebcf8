"""`allograph report`: it gathers real result files, says what it does not know, and needs nothing but itself."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

import allograph
from allograph import weights
from allograph.cli import main
from allograph.data import stroke_concepts
from allograph.evaluation import Judges, TrainingFeatures, default_critic, from_exemplars, from_nothing, new_characters
from allograph.evaluation.oneshot.judge import JudgeTraining
from allograph.evaluation.oneshot.topology import topology_test
from allograph.evaluation.oneshot.turing import picture_of, turing_test
from allograph.evaluation.records import measurement_record, read_record, save_record
from allograph.generation.places import save_png
from allograph.report.shapes import shape_tables
from commands.family import build, card
from commands.pictures import draw_symbol
from studio.browser import browsing, chromium

VOID = {"meta", "img", "br"}


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


class Page(HTMLParser):
    """Checks that tags are closed in order; keeps the text, the tags and all addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a real result of three measurements, with a picture, and two files that are none."""
    folder = tmp_path_factory.mktemp("results") / "mine & <yours>"
    weights_file = folder.parent / "small.safetensors"
    weights.save(weights_file, build("grey"), card("grey"))  # pictures are taken in faster than symbols
    writer = allograph.load(weights_file)
    letters = folder.parent / "letters"
    for number in range(88):
        draw_symbol(letters / f"class-{number % 22:02d}" / f"{number}.png", number % 3, (30 + number, 30 + number))
    few = ["--samples", 2, "--bound-drawings", 2, "--drawings", 4]
    arguments = ["evaluate", "likelihood", weights_file, letters, "-o", folder, *few]
    assert main([str(word) for word in arguments]) == 0
    arguments = ["evaluate", "augmentation", weights_file, "--data", letters, "-o", folder, "--drawings", 4]
    arguments += ["--ways", 2, "--trials", 2, "--shots", 1, "--shots", 2, "--steps", 2, "--made", 3]
    assert main([str(word) for word in arguments]) == 0

    def copies(exemplars: torch.Tensor, count: int, seed: int) -> torch.Tensor:
        return exemplars[:, None].expand(-1, count, -1, -1, -1)

    symbols = stroke_concepts(12, 5, seed=3)
    result = from_exemplars(copies, symbols, default_critic(), size=28, trials=2, ways=4, drawings=5)
    command = "allograph evaluate oneshot small"
    record = measurement_record("oneshot", writer, "small", result, split="", part="validation", command=command)
    save_record(folder / "small-oneshot.json", record | {"temperature": 0.9, "whole": False}, overwrite=False)
    (folder / "table.json").write_text('{"answer": 42}')
    (folder / "list.json").write_text("[1, 2]")
    (folder / "notes.txt").write_text("not a result")
    return folder


def test_the_page_holds_all_results_and_nothing_from_elsewhere(capsys, results: Path, tmp_path: Path) -> None:
    status, out, err = run(capsys, "report", results, "-o", tmp_path / "r")
    assert status == 0
    assert all(f"1 of {name}" in out for name in ("likelihood", "augmentation", "oneshot"))
    assert all(name in err for name in ("table.json", "list.json"))
    assert "notes.txt" not in err
    html = (tmp_path / "r" / "report.html").read_text()
    page = Page(html)
    assert not {"script", "link", "iframe"} & set(page.tags)
    images = [address for address in page.addresses if not address.startswith("#")]
    kinds = [address.partition(",")[0] for address in images]
    assert set(kinds) == {"data:image/png;base64", "data:image/svg+xml;base64"}
    for kind, address in zip(kinds, images, strict=True):
        if "svg" in kind:  # but for the names of its own language
            svg = base64.b64decode(address.partition(",")[2]).decode()
            assert not re.search(r"https?://(?!www\.w3\.org/)|url\((?!#)|@import|<script|<image", svg)
    assert {address[1:] for address in page.addresses if address.startswith("#")} == set(page.ids)
    assert not re.search(r"https?://|url\(|@import", html)
    text = " ".join(page.words)
    for path in results.glob("*.json"):
        assert path.name in text
    for path in results.glob("*.json"):
        document = json.loads(path.read_text())
        if "command" in document:
            assert document["command"] in text
    (likelihood,) = (json.loads(path.read_text()) for path in results.glob("*-k2.json"))
    given = likelihood["given"]["bound"]
    assert f"{given['mean']:.2f} ± {given['error']:.2f}" in text
    (augmented,) = (json.loads(path.read_text()) for path in results.glob("*augmentation*.json"))
    gain = augmented["shots"][1]["both_minus_classical"]
    assert f"{100 * gain['value']:+.1f} ± {100 * gain['error']:.1f}" in text
    assert "Results in mine & <yours>" in text, "words of the user are words on the page"


def test_all_three_tasks_are_on_the_page(capsys, results: Path, tmp_path: Path) -> None:
    """With the likelihood in their records, which a run's result has inside, too."""
    writer = allograph.load(results.parent / "small.safetensors")
    symbols = replace(stroke_concepts(8, 3, seed=3), family_names=("a", "b"), family=np.repeat([0, 1], 4))

    def copies(context: torch.Tensor | None, count: int, seed: int) -> torch.Tensor:
        return torch.zeros(1, count, 1, 28, 28) if context is None else context.expand(-1, count, -1, -1, -1)

    few = {"given": 1, "drawings": 2, "references": 1, "trials": 2}
    training = TrainingFeatures.of(stroke_concepts(4, 2, seed=4), Judges(default_critic()), 28)
    (nats,) = (json.loads(path.read_text()) for path in results.glob("*-k2.json"))
    found = {
        "alphabet": new_characters(copies, symbols, default_critic(), size=28, **few),
        "unconditional": from_nothing(copies, symbols, training, drawings=4, trials=2),
    }
    for task, result in found.items():
        command = f"allograph evaluate oneshot small --task {task}"
        record = measurement_record("oneshot", writer, "small", result, split="", part="test", command=command)
        record |= {"temperature": 0.5, "whole": True, "note": "a note", "likelihood": nats}
        save_record(tmp_path / f"small-oneshot-{task}.json", record, overwrite=False)
    status, out, err = run(capsys, "report", tmp_path)
    assert (status, err) == (0, "")
    assert "2 of oneshot" in out
    text = " ".join(Page((tmp_path / "report" / "report.html").read_text()).words)
    assert "2 alphabets at a time, so 50 % by chance" in text
    assert "own alphabet, %" in text and "taken for real, %" in text
    assert text.count("a note") == 2
    gain = nats["bound_gain"]
    assert text.count(f"{gain['mean']:.2f} ± {gain['error']:.2f}") == 2
    assert "recognised, %" not in text


def test_judges_of_shapes_are_on_the_page(capsys, results: Path, tmp_path: Path) -> None:
    """Their figures with errors, the floor once, what the pen loses, and the picture of the most telling drawings."""
    writer = allograph.load(results.parent / "small.safetensors")
    symbols, few = stroke_concepts(6, 5, seed=3), JudgeTraining(steps=2, widths=(4, 4))

    class Copies:
        writer, direct, refused = None, False, 0

        def __call__(self, exemplars: torch.Tensor, count: int, seed: int) -> torch.Tensor:
            return exemplars[:, None].expand(-1, count, -1, -1, -1)

        def again(self, drawings: torch.Tensor) -> torch.Tensor:
            return drawings.flip(2)

    draw: Any = Copies()
    told = {size: turing_test(draw, symbols, size=size, training=few) for size in (20, 28)}
    counted, _ = topology_test(draw, symbols, size=28)
    for name, found in (*((f"turing-{size}", result) for size, (result, _) in told.items()), ("topology-28", counted)):
        record = measurement_record("oneshot", writer, "small", found, split="", part="test", command=f"go {name}")
        record |= {"temperature": 0.5, "whole": False, "guidance": 1.0}
        save_record(tmp_path / f"small-oneshot-{name}.json", record, overwrite=False)
    save_png(picture_of(*told[28]), tmp_path / "small-oneshot-turing-28.png")
    status, out, err = run(capsys, "report", tmp_path)
    assert (status, err) == (0, "")
    assert "3 of oneshot" in out
    page = Page((tmp_path / "report" / "report.html").read_text())
    text = " ".join(page.words)
    for told_apart in (told[28][0].people, told[28][0].rendered, told[28][0].generated):
        assert told_apart is not None
        for one, scale, digits in ((told_apart.accuracy, 100, 1), (told_apart.auc, 1, 3)):
            assert f"{scale * one.value:.{digits}f} ± {scale * one.error:.{digits}f}" in text
    assert counted.kept is not None
    for shares in (counted.people.shares, counted.kept.shares, counted.generated.shares):
        assert all(f"{100 * one.value:.1f} ± {100 * one.error:.1f}" in text for one in shares)
    assert "rendered again, as before" in text and "told from people's drawings" in text
    assert page.tags.count("img") == 2, "one plot for both sizes, and the picture"
    assert (tmp_path / "report" / "turing-test-strokes-test-part.svg").exists()

    # The same weights with other settings share their pen's row; other weights of the same name have rows of their own.
    path = tmp_path / "small-oneshot-topology-28.json"
    document = json.loads(path.read_text())
    chosen = document | {"attempts": 4, "guidance": 1.5}
    others = document | {"model": document["model"] | {"sha256": "0" * 64}}
    for name, changed in (("attempts-4", chosen), ("others", others)):
        path.with_name(f"{path.stem}-{name}.json").write_text(json.dumps(changed))
    save_png(picture_of(*told[28]), path.with_name(f"{path.stem}-others.png"))
    (table,) = [one for one in shape_tables(list(map(read_record, tmp_path.glob("*topology*.json")))) if one.rows]
    labels = Counter(row[0] for row in table.rows)
    assert labels["people"] == 1
    assert labels["small, temperature 0.5"] == 2
    assert labels["small, temperature 0.5, guidance 1.5, up to 4 attempts"] == 1
    assert labels["people, only rendered again: small"] == labels["rendered again, as before: small"] == 2
    assert [read_record(one).pictures for one in (path, path.with_name(f"{path.stem}-others.json"))] == [
        [],
        [path.with_name(f"{path.stem}-others.png")],
    ]


def test_plots_lie_beside_the_page_and_pictures_are_on_it(capsys, results: Path, tmp_path: Path) -> None:
    status, out, _ = run(capsys, "report", results, "-o", tmp_path / "r", "--json", "--title", "Mine")
    assert status == 0
    document = json.loads(out)
    plots = [Path(path) for path in document["plots"]]
    assert {path.name for path in plots} | {"report.html"} == {path.name for path in (tmp_path / "r").iterdir()}
    assert any(path.name.startswith("diversity") for path in plots)
    for path in plots:
        root = ElementTree.parse(path).getroot()
        assert root.tag.endswith("svg") and root.get("viewBox")
    pictures = list(results.glob("*.png"))
    page = Page((tmp_path / "r" / "report.html").read_text())
    assert page.tags.count("img") == len(plots) + len(pictures)
    assert len(pictures) == 1
    assert "Mine" in page.words


def test_nothing_is_replaced_silently_and_a_report_is_no_result(capsys, results: Path, tmp_path: Path) -> None:
    assert run(capsys, "report", results, "-o", tmp_path / "r")[0] == 0
    before = (tmp_path / "r" / "report.html").read_bytes()
    status, out, err = run(capsys, "report", results, "-o", tmp_path / "r", "--title", "Other")
    assert (status, out) == (2, "")
    assert "--overwrite" in err.splitlines()[-1]
    assert (tmp_path / "r" / "report.html").read_bytes() == before
    assert run(capsys, "report", results, "-o", tmp_path / "r", "--overwrite")[0] == 0
    assert (tmp_path / "r" / "report.html").read_bytes() == before, "equal results, equal page"


def test_damaged_files_are_reported_and_the_rest_is_done(capsys, results: Path, tmp_path: Path) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    (source,) = results.glob("*-k2.json")
    (folder / "good.json").write_bytes(source.read_bytes())
    (folder / "half.json").write_bytes(source.read_bytes()[:200])
    document = json.loads(source.read_text())
    del document["without"]["bound"]
    (folder / "without.json").write_text(json.dumps(document))
    status, out, err = run(capsys, "report", folder)
    assert status == 1
    assert "1 of likelihood" in out
    assert "half.json is not JSON" in err and "without.json is not a measurement" in err
    text = " ".join(Page((folder / "report" / "report.html").read_text()).words)
    assert "good.json" in text and "half.json" in text and "without.json" in text


def test_several_results_of_one_kind_stand_in_one_table_and_keep_their_plots(capsys, results, tmp_path: Path) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    for kind in ("k2", "augmentation-within"):
        (source,) = results.glob(f"*{kind}.json")
        document = json.loads(source.read_text())
        for name in ("one", "two"):
            document["model"]["name"] = name if kind == "k2" else "same"
            (folder / f"{name}-{kind}.json").write_text(json.dumps(document))
    assert run(capsys, "report", folder)[0] == 0
    names = [path.name for path in (folder / "report").glob("augmentation*.svg")]
    assert len(names) == 2, "plots of one name are numbered"
    html = (folder / "report" / "report.html").read_text()
    assert html.count("<table>") == 1 + 2 + 1


def test_nothing_to_report_is_one_line(capsys, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        status, out, err = run(capsys, "report", folder)
        assert (status, out, err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "report").exists()


def test_a_home_that_cannot_be_written_is_no_matter(results: Path, tmp_path: Path) -> None:
    """matplotlib keeps a cache there, of the fonts of the system, which no plot uses."""
    command = [sys.executable, "-m", "allograph", "report", results, "-o", tmp_path / "r"]
    environment = {**os.environ, "MPLCONFIGDIR": "/proc/none"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0
    assert all("is not a measurement" in line for line in done.stderr.splitlines()), done.stderr


def test_without_matplotlib_one_line_says_what_to_install(results: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['matplotlib'] = None; from allograph.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "report", results, "-o", tmp_path / "r"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "pip install 'allograph[report]'" in done.stderr
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="needs Chromium")
def test_the_page_fits_phones_and_desks_by_day_and_by_night_and_axe_finds_no_fault(capsys, results, tmp_path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    assert run(capsys, "report", results, "-o", tmp_path / "r")[0] == 0
    address, papers = (tmp_path / "r" / "report.html").as_uri(), set()
    with browsing() as browser:
        for width, scheme in ((390, "light"), (1440, "dark")):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            sent: list[str] = []
            page.on("request", lambda request, sent=sent: sent.append(request.url))
            page.goto(address)
            assert [url for url in sent if not url.startswith("data:")] == [address]
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
            assert [fault["id"] for fault in axe.Axe().run(page).response["violations"]] == []
            papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2
