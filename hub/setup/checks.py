"""`launch.py check`: what runs, how long each took, and one line that says whether all is well."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.setup.node import Node, find_node
from hub.setup.page import ensure_modules
from hub.setup.terminal import Terminal, clock_text
from hub.setup.trouble import SetupProblem

TYPED = ("hub", "backends", "permissions", "languages", "themes", "bench", "tests")

NOT_ASKED = 77
"""Exit code of a step that nobody could answer; neither good nor bad."""


@dataclass(frozen=True)
class Step:
    """One check: its name, its command, where it runs and with what environment."""

    name: str
    command: tuple[str, ...]
    folder: Path
    env: dict[str, str] | None = None


def python_steps(root: Path, python: Path) -> list[Step]:
    """Return the checks of the Python side."""
    tool = (str(python), "-m")
    typed = [name for name in TYPED if any((root / name).rglob("*.py"))]
    return [
        Step("format (ruff format)", (*tool, "ruff", "format", "--check", "--quiet", "."), root),
        Step(
            "lint (ruff check)", (*tool, "ruff", "check", "--quiet", "--output-format", "concise", "."), root
        ),
        Step("types (mypy, strict)", (*tool, "mypy", *typed), root),
        Step("house rules (tests/house)", (*tool, "pytest", "-q", "tests/house"), root),
        Step("secrets in files (detect-secrets)", (*tool, "hub.setup.audit", "secrets"), root),
        Step("holes in packages (pip-audit)", (*tool, "hub.setup.audit", "packages"), root),
    ]


def page_steps(root: Path, node: Node) -> list[Step]:
    """Return the checks of the page."""
    return [Step("page (types, unit tests)", (*node.npm, "run", "--silent", "check"), root / "web", node.env)]


def run_checks(root: Path, python: Path, terminal: Terminal) -> int:
    """Run every check, whatever the ones before said; return 1 when one failed."""
    steps = python_steps(root, python)
    try:
        node = find_node(root, terminal)
        ensure_modules(root, node, terminal)
        steps += page_steps(root, node)
    except SetupProblem as problem:
        terminal.say(f"{problem}\nThe page is not checked.")
    return report([(step.name, *_run(step, terminal)) for step in steps], terminal)


def report(results: Sequence[tuple[str, int, float]], terminal: Terminal) -> int:
    """Write the closing table; return the exit code. What could not be asked is told and is no failure."""
    terminal.say("")
    for name, code, seconds in results:
        outcome = {0: "ok       ", NOT_ASKED: "not asked"}.get(code, "FAILED   ")
        terminal.say(f"  {outcome}  {name}  ({clock_text(seconds)})")
    failed = [name for name, code, _ in results if code not in (0, NOT_ASKED)]
    unasked = [name for name, code, _ in results if code == NOT_ASKED]
    rest = f" Not asked: {', '.join(unasked)}." if unasked else ""
    said = f"{len(failed)} of {len(results)} checks failed." if failed else "All checks passed."
    terminal.say(f"All that was asked passed.{rest}" if unasked and not failed else said + rest)
    return 1 if failed else 0


def _run(step: Step, terminal: Terminal) -> tuple[int, float]:
    terminal.say(f"== {step.name}")
    began = time.monotonic()
    env = step.env or dict(os.environ)
    try:
        code = subprocess.run(step.command, cwd=step.folder, env=env, check=False).returncode
    except OSError as trouble:
        terminal.say(str(trouble))
        code = 127
    return code, time.monotonic() - began
