"""`allograph evaluate`: numbers that can be published, each with the command that prints it."""

from __future__ import annotations

__all__ = ["evaluate"]

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from allograph.cli.console import MAX_SEED, DataDirOption, JsonOption, ModelOption, print_json, say
from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.data import ConceptDataset

evaluate = typer.Typer(help="Measure a model: its likelihood, and how well its drawings are recognised.")

DataOption = Annotated[str, typer.Option("--data", help="omniglot, strokes, or a folder FOLDER/CLASS/*.png.")]
SplitOption = Annotated[str, typer.Option(help="How Omniglot is divided: 30-20, 40-10, 45-5 or characters.")]
PartOption = Annotated[
    Literal["validation", "test"],
    typer.Option(help="Part of the data; the test part is for the last figure, not for choosing."),
]


@evaluate.command()
def oneshot(
    model: ModelOption = "omniglot",
    data: DataOption = "omniglot",
    split: SplitOption = "30-20",
    part: PartOption = "validation",
    setting: Annotated[
        Literal["within", "across"], typer.Option(help="Characters of one alphabet at a time, or of all.")
    ] = "within",
    trials: Annotated[int, typer.Option(help="Tests, each with its own characters and exemplars.")] = 20,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 the drawings vary less.", show_default="the weights' own")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Samples of the whole model, ink included, not what write shows.")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Of the choice of characters and of the drawings.")
    ] = 0,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Are new drawings of unseen characters recognised in 20-way tests, and do they differ as real ones do?"""
    import allograph
    from allograph.evaluation.critics import default_critic
    from allograph.evaluation.oneshot import drawings_of, oneshot

    writer = allograph.load(model)
    chosen = 1.0 if whole and temperature is None else writer.temperature_for(temperature)

    result = oneshot(
        drawings_of(writer, chosen, whole=whole),
        _unseen(writer.card, data, split, part, data_dir),
        default_critic(),
        size=writer.model.config.image_size,
        trials=trials,
        setting=setting,
        seed=seed,
    )
    if as_json:
        print_json(
            {
                "sha256": writer.sha256,
                "temperature": chosen,
                "whole": whole,
                "split": split,
                "part": part,
                **result.to_dict(),
            }
        )
    else:
        print(f"{model} ({writer.sha256[:12]}) at temperature {chosen:g}, {part} part")
        print(result.table())


@evaluate.command()
def likelihood(
    model: ModelOption = "omniglot",
    data: DataOption = "omniglot",
    split: SplitOption = "30-20",
    part: PartOption = "validation",
    drawings: Annotated[
        int | None, typer.Option(min=2, help="For the free energy.", show_default="all of the part")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="K of the importance weighted bound.")] = 100,
    bound_drawings: Annotated[int, typer.Option(min=2, help="Drawings that the bound is taken over.")] = 1000,
    contexts: Annotated[int, typer.Option(min=1, help="Exemplars given with each drawing.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Of the choice of drawings and exemplars and of the noise.")
    ] = 0,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """How probable are unseen drawings, given another drawing of the same character, and without? In nats."""
    import allograph
    from allograph.evaluation.likelihood import evaluate_likelihood

    writer = allograph.load(model)
    result = evaluate_likelihood(
        writer.model,
        _unseen(writer.card, data, split, part, data_dir),
        size=writer.model.config.image_size,
        drawings=drawings,
        samples=samples,
        bound_drawings=bound_drawings,
        contexts=contexts,
        seed=seed,
    )
    if as_json:
        print_json({"sha256": writer.sha256, "split": split, "part": part, **result.to_dict()})
    else:
        print(f"{model} ({writer.sha256[:12]}), {part} part of {split}")
        print(result.table())


def _unseen(
    card: Mapping[str, Any], data: str, split: str, part: Literal["validation", "test"], data_dir: str | None
) -> ConceptDataset:
    """The part of the data to measure on, divided as for the model's training where it was trained on this data.

    Raises:
        AllographError: the model was trained on another division or other drawings of this data, so that it may have
            seen those that would be measured on.
    """
    from allograph.data.loading import DATASETS, load_dataset

    trained = card.get("data", {})
    name = data if data in DATASETS else Path(data).expanduser().resolve().name
    same = name == trained.get("name")
    # The seed of the training decided which characters of a folder were held out, and which strokes were made.
    seed = card.get("settings", {}).get("training", {}).get("seed", 0) if same else 0
    splits = load_dataset(data, data_dir, split, seed)
    for problem in splits.problems:
        say(problem.message)
    if same and splits.train.fingerprint() != trained.get("fingerprint"):
        seen = f"the model was trained on another division of {name}, so this part may hold drawings it has seen"
        if data == "omniglot":
            raise AllographError(f"{seen}: measure it with --split {trained.get('split')}")
        raise AllographError(f"{seen}: measure it on the images as they were then, or on a folder of another name")
    return splits.validation if part == "validation" else splits.test
