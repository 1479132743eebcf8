"""`allograph evaluate augmentation`: what a model's drawings are worth for training a classifier."""

from __future__ import annotations

__all__ = ["augmentation"]

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from allograph.cli.console import (
    MAX_SEED,
    AttemptsOption,
    DataDirOption,
    GuidanceOption,
    JsonOption,
    TemperatureOption,
    ThreadsOption,
    TogetherOption,
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
from allograph.cli.measuring import adjusted_options, adjusted_words, drawn_by, held_out_data, measure
from allograph.runtime.distributed import Processes


def augmentation(
    model: ModelArgument = "omniglot",
    data: DataOption = "omniglot",
    split: SplitOption = None,
    part: PartOption = "validation",
    setting: SettingOption = "within",
    shots: Annotated[
        list[int] | None,
        typer.Option(
            "--shots",
            min=1,
            help="Number of drawings given of each class. May be repeated.",
            show_default="1, 2 and 5",
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option(min=2, help="Number of trials, each with its own classes, drawings and classifiers.")
    ] = 20,
    ways: Annotated[
        int | None, typer.Option(min=2, help="Number of classes.", show_default="20, or all if there are fewer")
    ] = None,
    drawings: Annotated[
        int, typer.Option(min=3, help="Number of real drawings of each class, those given and those tested on.")
    ] = 20,
    made: Annotated[int, typer.Option(min=1, help="Number of new drawings of each class.")] = 400,
    together: TogetherOption = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps of every classifier.")] = 400,
    temperature: TemperatureOption = None,
    guidance: GuidanceOption = None,
    attempts: AttemptsOption = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of all choices, drawings and weights.")] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Measure what a model's drawings are worth as training data.

    Trains a small classifier on few drawings of unseen classes, five times: on the drawings alone, with classical
    augmentation, with the model's drawings, with both, and with both, half of each batch real. It is tested on other
    people's drawings. Everything that a comparison needs goes to DIR/MODEL-DATA-PART-augmentation-SETTING.json, with a
    picture beside it.
    """
    from allograph.evaluation.records import check_free, data_name, measurement_path, model_name, shown_data

    name = model_name(model)
    path = measurement_path(
        output, name, data_name(data), part, "augmentation", setting, *adjusted_words(guidance, attempts)
    )
    check_free(path, path.with_suffix(".png"), overwrite=overwrite)

    import allograph
    from allograph.evaluation.augmentation.classical import tuned
    from allograph.evaluation.augmentation.classifiers import ClassifierTraining
    from allograph.evaluation.augmentation.gain import evaluate_augmentation, picture_of
    from allograph.evaluation.augmentation.result import AugmentationResult
    from allograph.evaluation.leakage import HeldOut
    from allograph.evaluation.likelihood.checks import check_channels
    from allograph.evaluation.runner import Findings, Measurement, Plan, Progress
    from allograph.evaluation.shown import ShownDrawings

    writer = allograph.load(model).guided(guidance).with_attempts(attempts)
    writer.check_exemplar("auto")
    jointly = writer.most_together > 1 if together is None else together
    if jointly:
        writer.check_together(max(shots or (5,)))
    chosen, classical = writer.temperature_for(temperature), tuned()
    shared: dict[str, Any] = {"drawings": drawings, "setting": setting, "seed": seed}
    settings = {**shared, "shots": shots or (1, 2, 5), "trials": trials, "ways": ways, "made": made}

    def plan(held_out: HeldOut, device: str, progress: Progress) -> Plan[AugmentationResult]:
        dataset = held_out.dataset
        check_channels(writer.model, dataset)
        direct = dataset.binary or not writer.space.inked
        draw = ShownDrawings(writer, chosen, direct)
        images: dict[str, Any] = {"size": writer.model.config.image_size if direct else dataset.side}
        images["classical"] = classical

        def measured(processes: Processes) -> AugmentationResult:
            training = ClassifierTraining(steps=steps)
            how: dict[str, Any] = {"training": training, "progress": progress, "processes": processes}
            after = (draw.together, writer.most_together) if jointly else None
            return evaluate_augmentation(draw, dataset, **images, **how, **settings, together=after)

        def findings(result: AugmentationResult) -> Findings:
            words = ["--data", shown_data(data), *(word for k in result.shots for word in ("--shots", k.shots))]
            words += ["--part", part, "--setting", setting, "--trials", trials]
            words += ["--ways", result.ways, "--drawings", drawings]
            words += ["--made", made, "--steps", steps, "--temperature", chosen, "--seed", seed]
            words += ["--together" if jointly else "--in-turn"]
            words += adjusted_options(guidance, attempts)
            words += ["--split", held_out.split] if held_out.split else []
            more = {"temperature": chosen, **writer.adjusted}
            look: dict[str, Any] = {**images, **shared, "ways": result.ways, "inked": writer.space.inked}
            return Findings(words, more, picture=lambda: picture_of(draw, dataset, **look))

        inputs = {"data": dataset.fingerprint(), "temperature": chosen, "steps": steps, **settings}
        inputs |= {"together": jointly, **writer.adjusted}
        return Plan(held_out.split, inputs | {"classical": asdict(classical)}, measured, findings)

    find = held_out_data(writer.card, data, part, split=split, data_dir=data_dir)
    measurement = Measurement("augmentation", model, name, writer, part, path, overwrite, find, plan)
    measure(measurement, "classifiers", as_json, drawn_by(model, writer.sha256, chosen, **writer.adjusted))
