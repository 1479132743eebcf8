"""`allograph write --as BEFORE,AFTER`: what made the one drawing from the other is done to a third."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import allograph
from allograph import weights
from allograph.cli import main
from allograph.errors import AllographError
from allograph.generation.generator import Writer
from allograph.generation.samples import SampleRequest, noise_of
from commands.family import CONDITIONAL, build
from commands.pictures import draw_symbol


@pytest.mark.parametrize("name", CONDITIONAL)
def test_the_same_exemplar_changed_as_it_was_is_the_second_drawing_s_reconstruction(name: str) -> None:
    """The noise found is that of the posterior: drawn after ``before`` it gives what inference says of ``after``."""
    model = build(name).double()
    size, channels = model.config.image_size, model.likelihood.channels
    before, after = torch.rand(2, 1, channels, size, size, dtype=torch.float64).round()
    found = model.infer(after, before[None], model.noise(3, generator=torch.Generator().manual_seed(0)))
    drawn = model.sample(before[None], noise=found.prior_noise[None]).parameters[0]
    torch.testing.assert_close(model.likelihood.log_prob(drawn, after), found.log_likelihood, rtol=1e-6, atol=1e-4)


def test_drawings_follow_from_the_pair_and_its_order(writer: Writer, tmp_path: Path) -> None:
    image, before, after = (draw_symbol(tmp_path / f"{kind}.png", kind) for kind in range(3))
    plain, one, back = (
        [np.asarray(drawing) for drawing in writer.write(image, 2, change=change)]
        for change in (None, (before, after), (after, before))
    )
    assert (plain[0] != one[0]).any() and (one[0] != back[0]).any()
    again = writer.write([image, before], 2, change=(before, after))
    np.testing.assert_array_equal(np.asarray(again[0][0]), one[0])  # type: ignore[index]
    taken = [writer.space.preprocess(path) for path in (image, before, after)]
    shape = writer.model.noise_shape
    request = SampleRequest((taken[0],), 3, change=(taken[1], taken[2]))
    assert noise_of(writer.model, request).shape == (16, *shape)
    with pytest.raises(AllographError, match="two drawings"):
        writer.write(image, 1, change=(before,))  # type: ignore[arg-type]


def test_the_command(weights_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, before, after = (draw_symbol(tmp_path / f"{kind}.png", kind) for kind in range(3))
    words = ["write", str(image), "--model", str(weights_file), "-n", "2", "-o", str(tmp_path / "out")]
    assert main([*words, "--as", f"{before},{after}"]) == 0
    expected = allograph.load(weights_file).write(image, 2, change=(before, after))
    for number, drawing in enumerate(expected, 1):
        with Image.open(tmp_path / "out" / "0" / f"0-00{number}.png") as saved:
            assert saved.tobytes() == drawing.tobytes()
    capsys.readouterr()
    for wrong, said in ((str(before), "takes two files"), (f"{before},{tmp_path}/none.png", "no such file")):
        assert main([*words, "--overwrite", "--as", wrong]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1
    assert weights.load(weights_file).model.conditional
