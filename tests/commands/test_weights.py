"""Weights files: what is saved is what is loaded, and a bad file gets one clear line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from allograph import weights
from allograph.errors import AllographError
from allograph.models import BendingModel


def test_loading_restores_parameters_configuration_and_card(
    model: BendingModel, card: dict, weights_file: Path
) -> None:
    loaded = weights.load(weights_file)
    assert loaded.card == card
    assert loaded.model.config == model.config
    assert not loaded.model.training
    assert loaded.sha256 == hashlib.sha256(weights_file.read_bytes()).hexdigest()
    before, after = model.state_dict(), loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_equal_weights_make_equal_files(model: BendingModel, card: dict, weights_file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    weights.save(again, model, dict(reversed(card.items())))
    assert again.read_bytes() == weights_file.read_bytes()


def test_another_card_leaves_the_numbers_alone(model: BendingModel, weights_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    weights.save(other, model, {"note": "ça va"})
    assert weights.load(other).card == {"note": "ça va"}
    assert safetensors.torch.load_file(other).keys() == safetensors.torch.load_file(weights_file).keys()


def refusal(path: Path | str) -> str:
    with pytest.raises(AllographError) as caught:
        weights.load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize("length", [0, 4, 100, -1000])
def test_a_truncated_file_is_damaged(weights_file: Path, tmp_path: Path, length: int) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(weights_file.read_bytes()[:length])
    assert "damaged" in refusal(path)


def test_one_flipped_bit_is_noticed(weights_file: Path, tmp_path: Path) -> None:
    content = bytearray(weights_file.read_bytes())
    content[-5] ^= 1
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(content)
    assert "checksum" in refusal(path)


def test_a_flipped_bit_in_the_description_is_noticed(weights_file: Path, tmp_path: Path) -> None:
    content = weights_file.read_bytes()
    start, end = content.index(b'"__metadata__"'), 8 + int.from_bytes(content[:8], "little")
    path = tmp_path / "flipped.safetensors"
    for place in [*range(start, start + 1200), *range(start + 1200, end, 29)]:
        if content[place : place + 1] == b" ":  # between two words of JSON, where it means nothing
            continue
        flipped = bytearray(content)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        refusal(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"temperature\\": 0.9', '"temperature\\": 0.8'),
        ('"steps\\": 3', '"steps\\": 4'),
        ('"name\\": \\"none', '"name\\": \\"some'),
    ],
)
def test_a_changed_card_or_configuration_is_noticed(
    weights_file: Path, tmp_path: Path, before: str, after: str
) -> None:
    path = tmp_path / "changed.safetensors"
    content = weights_file.read_bytes()
    assert content.count(before.encode()) == 1
    path.write_bytes(content.replace(before.encode(), after.encode()))
    assert "checksum" in refusal(path)


@pytest.mark.parametrize("about", [[], "text", {"card": []}, {"config": None}, {"format": "1"}, {"digest": 3}])
def test_a_description_of_other_types_is_damaged(tmp_path: Path, about: object) -> None:
    if isinstance(about, dict):
        about = {"format": 1, "config": {}, "card": {}, "digest": "", **about}
    path = tmp_path / "types.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(2)}, path, {"allograph": json.dumps(about)})
    assert "description" in refusal(path)


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    text, tensors = tmp_path / "text.safetensors", tmp_path / "tensors.safetensors"
    text.write_text("Dear model,\nplease load.\n")
    safetensors.torch.save_file({"a": torch.zeros(2)}, tensors)
    assert "not a weights file" in refusal(text)
    assert "no allograph model" in refusal(tensors)


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "pickle.safetensors"
    torch.save({"a": torch.zeros(2)}, path)
    assert "not a weights file" in refusal(path)


def test_weights_of_another_shape_do_not_fit(weights_file: Path, tmp_path: Path) -> None:
    tensors = safetensors.torch.load_file(weights_file)
    loaded = weights.load(weights_file)
    del loaded.model.encode_context
    path = tmp_path / "part.safetensors"
    weights.save(path, loaded.model, {})
    assert len(safetensors.torch.load_file(path)) < len(tensors)
    assert "does not fit" in refusal(path)


def test_missing_files_folders_and_names(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.safetensors")
    assert "folder" in refusal(tmp_path)
    assert "there are no weights named 'omniglut'" in refusal("omniglut")


def test_a_near_name_is_proposed() -> None:
    if not weights.known_names():
        pytest.skip("no weights ship with this copy")
    name = weights.known_names()[0]
    assert f"did you mean {name}?" in refusal(f"{name}s")


def test_no_permission(tmp_path: Path, weights_file: Path) -> None:
    path = tmp_path / "locked.safetensors"
    path.write_bytes(weights_file.read_bytes())
    path.chmod(0)
    try:
        path.read_bytes()
    except PermissionError:
        assert "permission" in refusal(path)
    else:
        pytest.skip("this user reads files without permission")
