"""`allograph evaluate`: numbers that can be published, each with the command that prints it."""

from __future__ import annotations

__all__ = ["evaluate"]

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from allograph.cli.console import MAX_SEED, DataDirOption, JsonOption, ThreadsOption
from allograph.cli.measuring import held_out_data, measure
from allograph.errors import AllographError

evaluate = typer.Typer(help="Measure a model: its likelihood, and how well its drawings are recognised.")

ModelArgument = Annotated[str, typer.Argument(help="Weights: a known name or a .safetensors file.", metavar="MODEL")]
DataOption = Annotated[str, typer.Option("--data", help="A known data set, or a folder FOLDER/CLASS/*.png.")]
SplitOption = Annotated[
    str | None,
    typer.Option(
        help="Split of Omniglot: 30-20, 40-10, 45-5, characters or all.",
        show_default="as in the training, otherwise 30-20",
    ),
]
PartOption = Annotated[
    Literal["validation", "test"],
    typer.Option(help="Part of the data. Make choices on validation; keep test for the final figure."),
]
ResultsOption = Annotated[Path, typer.Option("-o", "--output", help="Folder for the result file.", metavar="DIR")]
OverwriteRecord = Annotated[bool, typer.Option("--overwrite", help="Replace the result file of an earlier run.")]
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
            help="Part of the data. Make choices on validation; keep test for the final figure. The training part is "
            "for comparison."
        ),
    ] = "validation",
    drawings: Annotated[
        int | None, typer.Option(min=2, help="Number of images for the free energy.", show_default="the whole part")
    ] = None,
    bound_drawings: Annotated[int, typer.Option(min=2, help="Number of images for the bound.")] = 1000,
    contexts: Annotated[
        str | None,
        typer.Option(
            help="Number of exemplars given with each image; several numbers make one table, e.g. 0,1,2,3,4,9.",
            show_default="1 if the model takes exemplars and the data have them",
            metavar="N[,N...]",
        ),
    ] = None,
    exemplars: Annotated[
        Literal["concept", "family", "repeats"] | None,
        typer.Option(
            help="What the exemplars are: other drawings of the symbol; other symbols of its alphabet; or drawings of "
            "the symbol drawn with replacement, often the image itself, as in Generative Matching Networks.",
            show_default="as in the training",
        ),
    ] = None,
    binarisation: Annotated[
        Literal["none", "threshold", "dynamic"] | None,
        typer.Option(
            help="Binarisation of 8-bit images: threshold at one half, or drawn at random from the grey values.",
            show_default="as in the training",
        ),
    ] = None,
    precision: Annotated[Literal["float32", "float64"], typer.Option(help="Precision of the computation.")] = "float32",
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Seed of the choice of images and exemplars, and of the noise.")
    ] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Measure how probable unseen images are, in nats.

    Gives the free energy and the importance weighted bound, with and without an exemplar. Everything that a comparison
    needs goes to DIR/MODEL-DATA-PART-kSAMPLES.json.
    """
    from allograph.evaluation.records import check_free, data_name, model_name, record_path, shown_data

    counts = None if contexts is None else _counts(contexts)
    name = model_name(model)
    path = record_path(output, name, data_name(data), part, samples, "repeats" if exemplars == "repeats" else "")
    check_free(path, overwrite=overwrite)

    from allograph import weights
    from allograph.evaluation.leakage import HeldOut
    from allograph.evaluation.likelihood.estimate import evaluate_likelihood
    from allograph.evaluation.likelihood.result import LikelihoodResult
    from allograph.evaluation.runner import Findings, Measurement, Plan, Progress

    loaded = weights.load(model)
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

    def findings(result: LikelihoodResult, split: str) -> Findings:
        asked = ",".join(map(str, counts or [result.contexts]))
        words: list[object] = [shown_data(data), "--samples", samples, "--part", part, "--drawings", result.images]
        words += ["--bound-drawings", result.bound_images, "--contexts", asked, "--precision", precision]
        words += ["--seed", seed, *(["--exemplars", result.exemplars] if result.contexts else [])]
        words += ["--split", split] if split else []
        words += ["--binarisation", result.binarisation] if result.binarisation != "binary" else []
        return Findings(words)

    def plan(held_out: HeldOut, device: str, progress: Progress) -> Plan[LikelihoodResult]:
        dataset, size = held_out.dataset, loaded.model.config.image_size
        where: dict[str, Any] = {"size": size, "device": device, "progress": progress}
        return Plan(
            held_out.split,
            {"data": dataset.fingerprint(), **settings},
            lambda processes: evaluate_likelihood(loaded.model, dataset, processes=processes, **where, **settings),
            lambda result: findings(result, held_out.split),
        )

    find = held_out_data(loaded.card, data, part, split=split, data_dir=data_dir)
    measurement = Measurement("likelihood", model, name, loaded, part, path, overwrite, find, plan)
    measure(measurement, "passes", as_json, f"{name}, a {loaded.model.config.kind} model ({loaded.sha256[:12]})")


def _counts(text: str) -> list[int]:
    """The numbers of a comma list."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise AllographError(f"--contexts takes a number, or several as in 0,1,2,3,4,9, not {text!r}") from None
