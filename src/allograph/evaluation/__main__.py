"""Train the critic that ships and print how well it knows real drawings: `python -m allograph.evaluation FILE`."""

from __future__ import annotations

import argparse
import sys
import time

from torch import Tensor

from allograph.data import ConceptDataset, load_dataset
from allograph.errors import AllographError
from allograph.evaluation.critics import Critic, CriticTraining, train_critic
from allograph.evaluation.oneshot import Setting, oneshot


def main() -> int:
    """Train on the training characters of the 30-20 split, measure on its validation alphabets, save."""
    parser = argparse.ArgumentParser(prog="python -m allograph.evaluation", description=__doc__)
    parser.add_argument("file", help="where the critic goes (.safetensors)")
    parser.add_argument("--data-dir", default=None, help="where Omniglot is (default: ALLOGRAPH_DATA, else downloaded)")
    parser.add_argument("--steps", type=int, default=CriticTraining.steps)
    parser.add_argument("--seed", type=int, default=CriticTraining.seed)
    options = parser.parse_args()
    try:
        splits = load_dataset("omniglot", data_dir=options.data_dir, split="30-20", seed=0)
        training = CriticTraining(steps=options.steps, seed=options.seed)
        started = time.perf_counter()

        def report(step: int, loss: float, accuracy: float) -> None:
            spent = time.perf_counter() - started
            print(f"step {step}/{training.steps}: loss {loss:.3f}, accuracy {accuracy:.3f}, {spent:.0f} s", flush=True)

        critic = train_critic(splits.train, training, report=report)
        critic.card["seconds"] = round(time.perf_counter() - started)
        critic.card["validation_alphabets"] = list(splits.validation.family_names)
        for setting in ("within", "across"):
            critic.card[f"validation_accuracy_{setting}"] = _known(critic, splits.validation, setting)
        critic.save(options.file)
    except AllographError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.file}: critic {critic.fingerprint}, {critic.card}")
    return 0


def _known(critic: Critic, validation: ConceptDataset, setting: Setting) -> float:
    """The fraction of real drawings that the critic recognises in 20 trials (copies stand in for the writer)."""

    def copies(exemplars: Tensor, count: int, seed: int) -> Tensor:
        return exemplars[:, None].expand(-1, count, -1, -1, -1)

    result = oneshot(copies, validation, critic, size=52, trials=20, setting=setting)
    return round(result.real.recognizability.value, 3)


if __name__ == "__main__":
    sys.exit(main())
