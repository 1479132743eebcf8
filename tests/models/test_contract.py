"""The contract of models and of their parts: abstract or final, and nothing outside asks which one it has."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import allograph
from allograph import attention, canvas, likelihoods, models

SOURCE = Path(allograph.__file__).parent


def classes(package: object) -> list[type]:
    """All that the modules of a package define."""
    found = []
    for module in pkgutil.iter_modules(package.__path__):  # type: ignore[attr-defined]
        name = f"{package.__name__}.{module.name}"  # type: ignore[attr-defined]
        members = inspect.getmembers(importlib.import_module(name), inspect.isclass)
        found += [one for _, one in members if one.__module__ == name]
    return found


def own_methods(kind: type) -> dict[str, object]:
    kinds = (type(own_methods), property)
    return {name: value for name, value in vars(kind).items() if isinstance(value, kinds)}


@pytest.mark.parametrize("package", [models, attention, canvas, likelihoods], ids=lambda package: package.__name__)
def test_no_concrete_method_is_overridden(package: object) -> None:
    checked = 0
    for kind in classes(package):
        for base in kind.__mro__[1:]:
            if not base.__module__.startswith("allograph."):
                continue
            theirs, checked = own_methods(base), checked + 1
            again = {name for name in own_methods(kind).keys() & theirs.keys() if not name.startswith("__")}
            concrete = {name for name in again if not getattr(theirs[name], "__isabstractmethod__", False)}
            assert not concrete, f"{kind.__name__} overrides {concrete} of {base.__name__}"
    assert checked


def test_nothing_outside_asks_which_model_it_has() -> None:
    concrete = {name for pair in models.MODELS.values() for name in (pair[0].__name__, pair[1].__name__)}
    concrete |= {name for name in likelihoods.__all__ if inspect.isclass(getattr(likelihoods, name))}
    concrete -= {"Likelihood", "LikelihoodConfig"}
    rooms = ("models", "likelihoods", "attention", "canvas", "export")  # a graph is made of one kind of model
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).parts[0] in rooms:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
                asked = {name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name)}
                assert not asked & concrete, f"{path}: {ast.unparse(node)}"
