"""Result files are written and read by one module; those of earlier versions are still read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from allograph.evaluation.records import FORMAT, read_record
from allograph.report.sections import SECTIONS

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"


def written(folder: Path, document: Any) -> Path:
    path = folder / "result.json"
    path.write_text(json.dumps(document))
    return path


def test_every_result_file_of_the_documentation_is_read() -> None:
    records = [read_record(path) for path in RESULTS.glob("*.json")]
    assert {record.measurement for record in records} == {*SECTIONS}
    experiments = [record for record in records if record.experiment is not None]
    assert len(experiments) > 20
    assert all(record.document["format"] == FORMAT and record["without"] for record in experiments)
    assert all(record.model == record.experiment["name"] for record in experiments if record.experiment)


def test_an_experiment_of_an_earlier_version_is_read_as_one_of_today(tmp_path: Path) -> None:
    figures = {"model": {"name": "t8"}, "without": {"bound": {"mean": 84.0}}, "part": "test"}
    old = {"experiment": "t8", "steps": 12, "train_command": "allograph train", "likelihood": figures}
    record = read_record(written(tmp_path, old))
    assert record.measurement == "likelihood" and record.model == "t8"
    assert record["without"] == figures["without"]
    assert record.experiment == {"name": "t8", "steps": 12, "command": "allograph train"}


@pytest.mark.parametrize(("key", "name"), [("without", "likelihood"), ("baselines", "classify"), ("answer", "")])
def test_a_file_without_its_measurement_is_known_by_what_only_that_has(tmp_path: Path, key: str, name: str) -> None:
    assert read_record(written(tmp_path, {key: {}})).measurement == name


@pytest.mark.parametrize("document", [[1, 2], "text", {"format": FORMAT + 1}, {"format": "new"}])
def test_what_is_no_result_or_of_a_later_format_is_refused(tmp_path: Path, document: Any) -> None:
    with pytest.raises(ValueError, match=r"not one JSON object|update allograph"):
        read_record(written(tmp_path, document))
