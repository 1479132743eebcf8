"""Configurations: frozen dataclasses, filled from TOML presets and ``key=value`` words, and checked when built.

An unknown key is an error that names the nearest known one; a value of the wrong type is an error that names the type.
"""

from __future__ import annotations

__all__ = [
    "DataConfig",
    "Preset",
    "TrainingConfig",
    "copied",
    "from_dict",
    "model_from_config",
    "nearest",
    "override",
    "preset_fields",
    "to_dict",
]

import dataclasses
import difflib
import math
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any, Literal, TypeVar

from allograph.data.config import DataConfig
from allograph.errors import AllographError, shown
from allograph.limits import COUNT, Limit, require
from allograph.models import MODELS, GenerativeModel, ModelConfig, SequentialConfig

T = TypeVar("T")

_BATCH = Limit(1, 65_536, "a whole batch is in memory at once")
_PAIRS = Limit(1, 1_000_000, "all pairs stay in memory")
_RATE = Limit(0, 100, "nothing is learned at such a rate")
_NORM = Limit(0, 10**9, "no gradient is larger")


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is fitted.

    Attributes:
        batch_size: pairs in each step, over all devices.
        max_steps: length of the run; the schedule of the learning rate spans it.
        learning_rate: peak learning rate of Adam.
        warmup_steps: steps over which the rate rises from 0; it then falls by half a cosine to ``final_rate`` times the
            peak.
        final_rate: rate at ``max_steps``, as a share of the peak.
        kl_warmup_steps: steps over which the weight of the KL terms in the loss rises from 0.1 to 1, where it stays.
            Reported figures are always of the free energy itself.
        gradient_clip: largest norm of the gradient; larger ones are clipped.
        average_decay: decay of the moving average of the weights; this average is validated, sampled from and saved.
        precision: ``auto`` means bfloat16 if the processor multiplies it natively, otherwise float32.
        validate_every: steps between validations; each also logs a picture of samples.
        validation_pairs: number of fixed pairs of validation characters.
        checkpoint_every: steps between saved states, from which a killed run continues.
        recompute: keep little of each step of a sequential model for the backward pass and compute the rest again: less
            memory for many steps and large images, more time.
        compile: whether steps are compiled (`allograph.training.compiling`): ``true``, ``false``, or ``auto``: if the
            run is long enough to pay for it.
        seed: seed of the order of the data, the initial weights and all noise.
    """

    batch_size: int = 64
    max_steps: int = 30_000
    learning_rate: float = 1e-3
    warmup_steps: int = 500
    final_rate: float = 0.02
    kl_warmup_steps: int = 0
    gradient_clip: float = 5.0
    average_decay: float = 0.999
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    validate_every: int = 1000
    validation_pairs: int = 512
    checkpoint_every: int = 250
    recompute: bool = False
    compile: Literal["auto", True, False] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            self,
            batch_size=_BATCH,
            max_steps=COUNT,
            learning_rate=_RATE,
            warmup_steps=replace(COUNT, low=0),
            kl_warmup_steps=replace(COUNT, low=0),
            gradient_clip=_NORM,
            validate_every=COUNT,
            validation_pairs=_PAIRS,
            checkpoint_every=COUNT,
        )
        if self.learning_rate == 0 or self.gradient_clip == 0:
            raise ValueError("learning_rate and gradient_clip are above 0")
        if not (0 <= self.final_rate <= 1 and 0 <= self.average_decay < 1):
            raise ValueError("final_rate is 0 to 1, average_decay 0 to below 1")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed = {self.seed} is out of range; it is 0 to {2**32 - 1}")


@dataclass(frozen=True)
class Preset:
    """A named choice of all settings: model, data and training."""

    model: ModelConfig = field(default_factory=SequentialConfig)
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)


def preset_fields(preset: Preset) -> dict[str, Any]:
    """Every settable field of a preset, dotted key -> value. The fields depend on the kind of the model."""
    return _fields(preset)


def _fields(config: Any, prefix: str = "") -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for entry in dataclasses.fields(config):
        key, value = f"{prefix}{entry.name}", getattr(config, entry.name)
        fields |= _fields(value, f"{key}.") if is_dataclass(value) else {key: value}
    return fields


def override(table: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """A copy of a preset's table with ``key=value`` words applied.

    A key is dotted (``model.hidden=512``), or only its last part if that is unique (``hidden=512``).
    """
    result = copied(table)
    words = sorted(words, key=lambda word: not word.startswith("model.kind="))  # the kind decides the other keys
    for section in ("model", "data", "training"):
        if not isinstance(result.get(section, {}), dict):
            raise AllographError(f"{section} is a table of settings, not {shown(result[section])}")
    for word in words:
        known = preset_fields(Preset(model=_default_model(result.get("model", {}))))
        key, equals, value = word.partition("=")
        if not equals:
            raise AllographError(f"{shown(word)} sets nothing; write key=value, for example hidden=512")
        key = key.strip().replace("-", "_")
        matches = [full for full in known if full == key or full.endswith(f".{key}")]
        if len(matches) > 1 and key not in matches:
            raise AllographError(f"{shown(key)} is ambiguous; write one of {', '.join(matches)}")
        if not matches:
            short = [full.rsplit(".", 1)[-1] for full in known]
            raise AllographError(f"unknown setting {shown(key)}{nearest(key, [*known, *short])}")
        *path, last = (key if key in matches else matches[0]).split(".")
        inner = result
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = _parse(value.strip())
    return result


def from_dict(kind: type[T], table: Mapping[str, Any], prefix: str = "") -> T:
    """Builds a (nested) configuration; checks that every key is known and every value has its field's type."""
    return _filled(kind(), table, prefix)


