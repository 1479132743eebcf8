"""The three one-shot tasks: what each requires of a model, its characters, and how it is measured."""

from __future__ import annotations

__all__ = [
    "check_task",
    "draws_whole",
    "judged_part",
    "likelihood_context",
    "measure_task",
    "task_note",
    "training_drawings",
]

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from allograph.data.omniglot import OMNIGLOTS
from allograph.errors import AllographError
from allograph.evaluation.drawing import ContextDrawing, after_one
from allograph.evaluation.leakage import HeldOut, held_out_part
from allograph.evaluation.oneshot.alphabet import new_characters, picture_of_alphabets
from allograph.evaluation.oneshot.exemplars import from_exemplars, picture_of
from allograph.evaluation.oneshot.measures import Judges
from allograph.evaluation.oneshot.points import OneShotResult, Setting, Task
from allograph.evaluation.oneshot.unconditional import TrainingFeatures, from_nothing, picture_from_nothing

if TYPE_CHECKING:
    from PIL import Image

    from allograph.data import ConceptDataset, ExemplarKind
    from allograph.generation.generator import Writer


def check_task(writer: Writer, task: Task | Literal["turing", "topology"]) -> None:
    """Refuse a task that the model cannot do.

    Raises:
        AllographError: exemplars for a model that takes none; drawing an exemplar again with a model of alphabets;
            colour, which the critics do not see.
    """
    if writer.model.likelihood.channels != 1:
        raise AllographError("drawings are judged in ink or grey, but this model's drawings are in colour")
    if task == "unconditional":
        return
    if not writer.model.conditional:
        raise AllographError(
            f"this model takes no exemplar, so it cannot do the task {task}: measure it with --task unconditional, or "
            "train one with --preset omniglot-28-fewshot"
        )
    if task != "alphabet" and writer.card.exemplars == "family":
        raise AllographError(
            "this model makes new symbols of an alphabet; in training it never saw the symbol that it draws: measure "
            "it with --task alphabet"
        )


def task_note(writer: Writer, task: Task) -> str:
    """A note on a model that can do the task but was not trained for it; otherwise empty."""
    if task == "alphabet" and writer.card.exemplars == "concept":
        return (
            "the model was trained on exemplars of the same symbol, never on other symbols of its alphabet (the preset "
            "omniglot-alphabet trains for that)"
        )
    if task == "unconditional" and writer.model.conditional and writer.card.blank == 0:
        return "the model was never trained without an exemplar (data.blank = 0)"
    return ""


def draws_whole(writer: Writer, task: Task, asked: bool) -> bool:
    """Whether to use samples of the whole model instead of what `allograph write` shows; also true if that is the bent
    exemplar, which is not a new character."""
    return asked or (writer.model.bends_ink and task != "exemplars")


def likelihood_context(task: Task, given: int) -> tuple[int, ExemplarKind]:
    """The number of exemplars for a drawing's likelihood, and their relation to it."""
    match task:
        case "unconditional":
            return 0, "concept"
        case "exemplars":
            return 1, "concept"
        case "alphabet":
            return given, "family"


def judged_part(held_out: HeldOut, task: Task, data: str, data_dir: str | None) -> tuple[ConceptDataset, str]:
    """The drawings that the critics judge, and a note on them: in the split by characters, critics judge only alphabets
    that they were not trained on themselves.

    Raises:
        AllographError: the task needs unseen alphabets, but the split holds out none.
    """
    if data not in OMNIGLOTS or held_out.split != "characters":
        return held_out.dataset, ""
    if task == "alphabet":
        raise AllographError(
            "the split by characters holds out no alphabet: use a model trained with data.split=30-20, 40-10 or 45-5"
        )
    import numpy as np

    from allograph.data import load_dataset

    # The networks that ship know all characters of the training alphabets of the 30-20 split.
    seen = set(load_dataset(data, data_dir, "30-20").train.family_names)
    dataset = held_out.dataset
    unknown = [number for number, name in enumerate(dataset.family_names) if name not in seen]
    judged = dataset.select(np.flatnonzero(np.isin(dataset.family, unknown)))
    return judged, (
        f"the critics judge {judged.concepts} of the {dataset.concepts} characters, those of alphabets that they were "
        "not trained on; the likelihood covers all"
    )


def training_drawings(
    writer: Writer, data: str, judges: Judges, *, split: str | None, data_dir: str | None
) -> TrainingFeatures:
    """The model's training drawings, for the task ``unconditional``.

    Raises:
        AllographError: the model was trained on other data.
    """
    try:
        known = held_out_part(writer.card, data, "training", split=split, data_dir=data_dir)
    except AllographError as error:
        trained = writer.card.data.name or "unknown"
        raise AllographError(
            f"drawings from nothing are compared with the training drawings, but the model was trained on '{trained}' "
            f"and not on '{data}' as it is now: name the training data with --data"
        ) from error
    return TrainingFeatures.of(known.dataset, judges, writer.model.config.image_size)


def measure_task(
    task: Task,
    draw: ContextDrawing,
    dataset: ConceptDataset,
    judges: Judges,
    training: Callable[[], TrainingFeatures],
    *,
    size: int,
    setting: Setting,
    given: int,
    seed: int,
    **common: Any,
) -> tuple[OneShotResult, Callable[[], Image.Image]]:
    """The result of a task, and a function that makes its picture; ``common`` holds trials, progress and processes."""
    chosen: dict[str, Any] = {"size": size, "seed": seed}
    critics: dict[str, Any] = {"critic": judges.critic, "embedding": judges.embedding}
    match task:
        case "unconditional":
            known = training()
            result = from_nothing(draw, dataset, known, seed=seed, **common)
            return result, lambda: picture_from_nothing(draw, dataset, known, seed=seed)
        case "exemplars":
            redraw = after_one(draw)
            result = from_exemplars(redraw, dataset, setting=setting, **critics, **chosen, **common)
            return result, lambda: picture_of(redraw, dataset, setting=setting, **chosen)
        case "alphabet":
            result = new_characters(draw, dataset, given=given, **critics, **chosen, **common)
            return result, lambda: picture_of_alphabets(draw, dataset, given=given, **chosen)
