"""Result files: one JSON document for each measurement, complete enough to be compared with and to be made again."""

from __future__ import annotations

__all__ = ["check_free", "likelihood_record", "model_name", "record_path", "save_record", "shown_model"]

import json
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.evaluation.classified import ClassificationResult
    from allograph.evaluation.measured import LikelihoodResult
    from allograph.weights import LoadedWeights

_OF_TRAINING = ("preset", "command", "steps", "time", "seconds")


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
    words = (re.sub(r"[^\w.+-]+", "_", word) for word in (model, data, part, f"k{samples}"))
    return folder / f"{'-'.join(words)}.json"


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse a place that is taken, before any work is done."""
    if path.exists() and not overwrite:
        raise AllographError(f"{path} exists already: add --overwrite, or choose another folder with -o")


def likelihood_record(
    loaded: LoadedWeights,
    name: str,
    result: LikelihoodResult | ClassificationResult,
    *,
    split: str,
    part: str,
    command: str,
) -> dict[str, Any]:
    """The document: model, data, settings, figures, versions and the command that makes it again."""
    import torch

    from allograph import __version__

    card: Mapping[str, Any] = loaded.card
    trained = card.get("data", {})
    return {
        "model": {
            "name": name,
            "kind": loaded.model.config.kind,
            "sha256": loaded.sha256,
            "parameters": sum(parameter.numel() for parameter in loaded.model.parameters()),
            "trained_on": {key: trained[key] for key in ("name", "split", "fingerprint") if key in trained},
            "binarisation": card.get("settings", {}).get("data", {}).get("binarisation", "none"),
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
    from allograph.imaging.files import atomic_write

    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    check_free(path, overwrite)
    atomic_write(path, text.encode(), overwrite=overwrite)