def _filled(config: T, table: Mapping[str, Any], prefix: str) -> T:
    """The configuration with the table's values in place of its own; nested tables update nested configurations."""
    hints = typing.get_type_hints(type(config))
    values = {}
    for key, value in table.items():
        if key not in hints:
            raise AllographError(f"unknown setting {shown(prefix + key)}{nearest(key, hints)}")
        before = getattr(config, key)
        if isinstance(config, Preset) and key == "model" and isinstance(value, Mapping):
            before = _default_model(value)
        if is_dataclass(before) and isinstance(value, Mapping):
            values[key] = _filled(before, value, f"{prefix}{key}.")
        elif is_dataclass(before):
            raise AllographError(f"{prefix}{key} is a table of settings, not {shown(value)}")
        else:
            values[key] = _checked(value, hints[key], f"{prefix}{key}")
    try:
        return replace(config, **values)  # type: ignore[type-var]
    except ValueError as error:
        raise AllographError(f"{prefix}{error}") from None


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration as a plain table, which `from_dict` reads and TOML and JSON can hold."""
    return dataclasses.asdict(config)


def model_from_config(table: Mapping[str, Any]) -> GenerativeModel:
    """A newly initialised model for a configuration's table, of the kind that the table names."""
    config = _filled(_default_model(table), table, "model.")
    return MODELS[config.kind][1](config)


def _default_model(table: Mapping[str, Any]) -> ModelConfig:
    """The default configuration of the kind that a model's table names."""
    kind = table.get("kind", SequentialConfig.kind)
    if not isinstance(kind, str) or kind not in MODELS:
        raise AllographError(f"unknown model.kind {shown(kind)}{nearest(str(kind), MODELS)}")
    return MODELS[kind][0]()


def copied(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: copied(value) if isinstance(value, Mapping) else value for key, value in table.items()}


def _parse(text: str) -> Any:
    """A value as TOML would read it; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # also for too many digits or brackets
        return text


def nearest(word: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(word[:80], known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _checked(value: Any, hint: Any, key: str) -> Any:
    """The value as its field's type, or an error that says what the field takes."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value in arguments:
            return value
        raise AllographError(f"{key} = {shown(value)} is not one of {', '.join(map(repr, arguments))}")
    elif origin is tuple:
        if isinstance(value, int | float):
            value = (value,)
        if isinstance(value, list | tuple) and (arguments[-1] is Ellipsis or len(value) == len(arguments)):
            inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
            return tuple(_checked(item, kind, key) for item, kind in zip(value, inner, strict=True))
    elif origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _checked(value, next(kind for kind in arguments if kind is not type(None)), key)
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:  # with more than 308 digits; its limit refuses it
            return math.inf if value > 0 else -math.inf
    elif not is_dataclass(hint) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    name = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
    raise AllographError(f"{key} = {shown(value)} is of the wrong type; it takes {name}")
