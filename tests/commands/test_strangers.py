"""Weights files of strangers: a right checksum says that a file is whole, not that it is sane.

Whatever a file asks for, it is loaded, or refused in one line, at once and without the memory that it asks for.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from allograph import weights
from allograph.cli import main
from allograph.config import preset_fields, to_dict
from allograph.errors import AllographError
from allograph.models import BendingModel
from commands.family import build
from commands.forging import changed, describe, forge

HUGE: list[tuple[dict[str, Any], str]] = [
    ({"hidden": 40_000_000}, "hidden = 40000000 is too large; it is at most 65536, since the matrices"),
    ({"steps": 10**9}, "steps = 1000000000 is too large; it is at most 4096, since"),
    ({"image_size": 30_000}, "image_size = 30000 is too large; it is at most 1024, since"),
    ({"bells": [1.0] * 50_000}, "bells has 50000 numbers; it has 1 to 16, since"),
    ({"steps": 4096, "image_size": 1024}, "4294967296 numbers for one drawing"),
    ({"decision": 65_536}, "but should be (65536,"),
    ({"hidden": 65_536, "latent": 30_000, "steps": 4096, "embedding": 65_536}, "but should be (50, 65536)"),
]
"""Settings that ask for gigabytes, and a part of the refusal."""


def refusal(path: Path) -> str:
    with pytest.raises(AllographError) as caught:
        weights.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message and len(message) < len(str(path)) + 400
    return message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "strange.safetensors"


MEASURE = """
import resource, sys, time
from pathlib import Path
import torch
from allograph import weights
from allograph.errors import AllographError

resource.setrlimit(resource.RLIMIT_DATA, (2**32, 2**32))  # where it fails, it fails here and not on the whole machine

def peak():  # not `getrusage`'s, which may be that of the process that began this one
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024

before = peak()
good, *strange = sys.argv[1:]
weights.load(good)
print("sympy" in sys.modules or "torch._dynamo" in sys.modules)
slowest = 0.0
for path in strange:
    started = time.perf_counter()
    try:
        weights.load(path)
    except AllographError as error:
        print(error)
    slowest = max(slowest, time.perf_counter() - started)
