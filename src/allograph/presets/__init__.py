"""The presets that ship, one TOML file each; the paper's rows are in the folder `paper`."""

from __future__ import annotations

__all__ = ["load_preset", "preset_names"]

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from allograph.config import Preset, copied, from_dict, nearest, override
from allograph.errors import AllographError, shown


def preset_names() -> list[str]:
    """Names of the presets that ship; those of the paper's rows begin with ``paper/``."""
    folder = resources.files(__name__)
    places = {"": folder, "paper/": folder / "paper"}
    return sorted(
        prefix + item.name.removesuffix(".toml")
        for prefix, place in places.items()
        for item in place.iterdir()
        if item.name.endswith(".toml")
    )


def load_preset(name: str, overrides: Iterable[str] = ()) -> Preset:
    """A shipped preset by name, or a TOML file by path, with ``key=value`` words on top (see `override`).

    A preset that ``extends`` another consists of that one's settings and of its own, which win.
    """
    return from_dict(Preset, override(_table(name), overrides))


def _table(name: str, extended_by: tuple[str, ...] = ()) -> dict[str, Any]:
    """The settings of a preset and of those that it extends."""
    if name in extended_by:
        raise AllographError(f"preset {name} extends itself: {' -> '.join((*extended_by, name))}")
    if name in preset_names():
        text = (resources.files(__name__) / f"{name}.toml").read_text(encoding="utf-8")
    elif name.endswith(".toml") and Path(name).is_file():
        text = Path(name).read_text(encoding="utf-8")
    else:
        raise AllographError(
            f"unknown preset {name!r}{nearest(name, preset_names())}; or give the path of a .toml file"
        )
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise AllographError(f"preset {name} is not valid TOML: {error}") from None
    if (base := table.pop("extends", None)) is None:
        return table
    if not isinstance(base, str):
        raise AllographError(f"preset {name}: extends is the name of a preset, not {shown(base)}")
    return _merged(_table(base, (*extended_by, name)), table)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both tables; where both set a value, that of ``above``."""
    result = copied(below)
    for key, value in above.items():
        inner = result.get(key)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            value = _merged(inner, value)
        result[key] = value
    return result
