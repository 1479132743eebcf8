"""From a finished run to weights that ship: measure them, write the card.

    make weights                                            # trains, then calls this for each
    python tools/ship.py omniglot runs/omniglot/model.safetensors --data-dir DATA

Temperature or guidance are chosen on the validation alphabets so that drawings are recognised as often as real ones
and differ from each other as much. How much their sizes vary is measured on characters of the training: people's
drawings of many alphabets say more of it than those of three. Then everything on the card is measured, once, on the
test alphabets. Of `allograph`, which learned from all alphabets, nothing is measured on them; it is compared with
`omniglot` on the validation characters of its split, which neither has seen.
Writes src/allograph/shipped/NAME.safetensors and its table of docs/model-card.md.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from allograph import weights
from allograph.card import ModelCard
from allograph.data import ConceptDataset, Splits, load_dataset
from allograph.evaluation import OneShotResult, default_critic, drawings_of, from_exemplars
from allograph.evaluation.drawing import context_drawings_of
from allograph.evaluation.likelihood.estimate import evaluate_likelihood
from allograph.evaluation.oneshot.alphabet import new_characters
from allograph.evaluation.oneshot.line_up import line_ups
from allograph.evaluation.shown import ShownDrawings
from allograph.generation.generator import Writer
from allograph.runtime.distributed import ALONE

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "src/allograph/shipped"
CARD = ROOT / "docs/model-card.md"
TEMPERATURES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)
GUIDANCE = tuple(round(1 + 0.1 * step, 1) for step in range(16))
MORE_DIVERSE = 1.03
"""How diverse guided drawings of an exemplar are at most, relative to real ones."""
TRIALS = 50
CHARACTERS = 300
"""Of the training, in whose drawings sizes are measured."""
PART = {"allograph": "new_characters"}
"""What the figures of weights are of, if not of the test part."""
NOTE = "learned from all 50 alphabets of Omniglot: no figure of Omniglot may be quoted for these weights"
LIKELIHOOD = "allograph evaluate likelihood {name} {data} --part test"
ONE_SHOT = f"allograph evaluate oneshot {{name}} --data {{data}} --part test --trials {TRIALS}"


@dataclass
class Measured:
    """The figures of a card, each with its command; and what else the card says."""

    figures: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def add(self, command: str, **figures: Any) -> None:
        self.figures |= {name: str(value) for name, value in figures.items()}
        self.commands |= dict.fromkeys(figures, command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(MEASURES), help="under which the weights ship")
    parser.add_argument("weights", type=Path, help="the run's model.safetensors")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--time", default="not recorded", help="what the training took, for the card")
    options = parser.parse_args()

    loaded = weights.load(options.weights)
    data = loaded.card["data"]["name"]
    splits = load_dataset(data, options.data_dir, loaded.card.data.split)
    measured = MEASURES[options.name](Writer(loaded.model, loaded.card, loaded.sha256), splits)
    measured.commands = {
        key: command.format(name=options.name, data=data) for key, command in measured.commands.items()
    }
    card = {
        **loaded.card,
        "license": weights.LICENSE,
        "command": "make weights",
        "time": options.time,
        **measured.more,
        "figures": {**loaded.card["figures"], PART.get(options.name, "test"): measured.figures},
    }
    path = SHIPPED / f"{options.name}.safetensors"
    weights.save(path, loaded.model, card)
    write_table(options.name, measured)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, sha256 {weights.load(path).sha256}")


def bending(writer: Writer, splits: Splits) -> Measured:
    """Drawings of one exemplar."""
    writer = as_diverse(writer, "temperature", TEMPERATURES, lambda one: measure(one, splits.validation, 12))
    measured = Measured(more={"temperature": writer.card["temperature"]})
    nats = evaluate_likelihood(writer.model, splits.test, size=writer.model.config.image_size)
    print(nats.table(), flush=True)
    assert nats.given is not None
    bound = f"bound of {nats.samples} samples, {nats.bound_images:,} drawings, nats"
    measured.add(
        LIKELIHOOD,
        **{
            "free energy given one exemplar, nats": nats.given.free_energy,
            "free energy without exemplar, nats": nats.without.free_energy,
            "free energy given another character, nats": nats.wrong,
            "gain by the exemplar, nats": nats.gain,
            f"{bound}, given one exemplar": nats.given.bound,
            f"{bound}, without exemplar": nats.without.bound,
        },
    )
    for setting, whole in (("within", False), ("across", False), ("within", True)):
        result = measure(writer, splits.test, TRIALS, setting, whole=whole)
        options = f"{' --setting across' * (setting == 'across')}{' --whole' * whole}"
        what = "samples of the whole model" if whole else f"drawings {setting} alphabets"
        add_recognised(measured, result, f"{ONE_SHOT}{options}", f"recognised in 20-way tests, {what}")
    return measured


def all_alphabets(writer: Writer, splits: Splits) -> Measured:
    """Drawings of one exemplar of characters that nobody has seen, of alphabets that the training has. And the same by
    `omniglot`, which has not seen these alphabets."""

    def measure_across(one: Writer, trials: int) -> OneShotResult:
        return measure(one, splits.validation, trials, "across")

    writer = sized(hardly_guided(writer, lambda one: measure_across(one, 6)), splits.train)
    measured = Measured(
        more={"guidance": writer.card["guidance"], "size_variation": writer.card["size_variation"], "note": NOTE}
    )
    loaded = weights.load("omniglot")
    before = Writer(loaded.model, loaded.card, loaded.sha256)
    command = "python tools/ship.py {name} runs/{name}/model.safetensors"
    for by, one in (("", writer), (", by `omniglot`", before)):
        nats = evaluate_likelihood(one.model, splits.validation, size=one.model.config.image_size)
        print(nats.table(), flush=True)
        assert nats.given is not None
        measured.add(command, **{f"free energy given 1 exemplar, nats{by}": nats.given.free_energy})
        measured.add(command, **{f"free energy given no exemplars, nats{by}": nats.without.free_energy})
    for by, one in (("", writer), (", by `omniglot`", before)):
        add_recognised(measured, measure_across(one, 20), command, f"recognised in 20-way tests, across alphabets{by}")
    return measured


def few_shot(writer: Writer, splits: Splits) -> Measured:
    """None to nine exemplars of a concept, as in the protocol of Generative Matching Networks; drawings of one."""
    writer = hardly_guided(writer, lambda one: measure(one, splits.validation, 12))
    measured = _by_contexts(writer, splits, (1, 2, 3, 4, 9), "exemplar{s}", "concept")
    measured.more["guidance"] = writer.card["guidance"]
    if splits.train.images.only_size is None:  # else pictures of the symbols' own size are not at hand
        measured.more["size_variation"] = sized(writer, splits.train).card["size_variation"]
    result = measure(writer, splits.test, TRIALS)
    add_recognised(measured, result, ONE_SHOT, "recognised in 20-way tests, drawings within alphabets")
    return measured


def alphabet(writer: Writer, splits: Splits) -> Measured:
    """Other characters of the alphabet, from one to ten."""
    writer = as_diverse(writer, "guidance", GUIDANCE, lambda one: measure_alphabets(one, splits.validation))
    measured = _by_contexts(writer, splits, (1, 3, 5, 10), "other character{s} of the alphabet", "family")
    measured.more["guidance"] = writer.card["guidance"]
    result = measure_alphabets(writer, splits.test)
    command = ONE_SHOT.replace(f"--trials {TRIALS}", "--task alphabet")
    add_recognised(measured, result, command, f"taken for the right one of {result.ways} alphabets, new characters")
    return measured


def _by_contexts(writer: Writer, splits: Splits, counts: tuple[int, ...], what: str, exemplars: Any) -> Measured:
    measured = Measured()
    drawings, few = 2000, 500
    nats = evaluate_likelihood(
        writer.model,
        splits.test,
        size=writer.model.config.image_size,
        contexts=counts,
        exemplars=exemplars,
        drawings=drawings,
        bound_drawings=few,
    )
    print(nats.table(), flush=True)
    assert nats.given is not None
    rows = {0: nats.without, **{row.contexts: row.given for row in nats.fewer}, counts[-1]: nats.given}
    command = f"{LIKELIHOOD} --contexts 0,{','.join(map(str, counts))} --drawings {drawings} --bound-drawings {few}"
    for count, row in rows.items():
        given = f"given {count or 'no'} {what.format(s='' if count == 1 else 's')}"
        value = f"{row.free_energy}; bound of {nats.samples} samples {row.bound}"
        measured.add(command, **{f"free energy {given}, nats": value})
    return measured


MEASURES: dict[str, Callable[[Writer, Splits], Measured]] = {
    "allograph": all_alphabets,
    "omniglot": few_shot,
    "omniglot-28-fewshot": few_shot,
    "omniglot-alphabet": alphabet,
    "omniglot-bending": bending,
}


def as_diverse(
    writer: Writer, key: str, values: Iterable[float], measured: Callable[[Writer], OneShotResult]
) -> Writer:
    """The writer with that value of the card's temperature or guidance at which its drawings are as diverse as real
    ones."""
    tried = [(one, _compared(one, key, measured)[1]) for one in _with(writer, key, values)]
    return min(tried, key=lambda one: abs(one[1] - 1))[0]


def hardly_guided(writer: Writer, measured: Callable[[Writer], OneShotResult]) -> Writer:
    """The writer with the least guidance at which its drawings are recognised as often as real ones, within a standard
    error, and at most ``MORE_DIVERSE`` times as diverse. More guidance would exaggerate: drawings are then told from
    people's more easily."""
    for one in _with(writer, "guidance", GUIDANCE):
        recognised, diversity = _compared(one, "guidance", measured)
        if recognised >= 1 and diversity <= MORE_DIVERSE:
            return one
    raise SystemExit(
        f"at no guidance up to {GUIDANCE[-1]} are drawings recognised as often as real ones and at most "
        f"{MORE_DIVERSE - 1:.0%} more diverse"
    )


