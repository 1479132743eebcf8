"""Imports between the rooms go one way, as CONTRIBUTING says, and no module needs one that needs it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "src"

FLOORS = (
    {"errors"},
    {"limits", "runtime"},
    {"hub"},
    {"attention", "bounds", "completion", "likelihoods", "imaging"},
    {"canvas", "data"},
    {"models"},
    {"config", "card", "datasets"},
    {"presets", "weights"},
    {"generation", "training"},
    {"evaluation", "export", "typography"},
    {"recognition"},
    {"report"},
    {"studio"},
    {"cli"},
    {"__main__"},
)
"""From the ground up. A room may use those of lower floors, and no other."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {module_of(path): path for path in sorted((ROOT / "allograph").rglob("*.py"))}


def imports(path: Path) -> Iterator[str]:
    """The project's own modules that a module imports, at its top or within a function, but not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "allograph":
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in modules() else node.module for name in inner)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())


def room_of(module: str) -> str | None:
    """The room of a module; None of `allograph` itself, which hands out a few names of others to users."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def test_every_room_has_its_floor() -> None:
    assert {room for module in modules() if (room := room_of(module))} <= FLOOR.keys()


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_a_room_uses_lower_floors_alone(room: str) -> None:
    wrong = [
        f"{module} imports {used}"
        for module, path in modules().items()
        if room_of(module) == room
        for used in imports(path)
        if (other := room_of(used)) not in (None, room) and FLOOR[other] >= FLOOR[room]  # type: ignore[index]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_needs_one_that_needs_it() -> None:
    # What a package hands out in its __init__ is no need of its modules.
    needs = {
        module: {used for used in imports(path) if modules()[used].stem != "__init__"}
        for module, path in modules().items()
        if path.stem != "__init__"
    }
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above[above.index(module) :], module))
        if module not in done:
            for used in sorted(needs[module]):
                visit(used, (*above, module))
            done.add(module)

    for module in sorted(needs):
        visit(module, ())


def test_no_file_is_longer_than_300_lines() -> None:
    long = [f"{module}: {n}" for module, path in modules().items() if (n := len(path.read_text().splitlines())) > 300]
    assert not long
