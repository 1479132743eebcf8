"""`allograph evaluate`: numbers that can be published, each with the command that prints it."""

from __future__ import annotations

__all__ = ["evaluate"]

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from allograph.cli.console import MAX_SEED, DataDirOption, JsonOption, TemperatureOption, print_json
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
def oneshot(
    model: ModelArgument = "omniglot",
    data: DataOption = "omniglot",
    split: SplitOption = None,
    part: PartOption = "validation",
    setting: SettingOption = "within",
    trials: Annotated[int, typer.Option(help="Tests, each with its own characters and exemplars.")] = 20,
    temperature: TemperatureOption = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Samples of the whole model, ink included, not what write shows.")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Of the choice of characters and of the drawings.")
    ] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Are new drawings of unseen characters recognised in 20-way tests, and do they differ as real ones do?

    Writes all that a comparison needs to DIR/MODEL-DATA-PART-oneshot-SETTING.json, and a picture beside it.
    """
    from allograph.evaluation.records import (
        check_free,
        data_name,
        measurement_command,
        measurement_path,
        measurement_record,
        model_name,
        save_record,
        shown_data,
    )

    name = model_name(model)
    kind = ["oneshot", setting, *(["whole"] if whole else [])]
    path = measurement_path(output, name, data_name(data), part, *kind)
    picture = path.with_suffix(".png")
    check_free(path, picture, overwrite=overwrite)

    import allograph
    from allograph.evaluation.critics import default_critic
    from allograph.evaluation.oneshot import drawings_of, oneshot, picture_of
    from allograph.evaluation.simclr import default_embedding
    from allograph.evaluation.unfinished import remembering
    from allograph.evaluation.unseen import unseen_part
    from allograph.writing import save_png

    writer = allograph.load(model)
    writer.check_exemplar("auto")
    chosen = 1.0 if whole and temperature is None else writer.temperature_for(temperature)
    draw = drawings_of(writer, chosen, whole=whole)
    size = writer.model.config.image_size
    critic, embedding = default_critic(), default_embedding()
    with measuring("trials") as (processes, progress):
        unseen = processes.first_here_first(
            lambda: unseen_part(writer.card, data, part, split=split, data_dir=data_dir)
        )
        report_problems(unseen.problems)
        about = {
            "weights": writer.sha256,
            "data": unseen.dataset.fingerprint(),
            "critic": critic.fingerprint,
            "embedding": embedding.fingerprint,
            "setting": setting,
            "trials": trials,
            "temperature": chosen,
            "whole": whole,
            "seed": seed,
        }
        with remembering(processes, path, about) as remembered:
            result = oneshot(
                draw,
                unseen.dataset,
                critic,
                embedding=embedding,
                size=size,
                trials=trials,
                setting=setting,
                seed=seed,
                progress=progress,
                processes=remembered,
            )
    if not processes.first:
        return
    options = ["--part", part, "--setting", setting, "--trials", trials, "--temperature", chosen, "--seed", seed]
    options += ["--split", unseen.split] if unseen.split else []
    options += ["--whole"] if whole else []
    command = measurement_command("oneshot", model, "--data", shown_data(data), *options)
    record = measurement_record("oneshot", writer, name, result, split=unseen.split, part=part, command=command)
    record |= {"temperature": chosen, "whole": whole}
    save_record(path, record, overwrite)
    save_png(picture_of(draw, unseen.dataset, size=size, setting=setting, seed=seed), picture)
    if as_json:
        print_json(record)
    else:
        print(f"{model} ({writer.sha256[:12]}) at temperature {chosen:g}, {part} part")
        print(result.table())
        print(f"{path}: the same and more, as JSON; {picture.name}: pictures")


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
    from allograph.evaluation.likelihood import evaluate_likelihood
    from allograph.evaluation.unfinished import remembering
    from allograph.evaluation.unseen import unseen_part

    loaded = weights.load(model)
    trained = loaded.card.get("settings", {}).get("data", {})
    with measuring("passes") as (processes, progress):
        unseen = processes.first_here_first(
            lambda: unseen_part(loaded.card, data, part, split=split, data_dir=data_dir)
        )
        report_problems(unseen.problems)
        settings: dict[str, Any] = {
            "drawings": drawings,
            "samples": samples,
            "bound_drawings": bound_drawings,
            "contexts": counts,
            "exemplars": exemplars or loaded.exemplars,
            "binarisation": binarisation or trained.get("binarisation", "none"),
            "precision": precision,
            "seed": seed,
        }
        device = processes.device()
        about = {"weights": loaded.sha256, "data": unseen.dataset.fingerprint(), "device": device[:4], **settings}
        with remembering(processes, path, about) as remembered:
            result = evaluate_likelihood(
                loaded.model,
                unseen.dataset,
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
    words += ["--split", unseen.split] if unseen.split else []
    words += ["--binarisation", result.binarisation] if result.binarisation != "binary" else []
    command = measurement_command("likelihood", model, shown_data(data), *words)
    record = measurement_record("likelihood", loaded, name, result, split=unseen.split, part=part, command=command)
    save_record(path, record, overwrite)
    if as_json:
        print_json(record)
    else:
        division = f" of {unseen.split}" if unseen.split else ""
        print(f"{name}, a {loaded.model.config.kind} model ({loaded.sha256[:12]}), {part} part{division}")
        print(result.table())
        print(f"{path}: the same and more, as JSON")


def _counts(text: str) -> list[int]:
    """The numbers of a comma list."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise AllographError(f"--contexts takes a number, or several as in 0,1,2,3,4,9, not {text!r}") from None
