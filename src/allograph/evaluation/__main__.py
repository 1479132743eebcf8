"""Makes the foundations of the measurements again from the training alphabets of the 30-20 split.

    python -m allograph.evaluation prototypical FILE    the critic that recognises
    python -m allograph.evaluation simclr FILE          the embedding that measures diversity
    python -m allograph.evaluation classical FILE       the ranges of classical augmentation

The files that ship were made in this way. The first two commands print a fingerprint as the last line, which results
quote.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

from torch import Tensor

from allograph.data import ConceptDataset, Splits, load_dataset
from allograph.errors import AllographError
from allograph.evaluation.augmentation.classifiers import ClassifierTraining
from allograph.evaluation.augmentation.tuning import tune_classical
from allograph.evaluation.critics.critic import Critic, CriticTraining, train_critic
from allograph.evaluation.critics.simclr import SimCLRTraining, train_simclr
from allograph.evaluation.oneshot.exemplars import from_exemplars
from allograph.evaluation.oneshot.points import Setting
from allograph.evaluation.records import save_record

_SIZE = 52
"""Side of the shipped model's images, at which classical augmentation is tuned."""


def main() -> int:
    """Train or tune on the training alphabets, report progress, and save."""
    parser = argparse.ArgumentParser(
        prog="python -m allograph.evaluation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("prototypical", "simclr", "classical"))
    parser.add_argument("file", help="file for the result (.safetensors; for classical, .json)")
    parser.add_argument(
        "--data-dir", default=None, help="folder of Omniglot (default: ALLOGRAPH_DATA, otherwise downloaded)"
    )
    parser.add_argument("--steps", type=int, default=None, help="training steps of a network")
    parser.add_argument("--candidates", type=int, default=32, help="classical: number of choices of ranges to try")
    parser.add_argument("--trials", type=int, default=32, help="classical: number of trials for the best choices")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        splits = load_dataset("omniglot", data_dir=options.data_dir, split="30-20", seed=0)
        if options.what == "classical":
            _tune(splits, options)
        else:
            _train(splits, options.what, options.file, options.seed, options.steps)
    except AllographError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _train(splits: Splits, what: str, file: str, seed: int, steps: int | None) -> None:
    started = time.perf_counter()

    def report(step: int, loss: float, accuracy: float) -> None:
        spent = time.perf_counter() - started
        print(f"step {step}: loss {loss:.3f}, accuracy {accuracy:.3f}, {spent:.0f} s", flush=True)

    if what == "simclr":
        simclr = SimCLRTraining(seed=seed)
        simclr = simclr if steps is None else replace(simclr, steps=steps)
        critic = train_simclr(splits.train, simclr, report=report)
    else:
        training = CriticTraining(seed=seed)
        training = training if steps is None else replace(training, steps=steps)
        critic = train_critic(splits.train, training, report=report)
    critic.card["seconds"] = round(time.perf_counter() - started)
    critic.card["validation_alphabets"] = list(splits.validation.family_names)
    if what == "prototypical":
        for setting in ("within", "across"):
            critic.card[f"validation_accuracy_{setting}"] = _known(critic, splits.validation, setting)
    critic.save(file)
    print(f"{file}: {what} {critic.fingerprint}, {critic.card}")


def _known(critic: Critic, validation: ConceptDataset, setting: Setting) -> float:
    """The share of real drawings that the critic recognises in 20 trials (copies stand in for the writer)."""

    def copies(exemplars: Tensor, count: int, seed: int) -> Tensor:
        return exemplars[:, None].expand(-1, count, -1, -1, -1)

    result = from_exemplars(copies, validation, critic, size=_SIZE, trials=20, setting=setting, embedding=critic)
    return round(result.real.recognizability.value, 3)


def _tune(splits: Splits, options: argparse.Namespace) -> None:
    started = time.perf_counter()
    training = ClassifierTraining() if options.steps is None else ClassifierTraining(steps=options.steps)
    tuning = tune_classical(
        splits.train,
        size=_SIZE,
        training=training,
        count=options.candidates,
        rounds=tuple(max(1, options.trials // share) for share in (8, 4, 2, 1)),
        seed=options.seed,
        report=lambda line: print(line, flush=True),
    )
    words = ["classical", Path(options.file).name, "--seed", options.seed, "--steps", training.steps]
    words += ["--candidates", options.candidates, "--trials", options.trials]
    document = {
        **tuning.to_dict(),
        "command": f"python -m allograph.evaluation {shlex.join(map(str, words))}",
        "classifier": asdict(training),
        "data": splits.train.name,
        "data_fingerprint": splits.train.fingerprint(),
        "alphabets": list(splits.train.family_names),
        "size": _SIZE,
        "seconds": round(time.perf_counter() - started),
    }
    save_record(Path(options.file), document, overwrite=True)
    print(f"{options.file}: {tuning.settings}, accuracy {tuning.accuracy.value:.3f} ± {tuning.accuracy.error:.3f}")


if __name__ == "__main__":
    sys.exit(main())
