"""`allograph evaluate oneshot`: the one-shot tasks, judged by critics and likelihood or by shapes alone, with
pictures."""

from __future__ import annotations

__all__ = ["oneshot"]

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from allograph.cli.console import (
    MAX_SEED,
    AttemptsOption,
    DataDirOption,
    GuidanceOption,
    JsonOption,
    TemperatureOption,
    ThreadsOption,
    say,
)
from allograph.cli.evaluate import ModelArgument, OverwriteRecord, PartOption, ResultsOption, SplitOption
from allograph.cli.measuring import adjusted_options, adjusted_words, drawn_by, held_out_data, measure
from allograph.errors import AllographError
from allograph.runtime.distributed import Processes

if TYPE_CHECKING:
    from PIL import Image

    from allograph.evaluation.likelihood.result import LikelihoodResult
    from allograph.evaluation.oneshot.points import OneShotResult

_GIVEN = 5
_TRIALS, _SAMPLES, _DRAWINGS, _BOUND_DRAWINGS = 20, 50, 1000, 200
_STEPS = 400

_SHAPES = ("turing", "topology")
_OTHERS = ("unconditional", "exemplars", "alphabet")
_OF_TASKS = {
    "setting": ("exemplars",),
    "given": ("alphabet",),
    "size": _SHAPES,
    "characters": _SHAPES,
    "steps": ("turing",),
    **dict.fromkeys(("trials", "whole", "samples", "drawings", "bound_drawings"), _OTHERS),
}
"""The tasks that an option is for."""


