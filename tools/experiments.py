"""Trains and measures what docs/numbers.md shows: every experiment of tools/experiments.toml without a result file.

    python tools/experiments.py --list
    python tools/experiments.py --core 0 --group steps            # and, at the same time, another one with --core 1
    python tools/numbers_page.py                                       # then makes the page

Each experiment is trained for its number of minutes. Two short runs first measure how many steps these are, and the
learning rate's schedule spans them. All runs use one thread. The same command continues a run that was stopped. Results
go to docs/results/NAME.json, runs to runs/experiments/NAME; data sets are found as by `allograph` itself.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
LIST, RESULTS, RUNS = ROOT / "tools/experiments.toml", ROOT / "docs/results", ROOT / "runs/experiments"
GROUPS = ("family", "steps", "attention", "canvas", "paper")
WARM_UP, MEASURED = 5, 20
"""Seconds of the first calibration run, and how many more the second takes: the difference excludes start and
warm-up."""
HEARTBEAT = 5.0


class Failed(Exception):
    """An experiment that could not be done; the message says why."""


@dataclass(frozen=True)
class Experiment:
    """One model, trained and measured.

    Attributes:
        name: name of the result file and of the run's folder.
        groups: the tables of docs/numbers.md that show it.
        data, preset, set: as `allograph train` takes them.
        minutes: minutes of training.
        part, samples, bound_drawings, contexts: as `allograph evaluate likelihood` takes them.
    """

    name: str
    groups: tuple[str, ...]
    data: str
    preset: str
    minutes: float
    set: tuple[str, ...] = ()
    part: str = "validation"
    samples: int = 100
    bound_drawings: int = 1000
    contexts: int | str | None = None

    @property
    def result(self) -> Path:
        return RESULTS / f"{self.name}.json"

    @property
    def run(self) -> Path:
        return RUNS / self.name

    @property
    def plan(self) -> Path:
        return RUNS / f"{self.name}.plan.json"

    def train(self, folder: Path, *words: str) -> list[str]:
        """The command that trains it."""
        settings = [word for setting in self.set for word in ("--set", setting)]
        return ["train", self.data, "--preset", self.preset, *settings, *words, "-o", str(folder.relative_to(ROOT))]

    def evaluate(self) -> list[str]:
        """The command that measures it."""
        words = ["--part", self.part, "--samples", str(self.samples), "--bound-drawings", str(self.bound_drawings)]
        words += [] if self.contexts is None else ["--contexts", str(self.contexts)]
        folder = str(self.run.relative_to(ROOT))
        words += ["-o", folder, "--overwrite", "--json"]
        return ["evaluate", "likelihood", f"{folder}/model.safetensors", self.data, *words]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="this experiment; repeat it")
    parser.add_argument("--group", choices=GROUPS, help="the experiments of one group")
    parser.add_argument("--core", type=int, metavar="N", help="run on this processor core alone")
    parser.add_argument("--list", action="store_true", help="say what there is and what is done")
    options = parser.parse_args()
    try:
        chosen = choose(read_experiments(LIST), options.only, options.group)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.list:
        for one in chosen:
            print(f"{'done' if one.result.exists() else 'to do':6} {', '.join(one.groups):26} {one.name}")
        return 0
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    return run_all(chosen)


def read_experiments(path: Path) -> list[Experiment]:
    """The list.

    Raises ValueError: an unknown key or group, a missing one, a name that is used twice.
    """
    experiments = []
    for table in tomllib.loads(path.read_text(encoding="utf-8")).get("experiment", []):
        try:
            fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
            experiment = Experiment(**fields)
        except TypeError as error:
            raise ValueError(f"{path.name}, {table.get('name')}: {error}") from None
        known = experiment.groups and set(experiment.groups) <= set(GROUPS)
        if not known or not re.fullmatch(r"[\w.-]+", experiment.name):
            raise ValueError(f"{path.name}: {experiment.name!r} of groups {experiment.groups!r} cannot be")
        experiments.append(experiment)
    names = [experiment.name for experiment in experiments]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name}: {', '.join(sorted(twice))} stands there twice")
    return experiments


def choose(experiments: list[Experiment], only: list[str] | None, group: str | None) -> list[Experiment]:
    """The experiments with these names and of this group."""
    known = {experiment.name for experiment in experiments}
    if unknown := set(only or ()) - known:
        raise ValueError(f"no experiment is called {', '.join(sorted(unknown))}; see --list")
    return [e for e in experiments if (not only or e.name in only) and (group is None or group in e.groups)]


def run_all(experiments: list[Experiment]) -> int:
    """Does everything that has no result and that no other process is doing; returns 1 if something failed."""
    failed = 0
    for experiment in experiments:
        lock = None if experiment.result.exists() else take(experiment)
        if lock is None:
            continue
        with lock:
            try:
                if not experiment.result.exists():  # another process may have finished it just now
                    run_one(experiment)
            except Failed as error:
                print(f"{experiment.name}: {error}", file=sys.stderr, flush=True)
                failed = 1
    return failed


def take(experiment: Experiment) -> IO[str] | None:
    """The lock of an experiment, if no other process has it; closing it or the end of the process releases it."""
    RUNS.mkdir(parents=True, exist_ok=True)
    lock = (RUNS / f"{experiment.name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def run_one(experiment: Experiment) -> None:
    """Calibrates, trains, measures, and writes the result file: that of the measurement, with an ``experiment``."""
    from allograph.evaluation.records import save_record

    plan = json.loads(experiment.plan.read_text()) if experiment.plan.exists() else calibrate(experiment)
    if plan["experiment"] != described(experiment):
        raise Failed(f"it began with other settings: remove {experiment.plan.name} and {experiment.name} in {RUNS}")
    length = ("--set", f"training.max_steps={plan['steps']}", "--set", f"training.validate_every={plan['steps']}")
    say(experiment, f"{plan['steps']:,} steps at {plan['steps_per_second']:.2f} a second")

    def heard(seconds: float) -> None:
        plan["train_seconds"] += seconds
        write_json(experiment.plan, plan)

    command = experiment.train(experiment.run, *length)
    if not plan["trained"]:
        call([*command, *(["--resume"] if (experiment.run / "run.json").exists() else [])], heard)
        plan["trained"] = True
        write_json(experiment.plan, plan)
    say(experiment, f"trained in {plan['train_seconds'] / 60:.1f} minutes, measuring")
    record, cores = json.loads(call(experiment.evaluate())), len(os.sched_getaffinity(0))
    record["experiment"] = {
        "name": experiment.name,
        **{key: getattr(experiment, key) for key in ("groups", "data", "preset", "minutes")},
        "settings": experiment.set,
        **{key: plan[key] for key in ("steps", "steps_per_second")},
        "train_seconds": round(plan["train_seconds"], 1),
        "images_per_second": plan["steps_per_second"] * plan["batch_size"],
        "machine": f"{cores} core{'s' if cores > 1 else ''}, {record['machine']}",
        "commit": ", measured with ".join(dict.fromkeys([plan["commit"], commit()])),
        "command": shlex.join(["allograph", *command]),
    }
    save_record(experiment.result, record, overwrite=True)
    bound = (record["given"] or record["without"])["bound"]
    say(experiment, f"bound {bound['mean']:.2f} ± {bound['error']:.2f} nats")


def calibrate(experiment: Experiment) -> dict[str, Any]:
    """The number of steps in the experiment's minutes, from how many more a run takes in `MEASURED` more seconds."""
    from allograph.presets import load_preset

    reached = []
    for seconds in (WARM_UP, WARM_UP + MEASURED):
        folder = RUNS / f"{experiment.name}.calibration"
        shutil.rmtree(folder, ignore_errors=True)
        # No validation within: it would count as training.
        length = ("--set", "training.max_steps=10000000", "--set", "training.validate_every=10000000")
        said = call(experiment.train(folder, *length, "--max-time", f"{seconds}s"))
        shutil.rmtree(folder, ignore_errors=True)
        found = re.search(r": step (\d+) of", said)
        if not found:
            raise Failed(f"the calibration did not say how many steps it took: {said!r}")
        reached.append(int(found[1]))
    speed = (reached[1] - reached[0]) / MEASURED
    if speed <= 0:
        raise Failed(f"no step was taken in {MEASURED} seconds")
    plan = {
        "experiment": described(experiment),
        "steps": max(1, round(60 * experiment.minutes * speed)),
        "steps_per_second": speed,
        "batch_size": load_preset(experiment.preset, experiment.set).training.batch_size,
        "train_seconds": 0.0,
        "trained": False,
        "commit": commit(),
    }
    write_json(experiment.plan, plan)
    return plan


