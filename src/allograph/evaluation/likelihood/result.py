"""The result of a likelihood measurement: means with standard errors, in nats per image."""

from __future__ import annotations

__all__ = ["Fewer", "LikelihoodResult", "Measured", "Nats"]

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Nats:
    """A mean over images and its standard error, in nats per image."""

    mean: float
    error: float

    @classmethod
    def of(cls, values: Tensor) -> Nats:
        values = values.double()
        return cls(float(values.mean()), float(values.std() / len(values) ** 0.5))

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.error:.2f}"


@dataclass(frozen=True)
class Measured:
    """Likelihoods of the images under a model, in nats per image.

    Attributes:
        free_energy: over all images, with one sample each; the sum of the next two.
        distortion: ``-E_q[log p(x | z)]``.
        kl: KL of all steps together.
        kl_per_step: KL of each step.
        bound: importance weighted bound over the first ``bound_images`` images.
        monte_carlo_error: the part of the bound's standard error that more samples would remove; None for K = 1.
        effective_samples: mean over the bound's images, between 1 and K.
        bits_per_dimension: the bound for each number of an image; only for discrete pixels.
    """

    free_energy: Nats
    distortion: Nats
    kl: Nats
    kl_per_step: list[float]
    bound: Nats
    monte_carlo_error: float | None
    effective_samples: float
    bits_per_dimension: Nats | None


@dataclass(frozen=True)
class Fewer:
    """The same images given fewer exemplars: only the first ``contexts`` of theirs.

    Attributes:
        gain, bound_gain: no exemplar minus these, as in `LikelihoodResult`.
    """

    contexts: int
    given: Measured
    gain: Nats
    bound_gain: Nats


@dataclass(frozen=True)
class LikelihoodResult:
    """Everything about one measurement that a comparison needs.

    Attributes:
        data, fingerprint: name of the data, and SHA-256 of all images.
        binarisation: binarisation of 8-bit images; ``binary`` if the data set already holds zeros and ones.
        size, channels: side of the images in pixels, and their channels.
        images: number of images for the free energy.
        bound_images: number of images, the first ones, for the bound.
        samples: K of the bound.
        contexts: number of exemplars given with each image, the largest of several; 0 for none.
        exemplars: ``concept``, of the same concept, or ``family``, of other concepts of its family.
        seed: seed of the choice and order of images and exemplars, and of the noise.
        precision, machine: how it was computed.
        note: a caveat for comparing the figures; empty if there is none.
        exact: the exact negative log likelihood over all images, if the model has a closed form; otherwise None.
        without: without exemplars.
        given: with exemplars; None if the model or the data set has none.
        wrong: the free energy given exemplars of another concept or family; also None if most images are of one.
        gain, bound_gain: without minus given, of the free energy and of the bound, paired by image.
        fewer: with fewer of these exemplars, ascending, if several numbers were asked for.
        seconds: duration of the measurement.
    """

    data: str
    fingerprint: str
    binarisation: str
    size: int
    channels: int
    images: int
    bound_images: int
    samples: int
    contexts: int
    exemplars: str
    seed: int
    precision: str
    machine: str
    note: str
    exact: Nats | None
    without: Measured
    given: Measured | None
    wrong: Nats | None
    gain: Nats | None
    bound_gain: Nats | None
    fewer: list[Fewer]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    @property
    def _kind(self) -> str:
        return "family" if self.exemplars == "family" else "concept"

    def table(self) -> str:
        """A table to print."""
        colours = "" if self.channels == 1 else f" x {self.channels} colours"
        head = (
            f"{self.data}, {self.size} x {self.size}{colours}, binarisation {self.binarisation}; nats per image ± "
            f"standard error; {self.precision}, seed {self.seed}"
        )
        if self.fewer:
            return "\n".join([head, self.by_contexts()])
        named = [("without", self.without)] if self.given else [("", self.without)]
        what = f"given {self.contexts}" + {"family": " others", "repeats": " repeated"}.get(self.exemplars, "")
        named = [(what, self.given), *named] if self.given else named
        columns = [column for _, column in named]
        rows: list[tuple[str, Sequence[object]]] = [
            (f"free energy, {self.images} images", [column.free_energy for column in columns]),
            ("  distortion", [column.distortion for column in columns]),
            ("  KL", [column.kl for column in columns]),
            (f"bound, K = {self.samples}, {self.bound_images} images", [column.bound for column in columns]),
            ("  effective samples", [f"{column.effective_samples:.1f}" for column in columns]),
        ]
        if self.samples > 1:
            rows.append(("  Monte Carlo error", [f"{column.monte_carlo_error:.3f}" for column in columns]))
        bits = [column.bits_per_dimension for column in columns]
        if all(bits):
            rows.append(("  bits per dimension", [f"{one.mean:.4f} ± {one.error:.4f}" for one in bits if one]))
        if self.exact:
            rows.append((f"exact, {self.images} images", [self.exact]))
        if self.wrong:
            rows.append((f"free energy, another {self._kind}'s exemplar", [self.wrong]))
        if self.given:
            rows += [("gain by the exemplar", [self.gain]), ("  of the bound", [self.bound_gain])]
        lines = [head, f"{'':44}" + "".join(f"{name:>18}" for name, _ in named)] if self.given else [head]
        lines += [f"{name:44}" + "".join(f"{value!s:>18}" for value in values) for name, values in rows]
        for name, column in named:
            each = " ".join(f"{value:.2f}" for value in column.kl_per_step)
            lines.append(f"KL per step{', ' + name if name else ''}: {each}")
        return "\n".join([*lines, *([f"note: {self.note}"] if self.note else []), f"{self.seconds:.0f} s"])

    def by_contexts(self) -> str:
        """A table with a row for each number of exemplars."""
        others = f", each given this many others of its {self._kind}" if self.given else ""
        if self.exemplars == "repeats":
            others = ", each given this many of its concept, drawn with replacement, itself among them"
        lines = [
            f"free energy of {self.images} images, bound of {self.bound_images}{others}",
            f"{'given':>5}{'free energy':>18}{'KL':>16}{f'bound, K = {self.samples}':>18}{'effective':>11}"
            + (f"{'gain of the bound':>20}" if self.given else ""),
        ]
        rows = [(0, self.without, None), *((one.contexts, one.given, one.bound_gain) for one in self.fewer)]
        rows += [(self.contexts, self.given, self.bound_gain)] if self.given else []
        for contexts, column, gain in rows:
            cells = f"{column.free_energy!s:>18}{column.kl!s:>16}{column.bound!s:>18}{column.effective_samples:>11.1f}"
            lines.append(f"{contexts:>5}{cells}{gain or ''!s:>20}".rstrip())
        if self.wrong:
            lines.append(f"free energy given {self.contexts} of another {self._kind}: {self.wrong}")
        return "\n".join([*lines, *([f"note: {self.note}"] if self.note else []), f"{self.seconds:.0f} s"])
