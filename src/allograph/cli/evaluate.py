"""`allograph evaluate`: numbers that can be published, each with the command that prints it."""

from __future__ import annotations

__all__ = ["evaluate"]

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from allograph.cli.console import MAX_SEED, DataDirOption, JsonOption, ThreadsOption, print_json
from allograph.cli.measuring import measuring, report_problems
from allograph.errors import AllographError

evaluate = typer.Typer(help="Measure a model: its likelihood, and how well its drawings are recognised.")

ModelArgument = Annotated[str, typer.Argument(help="Weights: a known name or a .safetensors file.", metavar="MODEL")]
DataOption = Annotated[str, typer.Option("--data", help="A known data set, or a folder FOLDER/CLASS/*.png.")]
SplitOption = Annotated[
    str | None,
    typer.Option(
        help="How Omniglot is divided: 30-20, 40-10, 45-5 or characters.", show_default="the training's, else 30-20"
    ),
]
PartOption = Annotated[
    Literal["validation", "test"],
    typer.Option(help="Part of the data; the test part is for the last figure, not for choosing."),
]
ResultsOption = Annotated[Path, typer.Option("-o", "--output", help="Folder for the result file.", metavar="DIR")]
OverwriteRecord = Annotated[bool, typer.Option("--overwrite", help="Replace the result file of an earlier call.")]
SettingOption = Annotated[
    Literal["within", "across"], typer.Option(help="Characters of one alphabet at a time, or of all.")
]


@evaluate.command()
def likelihood(
    model: ModelArgument,
    data: Annotated[str, typer.Argument(help="A known data set, or a folder FOLDER/CLASS/*.png.", metavar="DATA")],
    samples: Annotated[int, typer.Option(min=1, help="K of the importance weighted bound.")] = 100,
    split: SplitOption = None,
    part: Annotated[
        Literal["training", "validation", "test"],
        typer.Option(
            help="Part of the data; the test part is for the last figure, not for choosing, the training part to "
            "compare with the others."
        ),
    ] = "validation",
    drawings: Annotated[
        int | None, typer.Option(min=2, help="Images for the free energy.", show_default="all of the part")
    ] = None,
    bound_drawings: Annotated[int, typer.Option(min=2, help="Images that the bound is taken over.")] = 1000,
    contexts: Annotated[
        str | None,
        typer.Option(
            help="Exemplars given with each image; several numbers make one table, e.g. 0,1,2,3,4,9.",
            show_default="1 where model and data have any",
            metavar="N[,N...]",
        ),
    ] = None,
    exemplars: Annotated[
        Literal["concept", "family"] | None,
        typer.Option(
            help="What these are: of the same symbol, or other symbols of its alphabet.", show_default="the training's"
        ),
    ] = None,
    binarisation: Annotated[
        Literal["none", "threshold", "dynamic"] | None,
        typer.Option(help="Of 8-bit images: at one half, or drawn from their grey.", show_default="the training's"),
    ] = None,
    precision: Annotated[Literal["float32", "float64"], typer.Option(help="Of the computation.")] = "float32",
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Of the choice of images and exemplars and of the noise.")
    ] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """How probable are unseen images, in nats: free energy and importance weighted bound, with and without exemplar.

    Writes all that a comparison needs to DIR/MODEL-DATA-PART-kSAMPLES.json.
    """
    from allograph.evaluation.records import (
        check_free,
        data_name,
        measurement_command,
        measurement_record,
        model_name,
        record_path,
        save_record,
        shown_data,
    )

    counts = None if contexts is None else _counts(contexts)
    name = model_name(model)
    path = record_path(output, name, data_name(data), part, samples)
    check_free(path, overwrite=overwrite)

    from allograph import weights
    from allograph.evaluation.leakage import held_out_part
    from allograph.evaluation.likelihood.estimate import evaluate_likelihood
    from allograph.evaluation.resume import remembering

    loaded = weights.load(model)
    with measuring("passes") as (processes, progress):
        held_out = processes.first_here_first(
            lambda: held_out_part(loaded.card, data, part, split=split, data_dir=data_dir)
        )
        report_problems(held_out.problems)
        settings: dict[str, Any] = {
            "drawings": drawings,
            "samples": samples,
            "bound_drawings": bound_drawings,
            "contexts": counts,
            "exemplars": exemplars or loaded.card.exemplars,
            "binarisation": binarisation or loaded.card.binarisation,
            "precision": precision,
            "seed": seed,
        }
        device = processes.device()
        about = {"weights": loaded.sha256, "data": held_out.dataset.fingerprint(), "device": device[:4], **settings}
        with remembering(processes, path, about) as remembered:
            result = evaluate_likelihood(
                loaded.model,
                held_out.dataset,
                size=loaded.model.config.image_size,
                device=device,
                progress=progress,
                processes=remembered,
                **settings,
            )
    if not processes.first:
        return
    words: list[object] = ["--samples", samples, "--part", part]
    words += ["--drawings", result.images, "--bound-drawings", result.bound_images]
    words += ["--contexts", ",".join(map(str, counts or [result.contexts])), "--precision", precision, "--seed", seed]
    words += ["--exemplars", result.exemplars] if result.contexts else []
    words += ["--split", held_out.split] if held_out.split else []
    words += ["--binarisation", result.binarisation] if result.binarisation != "binary" else []
    command = measurement_command("likelihood", model, shown_data(data), *words)
    record = measurement_record("likelihood", loaded, name, result, split=held_out.split, part=part, command=command)
    save_record(path, record, overwrite)
    if as_json:
        print_json(record)
    else:
        division = f" of {held_out.split}" if held_out.split else ""
        print(f"{name}, a {loaded.model.config.kind} model ({loaded.sha256[:12]}), {part} part{division}")
        print(result.table())
        print(f"{path}: the same and more, as JSON")


def _counts(text: str) -> list[int]:
    """The numbers of a comma list."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise AllographError(f"--contexts takes a number, or several as in 0,1,2,3,4,9, not {text!r}") from None
