"""Presets and words: what is set is what is used, and mistakes are named."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.config import (
    Preset,
    from_dict,
    load_preset,
    model_from_config,
    override,
    preset_fields,
    preset_names,
    to_dict,
)
from allograph.errors import AllographError
from allograph.models import MODELS, BendingConfig

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
        ("blank=1.5", "no share"),
        ("bounds.min_scale=2", "min_scale below max_scale"),
        ("augmentation.stretch=0.5", "at least 1"),
    ],
)
def test_mistakes_are_one_line_that_names_the_remedy(word: str, message: str) -> None:
    with pytest.raises(AllographError, match=message) as caught:
        from_dict(Preset, override({}, [word]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("max_shear=0.1", "ambiguous"),
        ("bends=20", r"1 to steps \(16\)"),
        ("bells=[]", "above 0"),
        ("look.max_shift=0.5", "look.max_shift = 0.5 is too small"),
    ],
)
def test_mistakes_in_a_bending_model_are_named_too(word: str, message: str) -> None:
    with pytest.raises(AllographError, match=message):
        from_dict(Preset, override({"model": {"kind": "bending"}}, [word]))


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
