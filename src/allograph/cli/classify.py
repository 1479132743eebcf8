"""`allograph evaluate classify`: one-shot classification by a generative model."""

from __future__ import annotations

__all__ = ["classify"]

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from allograph.cli.console import MAX_SEED, DataDirOption, JsonOption, ThreadsOption
from allograph.cli.evaluate import ModelArgument, OverwriteRecord, ResultsOption, SplitOption
from allograph.cli.measuring import measure
from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.data import ClassificationRuns
    from allograph.runtime.distributed import Processes
    from allograph.weights import LoadedWeights

_VARIANTS = 20


def classify(
    model: ModelArgument = "omniglot",
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="K of every importance weighted bound.", show_default="100, or 8 for the recogniser"),
    ] = None,
    variants: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of small changes of each exemplar (itself included) that share the K samples.",
            show_default=f"{_VARIANTS}, or the largest smaller number that divides the samples",
        ),
    ] = None,
    data: Annotated[
        Literal["omniglot", "omniglot-28", "omniglot-52"] | None,
        typer.Option(
            "--data",
            help="How the model sees the drawings: as in this data set.",
            show_default="as in the training, otherwise omniglot",
        ),
    ] = None,
    part: Annotated[
        Literal["validation", "test"],
        typer.Option(help="Runs made from the validation alphabets, or Lake's own 20 runs for the final figure."),
    ] = "validation",
    runs: Annotated[int, typer.Option(min=2, help="Number of runs of the validation part; Lake's are 20.")] = 20,
    likelihood: Annotated[
        Literal["whole", "bending", "recogniser"],
        typer.Option(
            help="Likelihood of the whole model, or of the bent exemplar with nothing written beside it; or the "
            "answers of allograph recognise, which weighs likelihoods of omniglot-28-fewshot and the critic's features."
        ),
    ] = "whole",
    split: SplitOption = None,
    precision: Annotated[Literal["float32", "float64"], typer.Option(help="Precision of the computation.")] = "float32",
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the runs and of the noise.")] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """One-shot classification by the model's likelihood: which of 20 exemplars shows the same character as a drawing?

    The task is Lake's. Writes DIR/MODEL-classify-DATA-PART-kSAMPLES.json and a picture of the confusions beside it.
    """
    from allograph import weights
    from allograph.evaluation.classification.classify import classify as classified
    from allograph.evaluation.classification.confusions import confusion_picture
    from allograph.evaluation.classification.result import ClassificationResult
    from allograph.evaluation.critics.critic import default_critic
    from allograph.evaluation.leakage import default_data
    from allograph.evaluation.records import check_free, model_name, record_path
    from allograph.evaluation.runner import Findings, Measurement, Plan, Progress
    from allograph.recognition import Recogniser
    from allograph.recognition.evidence import MODEL, SAMPLES
    from allograph.recognition.one_shot_runs import classify_runs

    recognised = likelihood == "recogniser"
    if recognised and (model != MODEL or variants not in (None, 1)):
        raise AllographError(f"allograph recognise uses {MODEL} and no variants: name it, and leave out --variants")
    samples = samples or (SAMPLES if recognised else 100)
    variants = 1 if recognised else variants or max(count for count in range(1, _VARIANTS + 1) if not samples % count)
    loaded = weights.load(model)
    if loaded.card.exemplars != "concept":
        raise AllographError(
            f"the exemplars of {model} are other symbols of an alphabet, so it cannot tell which exemplar a drawing "
            "belongs to: use a model trained on exemplars of the same symbol"
        )
    called = data or default_data(loaded.card)
    name, which = model_name(model), "classify" if likelihood == "whole" else f"classify-{likelihood}"
    path = record_path(output, name, f"{which}-{called}", part, samples)
    check_free(path, path.with_suffix(".png"), overwrite=overwrite)
    settings: dict[str, Any] = {
        "samples": samples,
        "variants": variants,
        "likelihood": likelihood,
        "precision": precision,
        "seed": seed,
    }

    def plan(found: tuple[str, ClassificationRuns], device: str, progress: Progress) -> Plan[ClassificationResult]:
        division, chosen = found
        where: dict[str, Any] = {"size": loaded.model.config.image_size, "device": device, "progress": progress}

        def findings(result: ClassificationResult) -> Findings:
            words: list[object] = ["--samples", samples, "--variants", variants, "--data", called]
            words += ["--part", part, "--likelihood", likelihood, "--precision", precision, "--seed", seed]
            words += ["--runs", runs, "--split", division] if part == "validation" else []
            if result.wrong:
                return Findings(words, picture=lambda: confusion_picture(result.wrong, chosen))
            path.with_suffix(".png").unlink(missing_ok=True)  # an earlier call's
            return Findings(words, tables=["nothing was confused"])

        def measured(processes: Processes) -> ClassificationResult:
            if recognised:
                recogniser = Recogniser(samples=samples, seed=seed)
                return classify_runs(recogniser, chosen, progress=progress, processes=processes)
            return classified(loaded.model, chosen, critic=default_critic(), processes=processes, **where, **settings)

        return Plan(division, {"data": chosen.fingerprint(), **settings}, measured, findings)

    measurement = Measurement(
        "classify",
        model,
        name,
        loaded,
        part,
        path,
        overwrite,
        lambda: _runs(loaded, called, part, runs, split, seed, data_dir),
        plan,
    )
    measure(
        measurement,
        "runs" if recognised else "passes",
        as_json,
        f"{name}, a {loaded.model.config.kind} model ({loaded.sha256[:12]})",
    )


def _runs(
    loaded: LoadedWeights,
    data: str,
    part: Literal["validation", "test"],
    count: int,
    split: str | None,
    seed: int,
    data_dir: str | None,
) -> tuple[str, ClassificationRuns]:
    """The split of Omniglot and the runs; refuses runs that the model may have been trained on."""
    from allograph.data import draw_runs, load_lake_runs
    from allograph.evaluation.leakage import check_lake_runs, held_out_part

    if part == "validation":
        held_out = held_out_part(loaded.card, data, part, split=split, data_dir=data_dir)
        return held_out.split, draw_runs(held_out.dataset, count, seed=seed)
    if split not in (None, "30-20"):
        raise AllographError(
            "Lake's runs use the evaluation alphabets, the test part of the 30-20 split: leave out --split"
        )
    lake = load_lake_runs(data_dir, data or "omniglot")
    check_lake_runs(loaded.card, lake.dataset)
    return "30-20", lake
