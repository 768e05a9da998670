"""Modules, functions and classes stay small enough to be read in one go."""

import ast
import statistics
from pathlib import Path

import pytest

pytestmark = pytest.mark.backend_free

PACKAGE = Path(__file__).parent.parent / "tssd_keras"
SOURCES = {path: path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}


def lengths(*kinds):
    """Name -> lines, docstring included, of every definition of these kinds."""
    return {
        f"{path.relative_to(PACKAGE)}: {node.name}, line {node.lineno}": node.end_lineno
        - node.lineno
        + 1
        for path, source in SOURCES.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, kinds)
    }


def longer(lines, most):
    return {name: n for name, n in lines.items() if n > most}


def test_no_function_is_longer_than_sixty_lines_and_half_have_ten_at_most():
    lines = lengths(ast.FunctionDef, ast.AsyncFunctionDef)
    assert longer(lines, 60) == {}
    assert statistics.median(lines.values()) <= 10


def test_no_class_is_longer_than_250_lines():
    assert longer(lengths(ast.ClassDef), 250) == {}


def test_the_median_module_has_100_to_250_lines():
    modules = [len(s.splitlines()) for path, s in SOURCES.items() if path.name != "__init__.py"]
    assert 100 <= statistics.median(modules) <= 250
