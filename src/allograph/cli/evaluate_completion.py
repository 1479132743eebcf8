"""`allograph evaluate completion`: how well a model completes the hidden half of a drawing."""

from __future__ import annotations

__all__ = ["completion"]

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from allograph.cli.console import MAX_SEED, DataDirOption, JsonOption, ThreadsOption
from allograph.cli.evaluate import DataOption, ModelArgument, OverwriteRecord, PartOption, ResultsOption, SplitOption
from allograph.cli.measuring import held_out_data, measure
from allograph.errors import AllographError


def completion(
    model: ModelArgument = "omniglot-28-fewshot",
    data: DataOption = "omniglot-28",
    split: SplitOption = None,
    part: PartOption = "validation",
    hidden: Annotated[Literal["left", "right", "top", "bottom"], typer.Option(help="The half to hide.")] = "right",
    trials: Annotated[int, typer.Option(min=2, help="Number of trials, each of one alphabet.")] = 10,
    ways: Annotated[
        int, typer.Option(min=2, help="Number of characters in a trial; one drawing of each is completed.")
    ] = 20,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of completions of each drawing.")] = 4,
    particles: Annotated[
        int, typer.Option(min=1, help="Number of latents that each completion chooses from in a round.")
    ] = 16,
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds.")] = 4,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of all choices and of the noise.")] = 0,
    output: ResultsOption = Path("results"),
    overwrite: OverwriteRecord = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Measure how well a model completes the hidden half of a drawing, without an exemplar and with one.

    Gives the nats of the hidden half, alone and given the visible half, and how often a critic recognises the character
    among 20 of its alphabet. Writes DIR/MODEL-DATA-PART-completion-HALF.json.
    """
    from allograph import weights
    from allograph.evaluation.completion import CompletionResult, evaluate_completion
    from allograph.evaluation.critics.critic import default_critic
    from allograph.evaluation.leakage import HeldOut
    from allograph.evaluation.records import check_free, data_name, measurement_path, model_name, shown_data
    from allograph.evaluation.runner import Findings, Measurement, Plan, Progress

    name = model_name(model)
    path = measurement_path(output, name, data_name(data), part, "completion", hidden)
    check_free(path, overwrite=overwrite)
    loaded = weights.load(model)
    if not loaded.model.likelihood.binary or loaded.model.likelihood.channels != 1:
        raise AllographError("the critic recognises ink on paper: choose a model of symbols or digits")
    contexts = (0, 1) if loaded.model.conditional else (0,)
    settings: dict[str, Any] = {"hidden": hidden, "trials": trials, "ways": ways, "n": n}
    settings |= {"particles": particles, "rounds": rounds, "seed": seed}

    def plan(held_out: HeldOut, device: str, progress: Progress) -> Plan[CompletionResult]:
        dataset, critic = held_out.dataset, default_critic()
        how: dict[str, Any] = {"size": loaded.model.config.image_size, "contexts": contexts, **settings}
        words: list[object] = ["--data", shown_data(data), "--part", part, "--hidden", hidden, "--trials", trials]
        words += ["--ways", ways, "-n", n, "--particles", particles, "--rounds", rounds, "--seed", seed]
        words += ["--split", held_out.split] if held_out.split else []
        return Plan(
            held_out.split,
            {"data": dataset.fingerprint(), "critic": critic.fingerprint, "contexts": contexts, **settings},
            lambda processes: evaluate_completion(
                loaded.model, dataset, critic, progress=progress, processes=processes, **how
            ),
            lambda result: Findings(words),
        )

    find = held_out_data(loaded.card, data, part, split=split, data_dir=data_dir)
    measurement = Measurement("completion", model, name, loaded, part, path, overwrite, find, plan)
    measure(measurement, "trials", as_json, f"{name} ({loaded.sha256[:12]})")
