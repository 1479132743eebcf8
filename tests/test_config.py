"""Presets and words: what is set is what is used, and mistakes are named."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from allograph.config import (
    Preset,
    from_dict,
    model_from_config,
    override,
    preset_fields,
    to_dict,
)
from allograph.errors import AllographError
from allograph.models import MODELS, BendingConfig, SequentialConfig
from allograph.presets import load_preset, preset_names

SMALL = {
    "bending": ["hidden=8", "steps=2", "bends=1", "patch=4"],
    "sequential": ["hidden=8", "steps=2", "patch=4"],
    "draw": ["hidden=8", "steps=2", "patch=4"],
    "deep": ["depth=1"],
    "linear": ["model.latent=3"],
}
KINDS = sorted(MODELS)


def preset_of(kind: str) -> Preset:
    return Preset(model=MODELS[kind][0]())


def test_every_shipped_preset_loads_and_builds_a_model() -> None:
    assert "omniglot" in preset_names()
    for name in preset_names():
        preset = load_preset(name, SMALL[load_preset(name).model.kind])
        assert model_from_config(to_dict(preset.model)).config == preset.model


def test_presets_of_the_paper_have_its_settings() -> None:
    """Section 5 and the tables: LSTM of 400 units, 12 x 12 and 10 x 10 windows, z_t of 4 numbers, batches of 24."""
    names = [name for name in preset_names() if name.startswith("paper/")]
    assert len(names) == 22
    for name in names:
        preset = load_preset(name)
        model, training = preset.model, preset.training
        assert isinstance(model, SequentialConfig)
        assert (model.hidden, model.read_patch, model.patch, model.latent, model.canvas_channels) == (400, 12, 10, 4, 4)
        assert (model.prior, model.embedding, training.batch_size, training.max_steps) == ("standard", 0, 24, 800_000)
        assert model.canvas == ("gated" if "cgru" in name else "additive")
        assert model.attention == ("none" if "-fc-" in name else "affine")
        assert (model.windows > 1) == ("multi-st" in name)
        assert f"-{model.steps}" in name or model.context


def test_a_preset_extends_another_and_its_own_settings_win(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = "faces"\n[model]\nhidden = 9\n[training]\nseed = 9\n')
    (tmp_path / "more.toml").write_text(f'extends = "{tmp_path}/mine.toml"\n[model]\nlatent = 2\n')
    preset, base = load_preset(f"{tmp_path}/more.toml", ["seed=4"]), load_preset("faces")
    model = replace(base.model, hidden=9, latent=2)
    assert preset == replace(base, model=model, training=replace(base.training, seed=4))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('extends = "mine.toml"', "extends itself"),
        ('extends = "fases"', "did you mean 'faces'"),
        ("extends = 3", "extends is the name of a preset"),
    ],
)
def test_a_preset_that_cannot_be_extended_is_refused(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(text)
    with pytest.raises(AllographError, match=said):
        load_preset("mine.toml")


def test_words_set_nested_fields_by_their_full_and_by_their_short_name() -> None:
    preset = from_dict(Preset, override({}, ["hidden=77", "training.seed=5", "bounds.max-scale=0.9", "prior=standard"]))
    assert preset.model.hidden == 77
    assert preset.training.seed == 5
    assert preset.model.bounds.max_scale == 0.9
    assert preset.model.prior == "standard"


def test_words_come_on_top_of_the_preset_and_leave_it_as_it_was() -> None:
    table = {"model": {"hidden": 10, "steps": 3}}
    assert override(table, ["hidden=20"])["model"] == {"hidden": 20, "steps": 3}
    assert table == {"model": {"hidden": 10, "steps": 3}}


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind in KINDS for key in preset_fields(preset_of(kind))])
def test_every_field_of_a_preset_can_be_set_by_a_word(kind: str, key: str) -> None:
    value = preset_fields(preset_of(kind))[key]
    preset = from_dict(Preset, override({"model": {"kind": kind}}, [f"{key}={json.dumps(value)}"]))
    assert preset == preset_of(kind)


def test_the_kind_of_the_model_decides_what_can_be_set_wherever_it_stands_among_the_words() -> None:
    preset = from_dict(Preset, override({}, ["bends=3", "model.kind=bending"]))
    assert preset.model == BendingConfig(bends=3)
    with pytest.raises(AllographError, match="unknown setting 'bends'"):
        override({}, ["bends=3", "model.kind=draw"])
    with pytest.raises(AllographError, match=r"unknown model\.kind 'drow'; did you mean 'draw'"):
        from_dict(Preset, override({}, ["model.kind=drow"]))


def test_what_is_written_is_read_back_through_json() -> None:
    preset = from_dict(Preset, override({}, ["hidden=31", "contexts=[1, 2]"]))
    assert from_dict(Preset, json.loads(json.dumps(to_dict(preset)))) == preset


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("hiden=3", "did you mean 'hidden'"),
        ("hidden", "key=value"),
        ("hidden=soft", "takes int"),
        ("hidden=3.5", "takes int"),
        ("prior=cubic", "'standard', 'learned'"),
        ("augment=1", "takes bool"),
        ("seed=-1", "training.seed = -1 is out of range"),
        ("seed=5000000000", "out of range"),
        ("batch_size=0", "batch_size = 0 is too small"),
        ("validate_every=0", "at least 1"),
        ("patch=0", "at least 1"),
        ("contexts=[]", "at least 1"),
        ("blank=1.5", "not a share"),
        ("bounds.min_scale=2", "must be below max_scale"),
        ("augmentation.stretch=0.5", "at least 1"),
        ("hidden=40000000", "hidden = 40000000 is too large; it is at most 65536, since the matrices"),
        ("steps=1000000000", "steps = 1000000000 is too large; it is at most 4096, since the steps"),
        (f"image_size={10**400}", r"image_size = 1000+\.\.\.0+ is too large; it is at most 1024, since"),
        (f"hidden={'9' * 5000}", "takes int"),
        ("likelihood.levels=1000000", "at most 65536, since pixels have 16 bits"),
        ("likelihood.components=5000", "at most 1024, since"),
        ("likelihood.scale=nan", "scale = nan is not a number; it is 1e-06 to 1000"),
        ("batch_size=1000000", "at most 65536, since a whole batch is in memory at once"),
        ("validation_pairs=10000000", "at most 1000000, since all pairs stay in memory"),
        ("max_steps=1000000000000", "at most 1000000000, since"),
        ("learning_rate=inf", "learning_rate = inf is too large"),
        (f"learning_rate={10**400}", "learning_rate = inf is too large"),
        ("gradient_clip=nan", "gradient_clip = nan is not a number"),
        ("augmentation.turn=nan", "turn = nan is not a number"),
        ("contexts=[1, 100000]", "contexts = 100000 is too large; it is at most 1024, since"),
        (f"contexts={[1] * 5000}", "contexts has 5000 numbers; it has 1 to 1024"),
        ("bounds.max_scale=1e9", "at most 100, since"),
        (f"embedding={'[' * 5000}", "takes int"),
        (f"{'x' * 10**6}=1", "unknown setting 'xxx"),
    ],
)
def test_mistakes_are_one_line_that_names_the_remedy(word: str, message: str) -> None:
    with pytest.raises(AllographError, match=message) as caught:
        from_dict(Preset, override({}, [word]))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("max_shear=0.1", "ambiguous"),
        ("bends=20", r"1 to steps \(16\)"),
        ("bells=[]", "bells has 0 numbers; it has 1 to 16"),
        ("bells=[1, 0]", "above 0"),
        ("look.max_shift=0.5", "look.max_shift = 0.5 is too small"),
    ],
)
def test_mistakes_in_a_bending_model_are_named_too(word: str, message: str) -> None:
    with pytest.raises(AllographError, match=message):
        from_dict(Preset, override({"model": {"kind": "bending"}}, [word]))


def test_a_drawing_of_too_many_numbers_is_refused_though_each_setting_may_be() -> None:
    assert SequentialConfig(steps=4096).steps == 4096 and SequentialConfig(image_size=1024).image_size == 1024
    with pytest.raises(ValueError, match=r"together make 4294967296 numbers for one drawing.* since all are in memory"):
        SequentialConfig(steps=4096, image_size=1024)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(anything=ANYTHING)
@example(anything=math.nan)
@example(anything=math.inf)
@example(anything=2**33)
@example(anything=10**400)
def test_no_setting_takes_what_is_no_number_of_this_world(kind: str, anything: object) -> None:
    for key in preset_fields(preset_of(kind)):
        table: dict[str, Any] = {"model": {"kind": kind}}
        *path, last = key.split(".")
        inner = table
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = anything
        try:
            taken = preset_fields(from_dict(Preset, table))[key]
        except AllographError as error:
            assert "\n" not in str(error)
        else:
            for value in taken if isinstance(taken, tuple) else (taken,):
                assert isinstance(value, str) or abs(value) <= 2**32, key


@pytest.mark.parametrize(
    ("table", "words"), [({"model": "vae"}, []), ({"data": 5}, ["shift=1"]), ({"model": 1}, ["a=1"])]
)
def test_a_table_is_no_single_value(table: dict[str, object], words: list[str]) -> None:
    with pytest.raises(AllographError, match="is a table of settings, not"):
        from_dict(Preset, override(table, words))


@pytest.mark.parametrize("word", ["model.kind=[1]", "units=[]", "latents=[]"])
def test_mistakes_of_another_type_are_named_too(word: str) -> None:
    with pytest.raises(AllographError):
        from_dict(Preset, override({"model": {"kind": "deep"}}, [word]))


def test_unknown_presets_and_broken_files_are_named(tmp_path) -> None:
    with pytest.raises(AllographError, match="did you mean 'omniglot'"):
        load_preset("omniglott")
    broken = tmp_path / "mine.toml"
    broken.write_text("[model\nhidden = 3")
    with pytest.raises(AllographError, match="not valid TOML"):
        load_preset(str(broken))
    broken.write_text("[model]\nhiden = 3")
    with pytest.raises(AllographError, match=r"model\.hiden.*did you mean 'hidden'"):
        load_preset(str(broken))


@given(st.text(alphabet="abcdefghij_", min_size=1, max_size=12))
def test_no_unknown_key_is_taken(key: str) -> None:
    known = {field.name for field in dataclasses.fields(BendingConfig)}
    if key not in known:
        with pytest.raises(AllographError):
            from_dict(BendingConfig, {key: 1})