def oneshot(
    model: ModelArgument = "omniglot",
    task: Annotated[
        Literal["unconditional", "exemplars", "alphabet", "turing", "topology"],
        typer.Option(
            help="Drawings from nothing; new drawings of a character, from one drawing of it; new characters of an "
            "alphabet, from some of its characters; whether a network tells new drawings from people's; whether they "
            "have the exemplar's parts, holes, ends and crossings."
        ),
    ] = "exemplars",
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="A known data set, or a folder FOLDER/CLASS/*.png.",
            show_default="omniglot, as the model's training saw it",
        ),
    ] = None,
    split: SplitOption = None,
    part: PartOption = "validation",
    setting: Annotated[
        Literal["within", "across"] | None,
        typer.Option(
            help="For the task exemplars: take the characters of one alphabet at a time, or of all.",
            show_default="within",
        ),
    ] = None,
    given: Annotated[
        int | None,
        typer.Option(
            min=1, help="For the task alphabet: number of characters that the model sees.", show_default=str(_GIVEN)
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(min=2, help="Number of trials, each with its own characters.", show_default=str(_TRIALS)),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=16,
            help="For the tasks turing and topology: side in pixels at which shapes are judged, such as 28, 52 or 105.",
            show_default="that of the model's images",
        ),
    ] = None,
    characters: Annotated[
        int | None,
        typer.Option(
            min=4, help="For the same tasks: number of characters, chosen at random.", show_default="all of them"
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="For the task turing: training steps of each network.", show_default=str(_STEPS)),
    ] = None,
    temperature: TemperatureOption = None,
    guidance: GuidanceOption = None,
    attempts: AttemptsOption = None,
    whole: Annotated[
        bool,
        typer.Option(
            "--whole", help="Judge samples of the whole model at temperature 1 instead of what `write` shows."
        ),
    ] = False,
    samples: Annotated[
        int | None, typer.Option(min=1, help="K of the importance weighted bound.", show_default=str(_SAMPLES))
    ] = None,
    drawings: Annotated[
        int | None,
        typer.Option(min=2, help="Largest number of images for the free energy.", show_default=str(_DRAWINGS)),
    ] = None,
    bound_drawings: Annotated[
        int | None, typer.Option(min=2, help="Number of images for the bound.", show_default=str(_BOUND_DRAWINGS))
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Seed of the choice of characters, the drawings and the noise.")
    ] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Measure how well a model draws from nothing, from one exemplar, or from some characters of an alphabet.

    Critics compare its drawings with real drawings of unseen characters. The free energy and the importance weighted
    bound of the real drawings, given the same exemplars, are measured too. The tasks turing and topology look at new
    drawings from one exemplar more strictly, as shapes beside people's. Everything that a comparison needs goes to
    DIR/MODEL-DATA-PART-oneshot-TASK.json (for the task exemplars -exemplars-SETTING, for turing and topology
    -TASK-SIZE), with a picture beside it.
    """
    values = locals()
    for option, only in _OF_TASKS.items():
        if values[option] not in (None, False) and task not in only:
            words = " and ".join(f"--task {one}" for one in only)
            raise AllographError(f"--{option.replace('_', '-')} is only for {words}: leave it out")
    if task == "turing" or task == "topology":
        from allograph.cli.evaluate_shapes import measure_shapes

        return measure_shapes(
            task,
            model,
            data=data,
            split=split,
            part=part,
            size=size,
            characters=characters,
            steps=steps,
            temperature=temperature,
            guidance=guidance,
            attempts=attempts,
            seed=seed,
            output=output,
            overwrite=overwrite,
            data_dir=data_dir,
            as_json=as_json,
        )
    trials = _TRIALS if trials is None else trials
    samples, drawings = samples or _SAMPLES, drawings or _DRAWINGS
    bound_drawings = bound_drawings or _BOUND_DRAWINGS

    import allograph
    from allograph.evaluation.critics.critic import default_critic
    from allograph.evaluation.drawing import context_drawings_of
    from allograph.evaluation.leakage import HeldOut, default_data
    from allograph.evaluation.likelihood.checks import check_channels
    from allograph.evaluation.likelihood.estimate import evaluate_likelihood
    from allograph.evaluation.oneshot.measures import Judges
    from allograph.evaluation.oneshot.tasks import (
        check_task,
        draws_whole,
        judged_part,
        likelihood_context,
        measure_task,
        task_note,
        training_drawings,
    )
    from allograph.evaluation.records import check_free, data_name, measurement_path, model_name, shown_data
    from allograph.evaluation.runner import Findings, Measurement, Plan, Progress

    none = whole or task == "unconditional"
    # New characters of an alphabet have parts and holes of their own.
    for option, value, senseless in (("guidance", guidance, none), ("attempts", attempts, none or task == "alphabet")):
        if value is not None and senseless:
            raise AllographError(f"--{option} is for drawings after exemplars of the same symbol: leave it out")
    writer = allograph.load(model).guided(guidance).with_attempts(1 if task == "alphabet" else attempts)
    check_task(writer, task)
    data = data or default_data(writer.card)
    name = model_name(model)
    words = ["oneshot", task, *([setting or "within"] if task == "exemplars" else []), *(["whole"] if whole else [])]
    path = measurement_path(output, name, data_name(data), part, *words, *adjusted_words(guidance, attempts))
    check_free(path, path.with_suffix(".png"), overwrite=overwrite)

    chosen = 1.0 if whole and temperature is None else writer.temperature_for(temperature)
    asked_whole, whole = whole, draws_whole(writer, task, whole)
    drawn: dict[str, Any] = writer.adjusted
    if whole or task == "unconditional":
        drawn = {"guidance": 1.0, "attempts": 1}
    adjusted = adjusted_options(guidance, attempts)
    draw = context_drawings_of(writer, chosen, whole=whole)
    side, judges = writer.model.config.image_size, Judges(default_critic())
    contexts, exemplars = likelihood_context(task, given or _GIVEN)
    asked: dict[str, Any] = {"setting": setting or "within", "given": given or _GIVEN, "seed": seed}

    def plan(held_out: HeldOut, device: str, progress: Progress) -> Plan[_Both]:
        dataset = held_out.dataset
        check_channels(writer.model, dataset)
        judged, left_out = judged_part(held_out, task, data, data_dir)
        if note := "; ".join(filter(None, (task_note(writer, task), left_out))):
            say(note)
        nats: dict[str, Any] = {
            "drawings": min(drawings, len(dataset)),
            "samples": samples,
            "bound_drawings": bound_drawings,
            "contexts": contexts,
            "exemplars": exemplars,
            "binarisation": writer.card.binarisation,
            "seed": seed,
        }

        def measured(processes: Processes) -> _Both:
            result, picture = measure_task(
                task,
                draw,
                judged,
                judges,
                lambda: training_drawings(writer, data, judges, split=split, data_dir=data_dir),
                size=side,
                trials=trials,
                progress=lambda done, total: progress(done, 2 * total),
                processes=processes,
                **asked,
            )
            likelihood = evaluate_likelihood(
                writer.model,
                dataset,
                size=side,
                device=device,
                progress=lambda done, total: progress(trials + trials * done // total, 2 * trials),
                processes=processes,
                **nats,
            )
            return _Both(result, likelihood, picture)

        def findings(both: _Both) -> Findings:
            options: list[object] = ["--task", task, "--data", shown_data(data), "--part", part]
            options += ["--setting", asked["setting"]] if task == "exemplars" else []
            options += ["--given", asked["given"]] if task == "alphabet" else []
            options += ["--trials", trials, "--temperature", chosen, *adjusted, *(["--whole"] if asked_whole else [])]
            options += ["--samples", samples, "--drawings", both.likelihood.images]
            options += ["--bound-drawings", both.likelihood.bound_images]
            options += ["--seed", seed, *(["--split", held_out.split] if held_out.split else [])]
            more = {"temperature": chosen, **drawn, "whole": whole, "note": note}
            return Findings(options, more, picture=both.picture)

        inputs = {
            "data": dataset.fingerprint(),
            "judged": judged.fingerprint(),
            "judges": [judges.critic.fingerprint, judges.embedding.fingerprint],
            "task": task,
            "trials": trials,
            "temperature": chosen,
            **drawn,
            "whole": whole,
            "likelihood": nats,
        }
        return Plan(held_out.split, inputs | asked, measured, findings)

    find = held_out_data(writer.card, data, part, split=split, data_dir=data_dir)
    measurement = Measurement("oneshot", model, name, writer, part, path, overwrite, find, plan)
    measure(measurement, "parts", as_json, drawn_by(model, writer.sha256, chosen, **drawn))


@dataclass(frozen=True)
class _Both:
    """What the critics found, and the likelihood."""

    oneshot: OneShotResult
    likelihood: LikelihoodResult
    picture: Callable[[], Image.Image]

    def to_dict(self) -> dict[str, Any]:
        return self.oneshot.to_dict() | {"likelihood": self.likelihood.to_dict()}

    def table(self) -> str:
        return f"{self.oneshot.table()}\n{self.likelihood.by_contexts()}"
