"""The tasks of `allograph evaluate oneshot` that judge shapes alone: the Turing test, and topology."""

from __future__ import annotations

__all__ = ["measure_shapes"]

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from allograph.cli.measuring import adjusted_options, adjusted_words, drawn_by, held_out_data, measure
from allograph.runtime.distributed import Processes

if TYPE_CHECKING:
    from PIL import Image

    from allograph.evaluation.leakage import Part
    from allograph.evaluation.oneshot.topology import TopologyResult
    from allograph.evaluation.oneshot.turing import TuringResult


def measure_shapes(
    task: Literal["turing", "topology"],
    model: str,
    *,
    data: str | None,
    split: str | None,
    part: Part,
    size: int | None,
    characters: int | None,
    steps: int | None,
    temperature: float | None,
    guidance: float | None,
    attempts: int | None,
    seed: int,
    output: Path,
    overwrite: bool,
    data_dir: str | None,
    as_json: bool,
) -> None:
    """Measure the task and write its record; see `allograph.cli.evaluate_oneshot.oneshot`.

    Raises:
        AllographError: the model cannot do the task; the data are too few or too small.
    """
    import allograph
    from allograph.evaluation.leakage import HeldOut, default_data
    from allograph.evaluation.likelihood.checks import check_channels
    from allograph.evaluation.oneshot import topology, turing
    from allograph.evaluation.oneshot.judge import JudgeTraining
    from allograph.evaluation.oneshot.tasks import check_task
    from allograph.evaluation.records import check_free, data_name, measurement_path, model_name, shown_data
    from allograph.evaluation.runner import Findings, Measurement, Plan, Progress
    from allograph.evaluation.shown import ShownDrawings

    writer = allograph.load(model).guided(guidance).with_attempts(attempts)
    check_task(writer, task)
    data, side = data or default_data(writer.card), size or writer.model.config.image_size
    name, chosen = model_name(model), writer.temperature_for(temperature)
    words = ["oneshot", task, str(side), *adjusted_words(guidance, attempts)]
    path = measurement_path(output, name, data_name(data), part, *words)
    check_free(path, path.with_suffix(".png"), overwrite=overwrite)
    training = JudgeTraining() if steps is None else JudgeTraining(steps=steps)
    asked: dict[str, Any] = {"size": side, "characters": characters, "seed": seed}

    def plan(held_out: HeldOut, device: str, progress: Progress) -> Plan[_Shown]:
        dataset = held_out.dataset
        check_channels(writer.model, dataset)
        # Images that are seen at one size only are the model's own; so are pictures, which have no strokes.
        draw = ShownDrawings(writer, chosen, dataset.images.only_size is not None or not writer.space.inked)

        def measured(processes: Processes) -> _Shown:
            common: dict[str, Any] = {**asked, "progress": progress, "processes": processes}
            if task == "turing":
                result, shown = turing.turing_test(draw, dataset, training=training, **common)
                return _Shown(result, lambda: turing.picture_of(result, shown))
            result, shown = topology.topology_test(draw, dataset, **common)
            return _Shown(result, lambda: topology.picture_of(shown, seed))

        def findings(found: _Shown) -> Findings:
            words: list[object] = ["--task", task, "--data", shown_data(data), "--part", part, "--size", side]
            words += ["--characters", characters] if characters is not None else []
            words += ["--steps", training.steps] if task == "turing" else []
            words += adjusted_options(guidance, attempts)
            words += ["--temperature", chosen, "--seed", seed, *(["--split", held_out.split] if held_out.split else [])]
            more = {"temperature": chosen, **writer.adjusted, "whole": False}
            return Findings(words, more, picture=found.picture)

        inputs = {"data": dataset.fingerprint(), "task": task, "temperature": chosen, "steps": training.steps}
        return Plan(held_out.split, inputs | writer.adjusted | asked, measured, findings)

    find = held_out_data(writer.card, data, part, split=split, data_dir=data_dir)
    measurement = Measurement("oneshot", model, name, writer, part, path, overwrite, find, plan)
    measure(measurement, "parts", as_json, drawn_by(model, writer.sha256, chosen, **writer.adjusted))


@dataclass(frozen=True)
class _Shown:
    """The result, and what makes its picture."""

    result: TuringResult | TopologyResult
    picture: Callable[[], Image.Image]

    def to_dict(self) -> dict[str, Any]:
        return self.result.to_dict()

    def table(self) -> str:
        return self.result.table()