def described(experiment: Experiment) -> dict[str, Any]:
    """What its training depends on."""
    return {key: getattr(experiment, key) for key in ("data", "preset", "minutes")} | {"set": list(experiment.set)}


def call(words: list[str], heard: Callable[[float], None] | None = None) -> str:
    """Runs an `allograph` command on one thread, in the repository; returns what it printed. ``heard`` is called every
    few seconds with the seconds so far, including the start of Python.

    Raises Failed: with the last line of its messages.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "allograph", *words]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)
    last, out, err = time.monotonic(), "", ""
    try:
        while process.returncode is None:
            try:
                out, err = process.communicate(timeout=HEARTBEAT)
            except subprocess.TimeoutExpired:
                continue
            finally:
                now = time.monotonic()
                if heard is not None:
                    heard(now - last)
                last = now
    except KeyboardInterrupt:  # the child has it too, and saves its state
        process.communicate()
        raise
    if process.returncode:
        lines = err.strip().splitlines() or [f"exit status {process.returncode}"]
        raise Failed(f"allograph {words[0]} failed: {lines[-1]}")
    return out


def commit() -> str:
    """The code that runs: its commit, with "+changes" if there are uncommitted changes."""
    git = ["git", "--no-optional-locks", "-C", str(ROOT)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "src", "tools"], check=False).returncode
    return f"{head}+changes" if changed else head


def write_json(path: Path, document: dict[str, Any]) -> None:
    from allograph.runtime.files import atomic_write

    atomic_write(path, (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def say(experiment: Experiment, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {experiment.name}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
