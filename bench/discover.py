"""Finds the benches: every file of this folder that defines `measure` is one, named like the file.

`measure` takes nothing, may be async, and returns a list of `bench.report.Figure`. It starts what it measures
and its peer itself, on free loopback ports, and leaves nothing behind.
"""

import ast
import asyncio
import importlib
import inspect
from pathlib import Path
from typing import Any

from bench.report import Figure

FOLDER = Path(__file__).parent


def find(folder: Path = FOLDER) -> dict[str, str]:
    """Return every bench's name with the first line of its docstring. Imports nothing."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        kinds = ast.FunctionDef | ast.AsyncFunctionDef
        if any(isinstance(node, kinds) and node.name == "measure" for node in tree.body):
            found[path.stem] = (ast.get_docstring(tree) or path.stem).partition("\n")[0]
    return found


def run(name: str) -> list[Figure]:
    """Run the bench of this name to its end."""
    measure: Any = importlib.import_module(f"bench.{name}").measure
    figures = asyncio.run(measure()) if inspect.iscoroutinefunction(measure) else measure()
    return list(figures)
