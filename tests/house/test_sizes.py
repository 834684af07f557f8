"""Files and functions small enough to read in one go."""

import ast
from collections.abc import Iterator

from tests.house.tree import Module, modules, tracked

FILE_LINES = 500
FUNCTION_LINES = 60
PAGE_SUFFIXES = frozenset({".ts", ".svelte"})


def code_lines(module: Module) -> int:
    """Count a file's lines without its tables: module-level values longer than ten lines are data."""
    data = 0
    for node in module.tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            data += length if length > 10 else 0
    return len(module.lines) - data


def functions(module: Module) -> Iterator[tuple[str, int]]:
    """Yield each function's name and its length without the docstring."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            begins = (first.end_lineno or first.lineno) + 1 if told else first.lineno
            yield node.name, (node.end_lineno or node.lineno) - begins + 1


def test_files_stay_short() -> None:
    wrong = [
        f"{module.where}: {code_lines(module)} lines"
        for module in modules()
        if "migrations" not in module.path.parts and code_lines(module) > FILE_LINES
    ]
    assert not wrong, f"Split by what changes together (limit {FILE_LINES}, aim 200):\n" + "\n".join(wrong)


def test_page_files_stay_short() -> None:
    wrong = [
        f"{path.name}: {length} lines"
        for path in tracked()
        if path.suffix in PAGE_SUFFIXES and (length := len(path.read_text("utf-8").splitlines())) > FILE_LINES
    ]
    assert not wrong, f"Split into parts (limit {FILE_LINES}, aim 200):\n" + "\n".join(wrong)


def test_functions_stay_short() -> None:
    wrong = [
        f"{module.where}: {name} has {length} lines"
        for module in modules()
        if "migrations" not in module.path.parts
        for name, length in functions(module)
        if length > FUNCTION_LINES
    ]
    assert not wrong, f"Name its steps (limit {FUNCTION_LINES}, aim 30):\n" + "\n".join(wrong)