def _with(writer: Writer, key: str, values: Iterable[float]) -> Iterator[Writer]:
    return (replace(writer, card=ModelCard.of({**writer.card, key: value})) for value in values)


def _compared(writer: Writer, key: str, measured: Callable[[Writer], OneShotResult]) -> tuple[float, float]:
    """How often drawings are recognised relative to real ones, at most (a standard error more than measured), and how
    diverse they are, on average of both critics' features."""
    ratio = measured(writer).ratio
    known, diversity = ratio.recognizability, (ratio.diversity.value + ratio.simclr_diversity.value) / 2
    print(
        f"validation, {key} {writer.card[key]}: recognised {known.value:.3f} ± {known.error:.3f}, "
        f"diversity {diversity:.3f}",
        flush=True,
    )
    return known.value + known.error, diversity


def sized(writer: Writer, dataset: ConceptDataset) -> Writer:
    """The writer whose drawings vary in size, beside their exemplars, as people's do; see `allograph.generation.sizes`.
    The sizes are those of the longer side of the ink in the pictures that `allograph write` would make."""
    writer = replace(writer, card=ModelCard.of({**writer.card, "size_variation": [0.0, 0.0]}))
    shown = line_ups(
        ShownDrawings(writer, None, direct=False),
        dataset,
        size=dataset.side,
        characters=CHARACTERS,
        seed=0,
        progress=lambda done, total: None,
        processes=ALONE,
    )
    larger = {
        kind: np.concatenate(
            [(log_sides(one.after_exemplars(kind)) - log_sides(one.exemplars)[:, None]).ravel() for one in shown]
        )
        for kind in ("people", "generated")
    }
    people, generated = larger["people"], larger["generated"]
    size = [people.mean() - generated.mean(), np.sqrt(max(0.0, people.var() - generated.var()))]
    print(f"training, sizes: people's {people.std():.3f}, generated {generated.std():.3f}: {size}", flush=True)
    return replace(
        writer, card=ModelCard.of({**writer.card, "size_variation": [round(float(value), 3) for value in size]})
    )


