"""From a finished run to the weights that ship: choose the temperature, measure, write the card.

    make weights                                            # trains, then calls this
    python tools/ship.py runs/omniglot-exemplar/model.safetensors --data-dir DATA

The temperature is chosen on the validation alphabets: the one at which drawings differ from each other as much as real
ones do. Then, once, everything on the card is measured on the test alphabets. Writes
src/allograph/shipped/omniglot.safetensors and the table of docs/model-card.md.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from allograph import weights
from allograph.data import ConceptDataset, load_dataset
from allograph.evaluation import OneShotResult, default_critic, drawings_of, oneshot
from allograph.evaluation.likelihood import evaluate_likelihood
from allograph.evaluation.measured import LikelihoodResult
from allograph.writer import Writer

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "src/allograph/shipped/omniglot.safetensors"
CARD = ROOT / "docs/model-card.md"
TEMPERATURES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="the run's model.safetensors")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--time", default="not recorded", help="what the training took, for the card")
    parser.add_argument("--trials", type=int, default=50)
    options = parser.parse_args()

    loaded = weights.load(options.weights)
    writer = Writer(loaded.model, dict(loaded.card), loaded.sha256)
    splits = load_dataset("omniglot", options.data_dir, "30-20")
    temperature = choose_temperature(writer, splits.validation)
    within = measure(writer, splits.test, temperature, options.trials, "within")
    across = measure(writer, splits.test, temperature, options.trials, "across")
    whole = measure(writer, splits.test, 1.0, options.trials, "within", whole=True)
    nats = evaluate_likelihood(writer.model, splits.test, size=writer.model.config.image_size)
    for result in (within, across, whole, nats):
        print(result.table(), flush=True)

    card = {
        **loaded.card,
        "command": "make weights",
        "time": options.time,
        "temperature": temperature,
        "figures": {**loaded.card["figures"], "test": figures(within, across, whole, nats)},
    }
    weights.save(SHIPPED, writer.model, card)
    write_table(card)
    print(f"{SHIPPED}: {SHIPPED.stat().st_size / 1e6:.1f} MB, sha256 {weights.load(SHIPPED).sha256}")


def choose_temperature(writer: Writer, validation: ConceptDataset) -> float:
    """The temperature at which drawings of validation characters are as diverse as real ones, to two digits."""
    ratios = {}
    for temperature in TEMPERATURES:
        ratio = measure(writer, validation, temperature, 12, "within").ratio
        ratios[temperature] = ratio.diversity.value
        known = ratio.recognizability.value
        print(f"validation, temperature {temperature}: recognised {known:.3f}, diversity {ratios[temperature]:.3f}")
    return min(ratios, key=lambda temperature: abs(ratios[temperature] - 1))


def measure(
    writer: Writer, dataset: ConceptDataset, temperature: float, trials: int, setting: Any, *, whole: bool = False
) -> OneShotResult:
    size = writer.model.config.image_size
    draw = drawings_of(writer, temperature, whole=whole)
    return oneshot(draw, dataset, default_critic(), size=size, trials=trials, setting=setting)


def figures(
    within: OneShotResult, across: OneShotResult, whole: OneShotResult, nats: LikelihoodResult
) -> dict[str, str]:
    """What the card says, each figure with its standard error."""

    def of(result: OneShotResult) -> str:
        real, made, ratio = result.real, result.generated, result.ratio
        return (
            f"{made.recognizability.value:.1%} of drawings, real ones {real.recognizability.value:.1%}: "
            f"ratio {ratio.recognizability.value:.3f} ± {ratio.recognizability.error:.3f}"
        )

    assert nats.given is not None
    return {
        "free energy given one exemplar, nats": str(nats.given.free_energy),
        "free energy without exemplar, nats": str(nats.without.free_energy),
        "free energy given another character, nats": str(nats.wrong),
        "gain by the exemplar, nats": str(nats.gain),
        "bound of 100 samples given one exemplar, 1,000 drawings, nats": str(nats.given.bound),
        "bound of 100 samples without exemplar, 1,000 drawings, nats": str(nats.without.bound),
        "recognised in 20-way tests within an alphabet": of(within),
        "recognised in 20-way tests across alphabets": of(across),
        "diversity, generated to real": f"{within.ratio.diversity.value:.3f} ± {within.ratio.diversity.error:.3f}",
        "recognised, samples of the whole model": of(whole),
    }


def write_table(card: dict[str, Any]) -> None:
    """Put the figures into docs/model-card.md, between its two marks."""
    commands = {"recognised": "oneshot", "diversity": "oneshot"}
    rows = ["| figure | value | command |", "| --- | --- | --- |"]
    for name, value in card["figures"]["test"].items():
        command = commands.get(re.split(r"[ ,]", name)[0], "likelihood omniglot omniglot")
        setting = " --setting across" if "across" in name else ""
        setting += " --whole" if "whole" in name else ""
        trials = " --trials 50" if command == "oneshot" else ""
        rows.append(f"| {name} | {value} | `allograph evaluate {command} --part test{setting}{trials}` |")
    text = CARD.read_text()
    pattern = re.compile(r"(<!-- figures -->\n).*(<!-- end of figures -->)", re.DOTALL)
    CARD.write_text(pattern.sub(lambda match: f"{match[1]}{chr(10).join(rows)}\n{match[2]}", text))


if __name__ == "__main__":
    main()
