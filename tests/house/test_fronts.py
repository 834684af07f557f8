"""Room fronts: what a room offers is named once, exactly, and described."""

import ast
from functools import cache

from tests.house.tree import Module, house

DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@cache
def by_name() -> dict[str, Module]:
    return {module.name: module for module in house()}


def offered(front: Module) -> set[str] | None:
    """Return the names in a front's __all__, or None when it has none."""
    for node in front.tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
        ):
            return set(ast.literal_eval(node.value))
    return None


def brought_in(front: Module) -> dict[str, tuple[str, str]]:
    """Return the names a front takes from its own files: name -> (module, name there)."""
    found: dict[str, tuple[str, str]] = {}
    for node in front.tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(front.name + "."):
            found |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
    return found


def defined(module: Module) -> dict[str, ast.stmt]:
    return {node.name: node for node in module.tree.body if isinstance(node, DEFINITIONS)}


def constants(module: Module) -> set[str]:
    found = set()
    for node in module.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_fronts_name_exactly_what_they_offer() -> None:
    wrong = []
    for front in house():
        if not front.is_front:
            continue
        public = {name for name in {*brought_in(front), *defined(front)} if not name.startswith("_")}
        named = offered(front)
        if named is None and public:
            wrong.append(f"{front.where}: has no __all__, but brings in {', '.join(sorted(public))}")
        elif named is not None and (extra := named - public - constants(front)):
            wrong.append(f"{front.where}: __all__ names what is not there: {', '.join(sorted(extra))}")
        elif named is not None and (unnamed := public - named):
            wrong.append(f"{front.where}: not in __all__: {', '.join(sorted(unnamed))}")
    assert not wrong, "\n".join(wrong)


def test_what_fronts_offer_is_described() -> None:
    wrong = []
    for front in house():
        if not front.is_front:
            continue
        for name, (origin, original) in brought_in(front).items():
            module = by_name().get(origin)
            node = defined(module).get(original) if module else None
            if isinstance(node, DEFINITIONS) and not ast.get_docstring(node):
                wrong.append(
                    f"{module.where if module else origin}: {original} (offered as {front.name}.{name})"
                )
    assert not wrong, "Give these a docstring: what, units, errors raised:\n" + "\n".join(wrong)


def test_every_file_says_what_it_is() -> None:
    wrong = [
        module.where
        for module in house()
        if not ast.get_docstring(module.tree) and module.lines and "migrations" not in module.path.parts
    ]
    assert not wrong, "Begin these files with a docstring:\n" + "\n".join(wrong)


def test_every_route_names_its_flag() -> None:
    wrong = []
    for module in house():
        if not module.name.startswith(("hub.routes.", "hub.dialects.")):
            continue
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for mark in node.decorator_list:
                is_route = (
                    isinstance(mark, ast.Call)
                    and isinstance(mark.func, ast.Name)
                    and mark.func.id in ("api", "own")
                )
                if is_route and "permission" not in {word.arg for word in mark.keywords}:  # type: ignore[attr-defined]
                    wrong.append(f"{module.where}:{node.lineno}: {node.name}")
    assert not wrong, "Name the permission flag (None for a route without a session):\n" + "\n".join(wrong)
