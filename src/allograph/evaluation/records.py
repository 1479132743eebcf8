"""Result files: one JSON document for each measurement, complete enough to be compared with and to be made again."""

from __future__ import annotations

__all__ = [
    "Measurable",
    "check_free",
    "data_name",
    "measurement_command",
    "measurement_path",
    "measurement_record",
    "model_name",
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.generation.generator import Writer
    from allograph.weights import LoadedWeights

_OF_TRAINING = ("preset", "command", "steps", "time", "seconds")


class Measurable(Protocol):
    """What a measurement found."""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        ...


def model_name(text: str) -> str:
    """What to call the model that the user named: a known name, a file's stem, or the folder of a `model.safetensors`,
    which is what every run calls its weights."""
    path = Path(text)
    if path.suffix != ".safetensors":
        return path.name
    return path.resolve().parent.name if path.stem == "model" else path.stem


def shown_model(text: str) -> str:
    """The model in the command that makes a record again, without this machine's folders."""
    return str(Path(*Path(text).parts[-2:])) if Path(text).is_absolute() else text


def record_path(folder: Path, model: str, data: str, part: str, samples: int) -> Path:
    """``FOLDER/MODEL-DATA-PART-kSAMPLES.json``."""
    return measurement_path(folder, model, data, part, f"k{samples}")


def check_free(*places: Path, overwrite: bool) -> None:
    """Refuse places that are taken, before any work is done."""
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
    """The document: which measurement, model, data, settings, figures, versions and the command that makes it again."""
    import torch

    from allograph import __version__

    card = loaded.card
    trained = card.get("data", {})
    return {
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
    """Write the document to its file, whole or not at all.

    Raises:
        AllographError: the file exists and ``overwrite`` is false, or it cannot be written.
    """
    from allograph.runtime.files import atomic_write

    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    check_free(path, overwrite=overwrite)
    atomic_write(path, text.encode(), overwrite=overwrite)


def data_name(data: str) -> str:
    """What to call the data that the user named: a known data set, or a folder by its last name."""
    return Path(data).expanduser().resolve().name if _is_folder(data) else data


def measurement_path(folder: Path, *words: str) -> Path:
    """``FOLDER/WORD-WORD-....json``: the model, the data, the part and what else tells measurements apart."""
    name = "-".join(re.sub(r"[^\w.+-]+", "_", word) for word in words)
    return folder / f"{name}.json"


def shown_data(data: str) -> str:
    """The data in the command that makes a record again, without this machine's folders."""
    from allograph.data import DATASETS

    name = data_name(data)
    return f"./{name}" if _is_folder(data) and name in DATASETS else name


def measurement_command(measurement: str, model: str, *words: object) -> str:
    """The command that makes the same figures again."""
    return shlex.join(map(str, ("allograph", "evaluate", measurement, shown_model(model), *words)))


def _is_folder(data: str) -> bool:
    from allograph.data import DATASETS

    return data not in DATASETS and Path(data).expanduser().is_dir()
