"""`allograph evaluate oneshot`: the three one-shot tasks, by critics, by likelihood and to look at."""

from __future__ import annotations

__all__ = ["oneshot"]

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from allograph.cli.console import (
    MAX_SEED,
    DataDirOption,
    JsonOption,
    TemperatureOption,
    ThreadsOption,
    print_json,
    say,
)
from allograph.cli.evaluate import ModelArgument, OverwriteRecord, PartOption, ResultsOption, SplitOption
from allograph.cli.measuring import measuring, report_problems
from allograph.errors import AllographError

_GIVEN = 5


def oneshot(
    model: ModelArgument = "omniglot",
    task: Annotated[
        Literal["unconditional", "exemplars", "alphabet"],
        typer.Option(
            help="Drawings from nothing; new drawings of a character given one; new characters of an alphabet given "
            "some of its characters."
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
            help="Of the task exemplars: characters of one alphabet at a time, or of all.", show_default="within"
        ),
    ] = None,
    given: Annotated[
        int | None,
        typer.Option(
            min=1, help="Of the task alphabet: characters of it that the model is shown.", show_default=str(_GIVEN)
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=2, help="Tests, each with its own characters.")] = 20,
    temperature: TemperatureOption = None,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Samples of the whole model, at temperature 1, not what write shows."),
    ] = False,
    samples: Annotated[int, typer.Option(min=1, help="K of the importance weighted bound.")] = 50,
    drawings: Annotated[int, typer.Option(min=2, help="Images for the free energy, at most.")] = 1000,
    bound_drawings: Annotated[int, typer.Option(min=2, help="Images that the bound is taken over.")] = 200,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Of the choice of characters, of the drawings and of the noise.")
    ] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """How well does a model draw from nothing, from one exemplar, or from some characters of an alphabet?

    Critics compare its drawings with real ones of unseen characters; beside them stand the free energy and the
    importance weighted bound of these, given as much. Writes all that a comparison needs to
    DIR/MODEL-DATA-PART-oneshot-TASK.json (of the task exemplars -exemplars-SETTING), and a picture beside it.
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

    for option, value, only in (("--setting", setting, "exemplars"), ("--given", given, "alphabet")):
        if value is not None and task != only:
            raise AllographError(f"{option} is for --task {only}: leave it out")

    import allograph
    from allograph.evaluation.critics.critic import default_critic
    from allograph.evaluation.drawing import context_drawings_of
    from allograph.evaluation.leakage import default_data, held_out_part
    from allograph.evaluation.likelihood.estimate import check_channels, evaluate_likelihood
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
    from allograph.evaluation.resume import remembering
    from allograph.generation.write import save_png

    writer = allograph.load(model)
    check_task(writer, task)
    data = data or default_data(writer.card)
    name = model_name(model)
    words = ["oneshot", task, *([setting or "within"] if task == "exemplars" else []), *(["whole"] if whole else [])]
    path = measurement_path(output, name, data_name(data), part, *words)
    picture = path.with_suffix(".png")
    check_free(path, picture, overwrite=overwrite)

    chosen = 1.0 if whole and temperature is None else writer.temperature_for(temperature)
    whole = draws_whole(writer, task, whole)
    draw = context_drawings_of(writer, chosen, whole=whole)
    size, judges = writer.model.config.image_size, Judges(default_critic())
    contexts, exemplars = likelihood_context(task, given or _GIVEN)
    with measuring("parts") as (processes, progress):
        held_out = processes.first_here_first(
            lambda: held_out_part(writer.card, data, part, split=split, data_dir=data_dir)
        )
        report_problems(held_out.problems)
        check_channels(writer.model, held_out.dataset)
        judged, left_out = judged_part(held_out, task, data, data_dir)
        note = "; ".join(filter(None, (task_note(writer, task), left_out)))
        if note:
            say(note)
        asked: dict[str, Any] = {"setting": setting or "within", "given": given or _GIVEN, "seed": seed}
        nats: dict[str, Any] = {
            "drawings": min(drawings, len(held_out.dataset)),
            "samples": samples,
            "bound_drawings": bound_drawings,
            "contexts": contexts,
            "exemplars": exemplars,
            "binarisation": writer.card.binarisation,
            "seed": seed,
        }
        device = processes.device()
        about = {
            "weights": writer.sha256,
            "data": held_out.dataset.fingerprint(),
            "judged": judged.fingerprint(),
            "judges": [judges.critic.fingerprint, judges.embedding.fingerprint],
            "task": task,
            "trials": trials,
            "temperature": chosen,
            "whole": whole,
            "device": device[:4],
        }
        with remembering(processes, path, about | asked | {"likelihood": nats}) as remembered:
            result, picture_made = measure_task(
                task,
                draw,
                judged,
                judges,
                lambda: training_drawings(writer, data, judges, split=split, data_dir=data_dir),
                size=size,
                trials=trials,
                progress=lambda done, total: progress(done, 2 * total),
                processes=remembered,
                **asked,
            )
            likelihood = evaluate_likelihood(
                writer.model,
                held_out.dataset,
                size=size,
                device=device,
                progress=lambda done, total: progress(trials + trials * done // total, 2 * trials),
                processes=remembered,
                **nats,
            )
            if not processes.first:
                return
            options: list[object] = ["--task", task, "--data", shown_data(data), "--part", part]
            options += ["--setting", asked["setting"]] if task == "exemplars" else []
            options += ["--given", asked["given"]] if task == "alphabet" else []
            options += ["--trials", trials, "--temperature", chosen, *(["--whole"] if words[-1] == "whole" else [])]
            options += ["--samples", samples, "--drawings", likelihood.images]
            options += ["--bound-drawings", likelihood.bound_images]
            options += ["--seed", seed, *(["--split", held_out.split] if held_out.split else [])]
            command = measurement_command("oneshot", model, *options)
            record = measurement_record("oneshot", writer, name, result, split=held_out.split, part=part, command=command)
            guidance = 1.0 if whole or task == "unconditional" else writer.guidance
            record |= {
                "temperature": chosen,
                "guidance": guidance,
                "whole": whole,
                "note": note,
                "likelihood": likelihood.to_dict(),
            }
            save_record(path, record, overwrite)
            save_png(picture_made(), picture)
    if as_json:
        print_json(record)
    else:
        print(f"{model} ({writer.sha256[:12]}) at temperature {chosen:g}, guidance {guidance:g}, {part} part")
        print(result.table())
        print(likelihood.by_contexts())
        print(f"{path}: the same and more, as JSON; {picture.name}: pictures")
