"""The three one-shot tasks: what each asks of a model, on which characters, and how it is measured."""

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
from typing import TYPE_CHECKING, Any

from allograph.data.omniglot import OMNIGLOTS
from allograph.errors import AllographError
from allograph.evaluation.drawing import ContextDrawing, after_one
from allograph.evaluation.leakage import Unseen, unseen_part
from allograph.evaluation.oneshot.alphabet import new_characters, picture_of_alphabets
from allograph.evaluation.oneshot.exemplars import from_exemplars, picture_of
from allograph.evaluation.oneshot.measures import Judges
from allograph.evaluation.oneshot.points import OneShotResult, Setting, Task
from allograph.evaluation.oneshot.unconditional import SeenTraining, from_nothing, picture_from_nothing
from allograph.models.bending import BendingModel
from allograph.weights import exemplars_of

if TYPE_CHECKING:
    from PIL import Image

    from allograph.data import ConceptDataset, ExemplarKind
    from allograph.generation.generator import Writer


def check_task(writer: Writer, task: Task) -> None:
    """Refuse a task that the model cannot do.

    Raises:
        AllographError: exemplars for a model that takes none; an exemplar to be drawn again by a model of alphabets;
            colour, which the critics do not see.
    """
    if writer.model.likelihood.channels != 1:
        raise AllographError("the critics judge drawings in ink or grey, and this model's are in colour")
    if task == "unconditional":
        return
    if not writer.model.conditional:
        raise AllographError(
            f"this model takes no exemplar, so it cannot do the task {task}: measure it with --task unconditional, or "
            "train one with --preset omniglot-28-fewshot"
        )
    if task == "exemplars" and exemplars_of(writer.card) == "family":
        raise AllographError(
            "this model makes new symbols of an alphabet and was never shown the symbol that it draws: measure it with "
            "--task alphabet"
        )


def task_note(writer: Writer, task: Task) -> str:
    """What has to be known of a model that can do the task without having been trained for it; else empty."""
    if task == "alphabet" and exemplars_of(writer.card) == "concept":
        return (
            "the model was trained on exemplars of the very symbol that it draws, never on others of its alphabet "
            "(preset omniglot-alphabet trains for that)"
        )
    blank = writer.card.get("settings", {}).get("data", {}).get("blank")
    if task == "unconditional" and writer.model.conditional and blank == 0:
        return "the model was never trained without exemplar (data.blank = 0)"
    return ""


def draws_whole(writer: Writer, task: Task, asked: bool) -> bool:
    """Whether drawings are samples of the whole model and not what `allograph write` shows: also where that is the
    exemplar bent, which is no new character."""
    bends = isinstance(writer.model, BendingModel) and writer.model.bends_ink
    return asked or (bends and task != "exemplars")


def likelihood_context(task: Task, given: int) -> tuple[int, ExemplarKind]:
    """How many exemplars a drawing's likelihood is conditioned on, and what they are to it."""
    match task:
        case "unconditional":
            return 0, "concept"
        case "exemplars":
            return 1, "concept"
        case "alphabet":
            return given, "family"


def judged_part(unseen: Unseen, task: Task, data: str, data_dir: str | None) -> tuple[ConceptDataset, str]:
    """What the critics judge, and what has to be known of it: of the split by characters they judge only alphabets that
    they were not trained on themselves.

    Raises:
        AllographError: the task takes alphabets that the model has not seen, and the split holds out none.
    """
    if data not in OMNIGLOTS or unseen.split != "characters":
        return unseen.dataset, ""
    if task == "alphabet":
        raise AllographError(
            "the split by characters holds out no alphabet: take a model that was trained with data.split=30-20, 40-10 "
            "or 45-5"
        )
    import numpy as np

    from allograph.data import load_dataset

    # The networks that ship know all characters of the training alphabets of the 30-20 split.
    seen = set(load_dataset(data, data_dir, "30-20").train.family_names)
    dataset = unseen.dataset
    unknown = [number for number, name in enumerate(dataset.family_names) if name not in seen]
    judged = dataset.select(np.flatnonzero(np.isin(dataset.family, unknown)))
    return judged, (
        f"the critics judge {judged.concepts} of the {dataset.concepts} characters, those of alphabets that they were "
        "not trained on; the likelihood is of all"
    )


def training_drawings(
    writer: Writer, data: str, judges: Judges, *, split: str | None, data_dir: str | None
) -> SeenTraining:
    """What the model was trained on, for the task ``unconditional``.

    Raises:
        AllographError: it was trained on other data.
    """
    try:
        known = unseen_part(writer.card, data, "training", split=split, data_dir=data_dir)
    except AllographError as error:
        trained = writer.card.get("data", {}).get("name", "unknown")
        raise AllographError(
            f"drawings from nothing are compared with those of the training, which was on '{trained}' and not on "
            f"'{data}' as it is: name the data of the training with --data"
        ) from error
    return SeenTraining.of(known.dataset, judges, writer.model.config.image_size)


def measure_task(
    task: Task,
    draw: ContextDrawing,
    dataset: ConceptDataset,
    judges: Judges,
    training: Callable[[], SeenTraining],
    *,
    size: int,
    setting: Setting,
    given: int,
    seed: int,
    **common: Any,
) -> tuple[OneShotResult, Callable[[], Image.Image]]:
    """The figures of a task, and what makes its picture; ``common`` are the trials, progress and processes."""
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