def log_sides(shapes: Tensor) -> np.ndarray:
    """The logarithm of the longer side of the box around the ink of shapes (..., S, S)."""
    spans = []
    for axis in (-1, -2):
        held = shapes.amax(axis).bool().numpy()
        spans.append(held.shape[-1] - held.argmax(-1) - held[..., ::-1].argmax(-1))
    return np.log(np.maximum(*spans))


def measure(
    writer: Writer, dataset: ConceptDataset, trials: int, setting: Any = "within", *, whole: bool = False
) -> OneShotResult:
    """Drawings of one exemplar each."""
    size = writer.model.config.image_size
    return from_exemplars(
        drawings_of(writer, whole=whole), dataset, default_critic(), size=size, trials=trials, setting=setting
    )


def measure_alphabets(writer: Writer, dataset: ConceptDataset) -> OneShotResult:
    """New characters of alphabets."""
    size = writer.model.config.image_size
    return new_characters(context_drawings_of(writer), dataset, default_critic(), size=size)


def add_recognised(measured: Measured, result: OneShotResult, command: str, what: str) -> None:
    """Adds whether drawings are recognised, and as diverse as real ones."""
    print(result.table(), flush=True)
    real, made, ratio = result.real, result.generated, result.ratio
    measured.add(
        command,
        **{
            what: f"{made.recognizability.value:.1%}, real ones {real.recognizability.value:.1%}: ratio "
            f"{ratio.recognizability.value:.3f} ± {ratio.recognizability.error:.3f}",
            f"diversity to that of real ones, {what.split(', ', 1)[1]}": f"{ratio.diversity.value:.3f} ± "
            f"{ratio.diversity.error:.3f}; by SimCLR {ratio.simclr_diversity.value:.3f} ± "
            f"{ratio.simclr_diversity.error:.3f}",
        },
    )


def write_table(name: str, measured: Measured) -> None:
    """Put the figures into docs/model-card.md, between its two marks."""
    rows = ["| figure | value | command |", "| --- | --- | --- |"]
    rows += [f"| {key} | {value} | `{measured.commands[key]}` |" for key, value in measured.figures.items()]
    text = CARD.read_text()
    pattern = re.compile(rf"(<!-- figures: {name} -->\n).*?(<!-- end of figures -->)", re.DOTALL)
    CARD.write_text(pattern.sub(lambda match: f"{match[1]}{chr(10).join(rows)}\n{match[2]}", text))


if __name__ == "__main__":
    main()
