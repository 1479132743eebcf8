"""`allograph evaluate recognition`: how often `allograph recognise` is right, and whether it knows."""

from __future__ import annotations

__all__ = ["recognition"]

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.console import MAX_SEED, DataDirOption, JsonOption, ThreadsOption
from allograph.cli.evaluate import OverwriteRecord, PartOption, ResultsOption, SplitOption
from allograph.cli.measuring import held_out_data, measure
from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.evaluation.leakage import HeldOut
    from allograph.evaluation.runner import Plan, Progress
    from allograph.recognition.measuring import RecognitionResult
    from allograph.runtime.distributed import Processes


def recognition(
    model: Annotated[
        str, typer.Argument(help="Weights whose likelihoods are used: a known name or a file.", metavar="MODEL")
    ] = "omniglot-28-fewshot",
    trials: Annotated[int, typer.Option(min=2, help="Number of trials of 20 drawings in each setting.")] = 10,
    shortlist: Annotated[int, typer.Option(min=1, help="Number of classes compared by likelihoods.")] = 8,
    samples: Annotated[int, typer.Option(min=1, help="K of every likelihood.")] = 8,
    part: PartOption = "validation",
    split: SplitOption = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the trials and of the noise.")] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Measure `allograph recognise`: errors by each method, calibration, and "none of these".

    Recognises unseen characters of Omniglot among 20 of their alphabet and among 1,000 of many alphabets, given one and
    five drawings of each. Writes DIR/MODEL-recognition-PART-kSAMPLES.json.
    """
    from allograph import weights
    from allograph.data import load_dataset
    from allograph.evaluation.critics.critic import default_critic
    from allograph.evaluation.records import check_free, model_name, record_path
    from allograph.evaluation.runner import Findings, Measurement, Plan
    from allograph.recognition.calibration import Calibration
    from allograph.recognition.evidence import Examiner
    from allograph.recognition.measuring import evaluate_recognition

    loaded = weights.load(model)
    if not loaded.model.conditional or loaded.card.exemplars != "concept":
        raise AllographError(f"{model} cannot learn a symbol from one drawing: use omniglot-28-fewshot")
    name = model_name(model)
    path = record_path(output, name, "recognition", part, samples)
    check_free(path, overwrite=overwrite)
    settings: dict[str, Any] = {"trials": trials, "shortlist": shortlist, "samples": samples, "seed": seed}
    calibration, examiner = Calibration.shipped(), Examiner(default_critic(), loaded)

    def plan(held_out: HeldOut, device: str, progress: Progress) -> Plan[RecognitionResult]:
        def measured(processes: Processes) -> RecognitionResult:
            others = load_dataset("omniglot", data_dir=data_dir, split=held_out.split, seed=0).train
            how: dict[str, Any] = {"progress": progress, "processes": processes, **settings}
            return evaluate_recognition(examiner, held_out.dataset, others, calibration, **how)

        words = [word for key, value in settings.items() for word in (f"--{key}", value)]
        words += ["--part", part, "--split", held_out.split]
        inputs = {"data": held_out.dataset.fingerprint(), "critic": examiner.critic.fingerprint, **settings}
        return Plan(held_out.split, inputs, measured, lambda result: Findings(words))

    find = held_out_data(loaded.card, "omniglot", part, split=split, data_dir=data_dir)
    measurement = Measurement("recognition", model, name, loaded, part, path, overwrite, find, plan)
    measure(measurement, "trials", as_json, f"{name} ({loaded.sha256[:12]}) and critic {examiner.critic.fingerprint}")
