"""Fits the calibration that ships, `calibration.json`, on the validation alphabets of the 30-20 split.

python -m allograph.recognition [--trials N] [--data-dir DIR]
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import numpy.typing as npt

from allograph.data import ClassificationRuns, draw_runs, load_dataset
from allograph.errors import AllographError
from allograph.recognition.calibration import Case, fit_calibration
from allograph.recognition.evidence import SHORTLIST, default_examiner
from allograph.recognition.measuring import cases_of, collect
from allograph.recognition.recogniser import Recogniser

_RUNS, _SHORT = 9, 6
"""Number of runs of 20 classes, and the length of their shortlists."""

_SEED = 1
"""The seed; `allograph evaluate recognition` uses other trials by default."""


def main() -> int:
    """Collect evidence, fit and save."""
    parser = argparse.ArgumentParser(prog="python -m allograph.recognition", description=__doc__)
    parser.add_argument("--trials", type=int, default=4, help="number of trials of each setting")
    parser.add_argument("--data-dir", default=None, help="folder of Omniglot")
    options = parser.parse_args()
    examiner = default_examiner()
    try:
        splits = load_dataset("omniglot", data_dir=options.data_dir, split="30-20", seed=0)
        found = collect(
            examiner,
            splits.validation,
            splits.train,
            trials=options.trials,
            seed=_SEED,
            progress=lambda done, total: print(f"{done} of {total} trials", flush=True),
        )
        runs = draw_runs(splits.validation, _RUNS, seed=0)
        print(f"{_RUNS} runs of pictures", flush=True)
        cases = [case for run in range(_RUNS) for case in _cases_of_pictures(runs, run)]
    except AllographError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    cases += [case for trials in found for trial in trials for pair in cases_of(trial, SHORTLIST) for case in pair]
    calibration = fit_calibration(cases)
    about = {
        "command": f"python -m allograph.recognition --trials {options.trials}",
        "data": splits.validation.name,
        "alphabets": list(splits.validation.family_names),
        "critic": examiner.critic.fingerprint,
        "weights": examiner.loaded.sha256,
    }
    calibration.save(about)
    print(calibration)
    return 0


def _cases_of_pictures(runs: ClassificationRuns, run: int) -> list[Case]:
    """A run of one drawing of each of 20 classes, read like a user's pictures, with and without the right class."""

    def pictures(indices: npt.NDArray[np.int64]) -> list[npt.NDArray[np.uint8]]:
        return [255 - pixels[0] for pixels in runs.dataset.images.pixels(indices)]

    recogniser = Recogniser(shortlist=_SHORT).fit(pictures(runs.exemplars[run]), np.arange(runs.ways))
    found = [recogniser.examine(picture) for picture in pictures(runs.tests[run])]
    pairs = list(zip(found, runs.right[run].tolist(), strict=True))
    return [*pairs, *((evidence.without(right), -1) for evidence, right in pairs)]


if __name__ == "__main__":
    sys.exit(main())
