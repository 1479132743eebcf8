"""`allograph evaluate classify`: one-shot classification by a generative model."""

from __future__ import annotations

__all__ = ["classify"]

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from allograph.cli.console import MAX_SEED, DataDirOption, JsonOption, ThreadsOption, print_json
from allograph.cli.evaluate import ModelArgument, SplitOption
from allograph.cli.measuring import measuring
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
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.", metavar="DIR")] = Path(
        "results"
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results of an earlier call.")] = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Which of 20 exemplars is a drawing a new drawing of, by the model's likelihood? Lake's one-shot classification.

    Writes DIR/MODEL-classify-DATA-PART-kSAMPLES.json and, of what was confused, a picture of the same name.
    """
    from allograph import weights
    from allograph.evaluation.classification.classify import classify as measure
    from allograph.evaluation.classification.confusions import confusion_picture
    from allograph.evaluation.critics.critic import default_critic
    from allograph.evaluation.leakage import default_data
    from allograph.evaluation.records import (
        check_free,
        measurement_command,
        measurement_record,
        model_name,
        record_path,
        save_record,
    )
    from allograph.evaluation.resume import remembering
    from allograph.generation.write import save_png

    variants = variants or max(count for count in range(1, _VARIANTS + 1) if samples % count == 0)
    loaded = weights.load(model)
    if loaded.exemplars != "concept":
        raise AllographError(
            f"{model} was trained on exemplars that are other symbols of an alphabet, so it cannot say of which one a "
            "drawing is a new drawing: take a model of exemplars of the same symbol"
        )
    called = data or default_data(loaded.card)
    name, which = model_name(model), "classify" if likelihood == "whole" else f"classify-{likelihood}"
    path = record_path(output, name, f"{which}-{called}", part, samples)
    picture = path.with_suffix(".png")
    check_free(path, picture, overwrite=overwrite)
    with measuring("passes") as (processes, progress):
        division, chosen = processes.first_here_first(lambda: _runs(loaded, called, part, runs, split, seed, data_dir))
        device = processes.device()
        settings: dict[str, Any] = {
            "samples": samples,
            "variants": variants,
            "likelihood": likelihood,
            "precision": precision,
            "seed": seed,
        }
        about = {"weights": loaded.sha256, "data": chosen.fingerprint(), "device": device[:4], **settings}
        with remembering(processes, path, about) as remembered:
            result = measure(
                loaded.model,
                chosen,
                size=loaded.model.config.image_size,
                critic=default_critic(),
                device=device,
                progress=progress,
                processes=remembered,
                **settings,
            )
    if not processes.first:
        return
    words: list[object] = ["--samples", samples, "--variants", variants, "--data", called]
    words += ["--part", part, "--likelihood", likelihood, "--precision", precision, "--seed", seed]
    words += ["--runs", runs, "--split", division] if part == "validation" else []
    command = measurement_command("classify", model, *words)
    record = measurement_record("classify", loaded, name, result, split=division, part=part, command=command)
    save_record(path, record, overwrite)
    if result.wrong:
        save_png(confusion_picture(result.wrong, chosen), picture)
    else:
        picture.unlink(missing_ok=True)  # an earlier call's
    if as_json:
        print_json(record)
    else:
        print(f"{name}, a {loaded.model.config.kind} model ({loaded.sha256[:12]}), {part} part of {division}")
        print(result.table())
        print(f"{path}: the same and more, as JSON")
        print(f"{picture}: the confused ones" if result.wrong else "nothing was confused")


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
    from allograph.evaluation.leakage import check_unseen_runs, unseen_part

    if part == "validation":
        unseen = unseen_part(loaded.card, data, part, split=split, data_dir=data_dir)
        return unseen.split, draw_runs(unseen.dataset, count, seed=seed)
    if split not in (None, "30-20"):
        raise AllographError(
            "Lake's runs are of the evaluation alphabets, which the 30-20 division tests on: leave out --split"
        )
    lake = load_lake_runs(data_dir, data or "omniglot")
    check_unseen_runs(loaded.card, lake.dataset)
    return "30-20", lake
