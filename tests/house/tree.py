"""Reads the repository once for the house tests: its files, modules, imports and room fronts."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hub", "backends", "permissions", "languages", "themes", "bench", "tests")
SKIPPED = frozenset(
    {"node_modules", "__pycache__", ".venv", ".tools", "static", "static.new", "static.old", "data"}
)


@dataclass(frozen=True)
class Module:
    """One Python file: its dotted name, path from the root, source lines and syntax tree."""

    name: str
    path: Path
    lines: tuple[str, ...]
    tree: ast.Module

    @property
    def where(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def is_front(self) -> bool:
        return self.path.name == "__init__.py"


@dataclass(frozen=True)
class Import:
    """One import statement's target: `module` as written, the names taken from it, its line."""

    module: str
    names: tuple[str, ...]
    line: int
    only_types: bool


@cache
def modules() -> tuple[Module, ...]:
    """Every Python file of the house, tests and launch.py included."""
    found = [ROOT / "launch.py"]
    for package in PACKAGES:
        found += sorted((ROOT / package).rglob("*.py"))
    return tuple(_read(path) for path in found if not SKIPPED.intersection(path.relative_to(ROOT).parts))


def house() -> tuple[Module, ...]:
    """The modules people run: everything but tests and benches."""
    return tuple(module for module in modules() if module.name.split(".")[0] not in ("tests", "bench"))


def _read(path: Path) -> Module:
    source = path.read_text("utf-8")
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return Module(".".join(parts), path, tuple(source.splitlines()), ast.parse(source, str(path)))


def imports(module: Module) -> Iterator[Import]:
    """Yield every import of a module, those inside functions included."""
    hidden = {
        id(inner)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, (), node.lineno, id(node) in hidden)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = tuple(alias.name for alias in node.names)
            yield Import(node.module or "", names, node.lineno, id(node) in hidden)


def targets(found: Import) -> tuple[str, ...]:
    """Return the modules an import reaches: `from a import b` is a.b where b is a module that a's front does
    not offer as something of its own (a function may share its file's name), else a."""
    known = {module.name for module in modules()} - offered()
    inner = tuple(f"{found.module}.{name}" for name in found.names if f"{found.module}.{name}" in known)
    rest = len(inner) < len(found.names) or not found.names
    return inner + ((found.module,) if rest else ())


@cache
def offered() -> frozenset[str]:
    """Return the full names in every front's `__all__` that the front imports from the file of that name."""
    fronts = (module for module in modules() if module.path.name == "__init__.py")
    return frozenset(
        f"{front.name}.{name}"
        for front in fronts
        for found in imports(front)
        for name in found.names
        if found.module == f"{front.name}.{name}"
    )


@cache
def tracked() -> tuple[Path, ...]:
    """Every file git would ship: tracked ones and new ones that are not ignored. Without git, every file."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return tuple(path for path in sorted(ROOT.rglob("*")) if path.is_file() and _may_ship(path))
    return tuple(path for line in sorted(set(listed.splitlines())) if (path := ROOT / line).is_file())


def _may_ship(path: Path) -> bool:
    folders = path.relative_to(ROOT).parts[:-1]
    return not SKIPPED.intersection(folders) and not any(part.startswith(".") for part in folders)
