"""`allograph train`: train a model on your own data, or the shipped one again."""

from __future__ import annotations

__all__ = ["parse_duration", "train"]

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allograph.cli.console import MAX_SEED, STOPPED, DataDirOption, Stopped, ThreadsOption, say
from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.config import Preset
    from allograph.weights import LoadedWeights

_PRESET = "omniglot-bending"
"""Learns from scratch, at the size of the model that ships."""

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def train(
    data: Annotated[
        str,
        typer.Argument(
            help="A known data set, such as omniglot or mnist, or a folder FOLDER/CLASS/*.png.", metavar="DATA"
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the run.", show_default="runs/DATA", metavar="DIR")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Start from these weights: a known name or a file.", metavar="FILE|NAME"),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings: a known preset or a TOML file.",
            show_default=f"the settings of the weights of --from, otherwise {_PRESET}",
            metavar="P",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Set any field of the preset, e.g. --set hidden=512. May be repeated.", metavar="KEY=VALUE"
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print every field with its value and train nothing.")] = False,
    max_steps: Annotated[
        int | None, typer.Option(help="Length of the run in steps.", show_default="the preset's")
    ] = None,
    max_time: Annotated[
        str | None, typer.Option(help="Stop after this time, e.g. 2h, 90m or 1h30m.", metavar="TIME")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MAX_SEED,
            help="Seed of the data order, the first weights and the noise.",
            show_default="the preset's",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in DIR.")] = False,
    data_dir: DataDirOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Train a model on DATA; the training state and the finished model.safetensors go to DIR.

    If a run is stopped, by Ctrl-C, --max-time or a crash, the same command with --resume continues it. Under torchrun
    or srun, several processes train together, each on its own device.
    """
    words = list(settings or [])
    words += [f"training.max_steps={max_steps}"] if max_steps is not None else []
    words += [f"training.seed={seed}"] if seed is not None else []
    seconds = None if max_time is None else parse_duration(max_time)

    from allograph import weights
    from allograph.config import preset_fields
    from allograph.presets import load_preset

    if start is None:
        preset = preset or _PRESET
    initial, chosen = None, load_preset(preset, words) if preset else None
    if show:
        shown = chosen or _settings_of(weights.load(str(start)), str(start), words)
        for key, value in preset_fields(shown).items():
            print(f"{key} = {value!r}")
        return

    from allograph.data.registry import DATASETS, load_dataset
    from allograph.runtime.distributed import joined
    from allograph.training import check_folder, fit

    name = Path(data).resolve().name if Path(data).exists() else data
    folder = output or Path("runs") / name
    # The command that makes the same weights again, without this machine's folders. A folder named like a data set is
    # "./NAME".
    source = f"./{name}" if name in DATASETS and data != name else name
    command = shlex.join(
        [
            "allograph",
            "train",
            source,
            *([f"--preset={Path(preset).name}"] if preset else []),
            *([f"--from={Path(start).name}"] if start else []),
            *(f"--set={word}" for word in words),
        ]
    )
    try:
        with joined(
            "run the same command with --resume to continue from the last saved state", training=True
        ) as processes:
            processes.by_first(lambda: check_folder(folder, resume))
            if start is not None:
                initial = weights.load(start)
                chosen = chosen or _settings_of(initial, start, words)
            assert chosen is not None
            used = chosen
            splits = processes.first_here_first(
                lambda: load_dataset(data, data_dir, used.data.split, used.training.seed, used.data.images)
            )
            for problem in splits.problems:
                say(problem.message)
            fitted = fit(
                splits,
                used,
                folder,
                preset_name=preset or "",
                resume=resume,
                max_seconds=seconds,
                command=command,
                initial=initial,
                processes=processes,
            )
    except KeyboardInterrupt:
        raise Stopped("stopped; run the same command with --resume to continue from the last saved state") from None
    if not processes.first:
        raise typer.Exit(STOPPED if fitted.ended == "interrupted" else 0)
    steps = used.training.max_steps
    figures = ", ".join(f"{key.replace('_', ' ')} {value:.2f} nats" for key, value in fitted.validation.items())
    print(f"{fitted.path}: step {fitted.step} of {steps}, {fitted.seconds:.0f} s; validation {figures}")
    if fitted.ended == "interrupted":
        raise Stopped(
            f"stopped at step {fitted.step} of {steps}; everything is saved; run the same command with --resume to "
            "continue"
        )
    if fitted.ended == "time":
        say(f"the time is up at step {fitted.step} of {steps}; run the same command with --resume to continue")


def _settings_of(initial: LoadedWeights, name: str, words: list[str]) -> Preset:
    """The settings on the weights' card, with the ``key=value`` words on top."""
    from allograph.config import Preset, from_dict, override, to_dict

    known = initial.card.get("settings", {})
    known = {key: known.get(key, {}) for key in ("data", "training")}
    table = {"model": to_dict(initial.model.config), **known}
    try:
        from_dict(Preset, override(table, []))
    except AllographError as error:
        raise AllographError(
            f"the settings on the card of {name} are from another version ({error}): choose a --preset"
        ) from None
    return from_dict(Preset, override(table, words))


def parse_duration(text: str) -> float:
    """Seconds in a time like 2h, 90m, 45s or 1h30m; a bare number is an error, since its unit is unknown."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text.lower())
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if "".join(f"{number}{unit}" for number, unit in parts) != text.lower() or seconds <= 0:
        raise AllographError(f"{text!r} is not a time; write hours, minutes or seconds like 2h, 90m, 45s or 1h30m")
    return seconds
