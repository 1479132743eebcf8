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
    from allograph.weights import LoadedWeights

_VARIANTS = 20


def classify(
    model: ModelArgument = "omniglot",
    samples: Annotated[int, typer.Option(min=1, help="K of every importance weighted bound.")] = 100,
    variants: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Small changes of each exemplar, itself among them, that share the samples.",
            show_default=f"{_VARIANTS}, or the largest number below that divides the samples",
        ),
    ] = None,
    data: Annotated[
        Literal["omniglot", "omniglot-28", "omniglot-52"] | None,
        typer.Option("--data", help="How the model sees the drawings.", show_default="the training's, else omniglot"),
    ] = None,
    part: Annotated[
        Literal["validation", "test"],
        typer.Option(help="Runs made of the validation alphabets, or Lake's own 20 runs, for the last figure."),
    ] = "validation",
    runs: Annotated[int, typer.Option(min=2, help="Runs of the validation part; Lake's are 20.")] = 20,
    likelihood: Annotated[
        Literal["whole", "bending"],
        typer.Option(help="Of the whole model, or of the exemplar bent and nothing written beside it."),
    ] = "whole",
    split: SplitOption = None,
    precision: Annotated[Literal["float32", "float64"], typer.Option(help="Of the computation.")] = "float32",
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Of the runs made and of the noise.")] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Which of 20 exemplars is a drawing a new drawing of, by the model's likelihood? Lake's one-shot classification.

    Writes DIR/MODEL-classify-DATA-PART-kSAMPLES.json and, of what was confused, a picture of the same name.
    """
    from allograph import weights
    from allograph.evaluation.classification.classify import classify as classified
    from allograph.evaluation.classification.confusions import confusion_picture
    from allograph.evaluation.classification.result import ClassificationResult
    from allograph.evaluation.critics.critic import default_critic
    from allograph.evaluation.leakage import default_data
    from allograph.evaluation.records import check_free, model_name, record_path
    from allograph.evaluation.runner import Findings, Measurement, Plan, Progress

    variants = variants or max(count for count in range(1, _VARIANTS + 1) if samples % count == 0)
    loaded = weights.load(model)
    if loaded.card.exemplars != "concept":
        raise AllographError(
            f"{model} was trained on exemplars that are other symbols of an alphabet, so it cannot say of which one a "
            "drawing is a new drawing: take a model of exemplars of the same symbol"
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

        return Plan(
            division,
            {"data": chosen.fingerprint(), **settings},
            lambda processes: classified(
                loaded.model, chosen, critic=default_critic(), processes=processes, **where, **settings
            ),
            findings,
        )

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
    measure(measurement, "passes", as_json, f"{name}, a {loaded.model.config.kind} model ({loaded.sha256[:12]})")


def _runs(
    loaded: LoadedWeights,
    data: str,
    part: Literal["validation", "test"],
    count: int,
    split: str | None,
    seed: int,
    data_dir: str | None,
) -> tuple[str, ClassificationRuns]:
    """How Omniglot was divided, and the runs; refused where the model may have been trained on them."""
    from allograph.data import draw_runs, load_lake_runs
    from allograph.evaluation.leakage import check_lake_runs, held_out_part

    if part == "validation":
        held_out = held_out_part(loaded.card, data, part, split=split, data_dir=data_dir)
        return held_out.split, draw_runs(held_out.dataset, count, seed=seed)
    if split not in (None, "30-20"):
        raise AllographError(
            "Lake's runs are of the evaluation alphabets, which the 30-20 division tests on: leave out --split"
        )
    lake = load_lake_runs(data_dir, data or "omniglot")
    check_lake_runs(loaded.card, lake.dataset)
    return "30-20", lake
