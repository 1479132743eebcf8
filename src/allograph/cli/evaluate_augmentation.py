"""`allograph evaluate augmentation`: what a writer's drawings are worth to somebody who trains a classifier."""

from __future__ import annotations

__all__ = ["augmentation"]

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from allograph.cli.console import (
    MAX_SEED,
    DataDirOption,
    JsonOption,
    TemperatureOption,
    ThreadsOption,
    print_json,
)
from allograph.cli.evaluate import (
    DataOption,
    ModelArgument,
    OverwriteRecord,
    PartOption,
    ResultsOption,
    SettingOption,
    SplitOption,
)
from allograph.cli.measuring import measuring, report_problems


def augmentation(
    model: ModelArgument = "omniglot",
    data: DataOption = "omniglot",
    split: SplitOption = None,
    part: PartOption = "validation",
    setting: SettingOption = "within",
    shots: Annotated[
        list[int] | None,
        typer.Option("--shots", min=1, help="Drawings given of each class; repeat it.", show_default="1, 2 and 5"),
    ] = None,
    trials: Annotated[
        int, typer.Option(min=2, help="Choices of classes and drawings, each with its classifiers.")
    ] = 20,
    ways: Annotated[
        int | None, typer.Option(min=2, help="Classes.", show_default="20, or all where there are fewer")
    ] = None,
    drawings: Annotated[
        int, typer.Option(min=3, help="Real drawings of each class, given and tested on together.")
    ] = 20,
    made: Annotated[int, typer.Option(min=1, help="New drawings of each class.")] = 400,
    steps: Annotated[int, typer.Option(min=1, help="Of every classifier's training.")] = 400,
    temperature: TemperatureOption = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Of all choices, drawings and weights.")] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """What is a model's augmentation worth? Trains a small classifier on few drawings of unseen classes, four times.

    On the drawings alone, with classical augmentation, with the model's drawings, with both; tested on other people's.
    Writes all that a comparison needs to DIR/MODEL-DATA-PART-augmentation-SETTING.json, and a picture beside it.
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
    path = measurement_path(output, name, data_name(data), part, "augmentation", setting)
    picture = path.with_suffix(".png")
    check_free(path, picture, overwrite=overwrite)

    import allograph
    from allograph.evaluation.augmentation.classical import tuned
    from allograph.evaluation.augmentation.classifiers import ClassifierTraining
    from allograph.evaluation.augmentation.gain import evaluate_augmentation, picture_of
    from allograph.evaluation.leakage import held_out_part
    from allograph.evaluation.likelihood.estimate import check_channels
    from allograph.evaluation.resume import remembering
    from allograph.evaluation.shown import ShownDrawings
    from allograph.generation.write import save_png

    writer = allograph.load(model)
    writer.check_exemplar("auto")
    chosen = writer.temperature_for(temperature)
    with measuring("classifiers") as (processes, progress):
        held_out = processes.first_here_first(
            lambda: held_out_part(writer.card, data, part, split=split, data_dir=data_dir)
        )
        report_problems(held_out.problems)
        check_channels(writer.model, held_out.dataset)
        direct = held_out.dataset.binary or not writer.space.inked
        draw = ShownDrawings(writer, chosen, direct)
        size = writer.model.config.image_size if direct else held_out.dataset.side
        settings: dict[str, Any] = {
            "shots": shots or (1, 2, 5),
            "trials": trials,
            "ways": ways,
            "drawings": drawings,
            "made": made,
            "setting": setting,
            "seed": seed,
        }
        about = {"weights": writer.sha256, "data": held_out.dataset.fingerprint(), "temperature": chosen, "steps": steps}
        about["classical"] = asdict(tuned())
        with remembering(processes, path, about | settings) as remembered:
            result = evaluate_augmentation(
                draw,
                held_out.dataset,
                size=size,
                classical=tuned(),
                training=ClassifierTraining(steps=steps),
                progress=progress,
                processes=remembered,
                **settings,
            )
            if not processes.first:
                return
            options = [word for k in result.shots for word in ("--shots", k.shots)]
            options += ["--part", part, "--setting", setting, "--trials", trials]
            options += ["--ways", result.ways, "--drawings", drawings]
            options += ["--made", made, "--steps", steps, "--temperature", chosen, "--seed", seed]
            options += ["--split", held_out.split] if held_out.split else []
            command = measurement_command("augmentation", model, "--data", shown_data(data), *options)
            record = measurement_record(
                "augmentation", writer, name, result, split=held_out.split, part=part, command=command
            )
            record |= {"temperature": chosen, "guidance": writer.guidance}
            shown = {"size": size, "classical": tuned(), "ways": result.ways, "drawings": drawings, "setting": setting}
            save_record(path, record, overwrite)
            save_png(picture_of(draw, held_out.dataset, **shown, inked=writer.space.inked, seed=seed), picture)
    if as_json:
        print_json(record)
    else:
        print(f"{model} ({writer.sha256[:12]}) at temperature {chosen:g}, guidance {writer.guidance:g}, {part} part")
        print(result.table())
        print(f"{path}: the same and more, as JSON; {picture.name}: pictures")