print(slowest)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux does")
def test_what_asks_for_gigabytes_is_refused_at_once_and_without_them(
    tmp_path: Path, model: BendingModel, weights_file: Path
) -> None:
    config = to_dict(model.config)
    files = [forge(tmp_path / f"huge-{i}.safetensors", model, config=config | huge) for i, (huge, _) in enumerate(HUGE)]
    entry = b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    table = b"{" + b",".join(entry % number for number in range(1_000_000)) + b"}"
    files.append(tmp_path / "million.safetensors")
    files[-1].write_bytes(len(table).to_bytes(8, "little") + table)
    files.append(tmp_path / "long.safetensors")
    files[-1].write_bytes((2**62).to_bytes(8, "little") + b"{}")
    expected = [part for _, part in HUGE] + ["a header of", "a header of 4611686018427387904 bytes"]

    command = [sys.executable, "-c", MEASURE, str(weights_file), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported, *messages, seconds, mebibytes = done.stdout.splitlines()
    assert len(messages) == len(expected), messages
    for message, part, file in zip(messages, expected, files, strict=True):
        assert part in message and str(file) in message
    assert float(seconds) < 10
    assert int(mebibytes) < 500
    assert imported == "False"  # the part of torch that takes a second and a hundred megabytes


MADE = {"bending": "bending", "sequential": "colour", "draw": "draw", "deep": "deep", "linear": "linear"}
"""Kind -> the small model of it."""

HARMLESS: list[Any] = [0, 1e-300, True]
"""What a turn or a choice may be, but no size."""

ABSURD = [*HARMLESS, -1, 10**9, 10**30, 10**400, -0.5, 1e308, math.nan, math.inf, -math.inf, None, "hot", ""]
ABSURD += [{}, [], [1] * 5000, [math.nan], [[1]], {"kind": "deep"}]


@pytest.mark.slow
@pytest.mark.parametrize("kind", MADE)
def test_every_setting_is_refused_in_one_line_or_taken_whatever_it_is(path: Path, kind: str) -> None:
    model = build(MADE[kind])
    config = to_dict(model.config)
    for key in preset_fields(model.config):
        for value in ABSURD:
            forge(path, model, config=changed(config, key, value))
            try:
                weights.load(path)
            except AllographError as error:
                assert "\n" not in str(error) and len(str(error)) < len(str(path)) + 400
            else:
                assert value in HARMLESS, key


@pytest.mark.parametrize("part", ["config", "card"])
@pytest.mark.parametrize("deep", [100, 5000])
@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_a_description_of_many_brackets_is_refused(
    path: Path, model: BendingModel, part: str, deep: int, brackets: str
) -> None:
    nested = brackets[:-1] * deep + "1" + brackets[-1] * deep
    parts = {"config": "{}", "card": "{}", part: f'{{"note": {nested}}}'}
    text = f'{{"format": 1, "config": {parts["config"]}, "card": {parts["card"]}, "digest": ""}}'
    assert "its description cannot be read" in refusal(describe(path, model.state_dict(), text))


def test_of_two_values_for_one_key_none_is_taken(path: Path, model: BendingModel) -> None:
    forge(path, model, card={"temperature": 0.5})
    with safe_open(path, framework="pt") as file:
        text = file.metadata()["allograph"]
    twice = text.replace('"temperature": 0.5', '"temperature": 1.5, "temperature": 0.5')
    assert "its description cannot be read" in refusal(describe(path, model.state_dict(), twice))


@pytest.mark.parametrize(
    ("card", "part"),
    [
        ({"temperature": "hot"}, "temperature = 'hot' is not a number from 0 to 2"),
        ({"temperature": math.nan}, "temperature = nan is not a number"),
        ({"temperature": True}, "temperature = True is not a number"),
        ({"guidance": [1]}, "guidance = [1] is not a number from 0 to 10"),
        ({"guidance": 10**400}, "guidance = 1"),
        ({"guidance": 2.0}, "guidance = 2.0, but the model cannot be guided"),
        ({"settings": []}, "settings = [] is not a table"),
        ({"settings": {"data": "x"}}, "settings.data = 'x' is not a table"),
        ({"settings": {"data": {"exemplars": 1}}}, "settings.data.exemplars = 1 is not text"),
        ({"settings": {"data": {"blank": "no"}}}, "settings.data.blank = 'no' is not a number"),
        ({"settings": {"training": {"seed": -1}}}, "settings.training.seed = -1 is not an integer"),
        ({"data": None}, "data = None is not a table"),
        ({"data": {"images": ["symbols"]}}, "data.images = ['symbols'] is not text"),
        ({"data": {"sketch": 5}}, "data.sketch = 5 is not a list"),
        ({"data": {"sketch": [2**64]}}, "data.sketch = 18446744073709551616 is not an integer"),
        ({"data": {"ancestors": [{"name": 3}]}}, "data.ancestors.name = 3 is not text"),
    ],
)
def test_a_card_of_other_types_is_refused(path: Path, model: BendingModel, card: dict[str, Any], part: str) -> None:
    assert f"card: {part}" in refusal(forge(path, model, card=card))


def test_what_a_card_says_to_people_is_free(path: Path, model: BendingModel) -> None:
    card = {"figures": {"nats": math.inf}, "note": [None, [[["x"]]]], "data": {"name": "none", "more": 3}}
    forge(path, model, card=card)
    assert weights.load(path).card == card


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda value: value.half(), "torch.float16 numbers"),
        (lambda value: value.double(), "torch.float64 numbers"),
        (lambda value: value.long(), "torch.int64 numbers"),
        (lambda value: torch.full_like(value, math.nan), "not finite"),
        (lambda value: torch.cat([value[:-1], torch.tensor([-math.inf])]), "not finite"),
        (lambda value: value[:0], "is (0,), but should be (8,)"),
        (lambda value: torch.zeros(0, 2**40), "is (0, 1099511627776), but should be (8,)"),
    ],
)
def test_tensors_of_other_kinds_are_refused(path: Path, model: BendingModel, change: Any, part: str) -> None:
    name = "posterior.inputs.bias"
    tensors = model.state_dict()
    forge(path, model, tensors={**tensors, name: change(tensors[name])})
    message = refusal(path)
    assert name in message and part in message


def test_tensors_too_many_or_too_few_are_named(path: Path, model: BendingModel) -> None:
    tensors = model.state_dict()
    more = {f"more {i}": torch.zeros(0) for i in range(5000)}
    assert "'more 0' is (0,), but should be missing" in refusal(forge(path, model, tensors=tensors | more))
    del tensors["plan"]
    assert "'plan' is missing, but should be (3, 6)" in refusal(forge(path, model, tensors=tensors))


@pytest.mark.parametrize("command", [["info"], ["write", "symbol.png", "--model"]])
def test_commands_end_with_one_line(
    path: Path, model: BendingModel, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    forge(path, model, config=to_dict(model.config) | {"hidden": 10**6})
    assert main([*command, str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert "hidden = 1000000 is too large; it is at most 65536" in err


def test_a_card_neither_overrules_the_facts_nor_reaches_the_terminal(
    path: Path, model: BendingModel, capsys: pytest.CaptureFixture[str]
) -> None:
    forge(path, model, card={"sha256": "0" * 64, "note": "a\x1b[2Jb\nc", "k" * 5000: 1})
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    assert lines["sha256"].strip() == weights.load(path).sha256
    assert lines["note"].strip() == r"a\x1b[2Jb\nc"
    assert len(out) < 20_000
    assert main(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == weights.load(path).sha256
