"""The job `allograph complete`: several ways to complete the hidden part of a symbol.

Files have the names of those of `allograph write` (`allograph.generation.write`). Outside the mask, each drawing is the
picture itself. Drawing k depends only on (weights, picture, mask, exemplars, seed, k).
"""

from __future__ import annotations

__all__ = ["Completing", "complete_files"]

import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from allograph.errors import AllographError
from allograph.generation.places import Places, Written, move, refusal, save_png
from allograph.generation.samples import BATCH_SIZE, noise_for
from allograph.imaging import contact_sheet
from allograph.imaging.decoding import stem_of
from allograph.runtime.files import atomic_write, png
from allograph.runtime.staging import staging, sweep

if TYPE_CHECKING:
    from PIL import Image

    from allograph.generation.generator import Ink, Writer
    from allograph.imaging import Exemplar
    from allograph.imaging.decoding import Picture
    from allograph.imaging.hidden_part import Damaged

_PARTICLES, _ROUNDS = 16, 4
"""Number of latents that each drawing chooses from in a round, and of rounds; see `allograph.completion`."""

_SURE = 8.0
"""Logit of a pixel that is known."""

_ON_SHEET, _TILE = 200, 320


def _completions(
    writer: Writer, damaged: Damaged, exemplars: Sequence[Exemplar], n: int, *, seed: int = 0, size: int | None = None
) -> Iterator[Image.Image]:
    """The n pictures; arguments as for `Completing.complete`."""
    import torch

    from allograph.completion import complete, noise_rows

    model, visible = writer.model, damaged.visible
    x = torch.from_numpy(visible.image)[None]
    hidden = torch.from_numpy(damaged.hidden)[None]
    ordered = sorted(exemplars, key=lambda one: one.drawing.tobytes())  # not even rounding may depend on their order
    context = torch.stack([torch.from_numpy(one.image) for one in ordered])[None] if ordered else None
    given = [hashlib.sha256(part.tobytes()).hexdigest() for part in (visible.drawing, damaged.hidden)]
    given += [hashlib.sha256(one.drawing.tobytes()).hexdigest() for one in ordered]
    rows = noise_rows(_PARTICLES, _ROUNDS)
    steps, latent = model.noise_shape
    for first in range(0, n, BATCH_SIZE):
        keys = [("complete", seed, *given, first + k) for k in range(BATCH_SIZE)]
        noise = noise_for((rows * steps, latent), keys).unflatten(1, (rows, steps))
        found = complete(model, x, hidden, context, noise[None], rounds=_ROUNDS)
        for values in writer.values(found.parameters[0])[: n - first]:
            known = _SURE * (2 * visible.image - 1) if writer.space.inked else visible.image
            merged = np.where(damaged.hidden, values, known).astype(np.float32)
            yield damaged.mended(visible.style.render(merged, size))


class Completing:
    """The part of `Writer` that completes pictures."""

    def complete(
        self,
        image: Picture,
        mask: Picture,
        n: int = 16,
        *,
        exemplars: Sequence[Picture] = (),
        seed: int = 0,
        size: int | None = None,
        ink: Ink = "auto",
    ) -> list[Image.Image]:
        """Complete the hidden part of a picture in n ways; outside the mask, the picture does not change.

        Args:
            mask: the hidden part: a picture of the same shape as ``image``, white there; or ``left``, ``right``,
                ``top`` or ``bottom`` for a half.
            exemplars: whole pictures of the same symbol, if there are any; other arguments as for `write`.

        Raises:
            AllographError: as for `write`.
        """
        writer = cast("Writer", self)
        writer.check(n, None, size, seed)
        writer.check_completion(len(exemplars), ink)
        damaged = writer.space.preprocess_damaged(image, mask, ink)
        taken = [writer.space.preprocess(one, ink) for one in exemplars]
        return list(_completions(writer, damaged, taken, n, seed=seed, size=size))


def complete_files(
    writer: Writer,
    image: Path,
    mask: Picture,
    exemplars: Sequence[Path],
    output: Path,
    *,
    n: int = 16,
    seed: int = 0,
    size: int | None = None,
    ink: Ink = "auto",
    overwrite: bool = False,
) -> Written:
    """Complete one picture in n ways, into ``output/STEM`` with a contact sheet ``output/STEM.png``.

    Raises:
        AllographError: an argument is out of range, a picture cannot be used, or a result already exists.
    """
    writer.check(n, None, size, seed)
    writer.check_completion(len(exemplars), ink)
    places = Places.of(stem_of(image), output, "png")
    inputs = {path.resolve() for path in (image, *exemplars, *([mask] if isinstance(mask, Path) else []))}
    if reason := refusal(places, inputs, overwrite=overwrite):
        raise AllographError(f"{image}: {reason}")
    damaged = writer.space.preprocess_damaged(image, mask, ink)
    taken = [writer.space.preprocess(one, ink) for one in exemplars]
    sweep(output)
    started, shown = time.perf_counter(), []
    with staging(output) as hidden:
        made = Places.of(stem_of(image), hidden, "png")
        for number, drawing in enumerate(_completions(writer, damaged, taken, n, seed=seed, size=size), 1):
            atomic_write(made.drawing(number), png(drawing, runs=True))
            if number <= _ON_SHEET:
                drawing.thumbnail((_TILE, _TILE))
                shown.append(drawing)
        save_png(contact_sheet(damaged.marked, shown), made.sheet)
        move(made, places, n, overwrite=overwrite)
    return Written(
        image=image,
        drawings=tuple(places.drawing(number) for number in range(1, n + 1)),
        sheet=places.sheet,
        animation=None,
        on_sheet=min(n, _ON_SHEET),
        model_seconds=time.perf_counter() - started,
        notes=damaged.visible.notes,
    )
