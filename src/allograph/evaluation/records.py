"""Result files: one JSON document for each measurement, with all that is needed to compare it and to repeat it."""

from __future__ import annotations

__all__ = [
    "FORMAT",
    "Measurable",
    "Record",
    "check_free",
    "data_name",
    "measurement_command",
    "measurement_path",
    "measurement_record",
    "model_name",
    "read_record",
    "record_path",
    "save_record",
    "shown_data",
    "shown_model",
]

import json
import platform
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.generation.generator import Writer
    from allograph.weights import LoadedWeights

FORMAT = 2
"""Format of result files. Files without a format are older; `read_record` converts them."""

_OF_TRAINING = ("preset", "command", "steps", "time", "seconds")

_SIGNS = {"likelihood": "without", "classify": "baselines"}
"""An entry by which to recognise the measurement of old files that do not name it."""


@dataclass(frozen=True)
class Record:
    """A result file."""

    path: Path
    document: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.document[key]

    @property
    def measurement(self) -> str:
        """The measurement, as a command of `allograph evaluate`; empty if the file does not say."""
        return str(self.document.get("measurement", ""))

    @property
    def experiment(self) -> Mapping[str, Any] | None:
        """How the model was trained for this measurement, for the experiments of tools/experiments.py."""
        return self.document.get("experiment")

    @property
    def model(self) -> str:
        return str(self["model"]["name"])

    @property
    def where(self) -> str:
        """The data in words."""
        split = f", {self['split']}" if self["split"] else ""
        return f"{self['data']}{split}, {self['part']} part"

    @property
    def pictures(self) -> list[Path]:
        """The pictures saved with the file: with the same name, or a name that starts with it and a dash and is not
        that of another result file."""
        same = self.path.with_suffix(".png")
        more = sorted(self.path.parent.glob(f"{self.path.stem}-*.png"))
        own = [path for path in more if not path.with_suffix(".json").exists()]
        return [path for path in (same, *own) if path.is_file()]


def read_record(path: Path) -> Record:
    """A result file of this format or an older one.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a JSON object, or has a later format.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, Mapping):
        raise ValueError("not one JSON object")
    if (written := document.get("format", 1)) not in range(1, FORMAT + 1):
        raise ValueError(f"format {written!r}, but this allograph reads formats up to {FORMAT}: update allograph")
    if "measurement" not in document and isinstance(document.get("likelihood"), Mapping):  # from an experiment
        names = {"experiment": "name", "train_command": "command"}
        trained = {names.get(key, key): value for key, value in document.items() if key != "likelihood"}
        document = {**document["likelihood"], "experiment": trained}
    if "measurement" not in document:
        unsaid = next((name for name, key in _SIGNS.items() if key in document), None)
        document = {"measurement": unsaid, **document} if unsaid else document
    return Record(path, document)


class Measurable(Protocol):
    """The result of a measurement."""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        ...


def model_name(text: str) -> str:
    """A name for the user's model: a known name, a file's stem, or the folder of a `model.safetensors`, as every run
    names its weights."""
    path = Path(text)
    if path.suffix != ".safetensors":
        return path.name
    return path.resolve().parent.name if path.stem == "model" else path.stem


def shown_model(text: str) -> str:
    """The model as in the command that repeats a record, without this machine's folders."""
    return str(Path(*Path(text).parts[-2:])) if Path(text).is_absolute() else text


def record_path(folder: Path, model: str, data: str, part: str, samples: int, exemplars: str = "") -> Path:
    """``FOLDER/MODEL-DATA-PART-kSAMPLES.json``, or ``...-EXEMPLARS-kSAMPLES.json``."""
    return measurement_path(folder, model, data, part, *([exemplars] if exemplars else []), f"k{samples}")


def check_free(*places: Path, overwrite: bool) -> None:
    """Refuse existing files before any work is done."""
    for path in places:
        if path.exists() and not overwrite:
            raise AllographError(f"{path} exists already: add --overwrite, or choose another folder with -o")


def measurement_record(
    measurement: str,
    loaded: LoadedWeights | Writer,
    name: str,
    result: Measurable,
    *,
    split: str,
    part: str,
    command: str,
) -> dict[str, Any]:
    """The document: measurement, model, data, settings, figures, versions and the command that repeats it."""
    import torch

    from allograph import __version__

    card = loaded.card
    trained = card.get("data", {})
    return {
        "format": FORMAT,
        "measurement": measurement,
        "model": {
            "name": name,
            "kind": loaded.model.config.kind,
            "sha256": loaded.sha256,
            "parameters": sum(parameter.numel() for parameter in loaded.model.parameters()),
            "trained_on": {key: trained[key] for key in ("name", "split", "fingerprint") if key in trained},
            "binarisation": card.binarisation,
            **{key: card[key] for key in _OF_TRAINING if key in card},
        },
        "part": part,
        "split": split,
        **result.to_dict(),
        "command": command,
        "versions": {"allograph": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }


def save_record(path: Path, document: Mapping[str, Any], overwrite: bool) -> None:
    """Write the document to its file, completely or not at all.

    Raises:
        AllographError: the file exists and ``overwrite`` is false, or it cannot be written.
    """
    from allograph.runtime.files import atomic_write

    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    check_free(path, overwrite=overwrite)
    atomic_write(path, text.encode(), overwrite=overwrite)


def data_name(data: str) -> str:
    """A name for the user's data: a known data set, or the last name of a folder."""
    return Path(data).expanduser().resolve().name if _is_folder(data) else data


def measurement_path(folder: Path, *words: str) -> Path:
    """``FOLDER/WORD-WORD-....json``: the model, the data, the part and whatever else tells measurements apart."""
    name = "-".join(re.sub(r"[^\w.+-]+", "_", word) for word in words)
    return folder / f"{name}.json"


def shown_data(data: str) -> str:
    """The data as in the command that repeats a record, without this machine's folders."""
    from allograph.data import DATASETS

    name = data_name(data)
    return f"./{name}" if _is_folder(data) and name in DATASETS else name


def measurement_command(measurement: str, model: str, *words: object) -> str:
    """The command that repeats the figures."""
    return shlex.join(map(str, ("allograph", "evaluate", measurement, shown_model(model), *words)))


def _is_folder(data: str) -> bool:
    from allograph.data import DATASETS

    return data not in DATASETS and Path(data).expanduser().is_dir()
