"""The web page: built from web/ when its sources differ from what the built one was made of."""

import hashlib
import shutil
from pathlib import Path

from hub.setup.node import Node, find_node
from hub.setup.terminal import Terminal, run_watched
from hub.setup.trouble import SetupProblem, explain

# Folders whose files become part of the page, and what in them does not.
SOURCES = ("web", "themes")
NOT_SOURCES = frozenset({"node_modules", "tests", "dist", ".svelte-kit", "__pycache__"})
MADE_FROM = "made-from.txt"


def source_hash(root: Path) -> str:
    """Return a hash over the names and contents of everything the page is built from."""
    digest = hashlib.sha256()
    for source in SOURCES:
        for path in sorted((root / source).rglob("*")):
            inside = path.relative_to(root)
            if path.is_file() and not NOT_SOURCES.intersection(inside.parts):
                digest.update(f"{inside.as_posix()}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def is_built(root: Path) -> bool:
    """Tell whether hub/static holds the page made from the present sources."""
    built = root / "hub" / "static"
    try:
        return (built / MADE_FROM).read_text("utf-8") == source_hash(root) and (built / "index.html").exists()
    except OSError:
        return False


def ensure_page(root: Path, terminal: Terminal) -> str | None:
    """Build the page when needed; return None, or one sentence on why there is no new one.

    Never raises for a failed build: a hub without its page still serves every API, and an older page is kept.
    """
    if not (root / "web" / "package.json").exists():
        missing = "The page's sources (the folder web) are missing from this copy."
        terminal.say(missing)
        return missing
    if is_built(root):
        return None
    try:
        _build(root, find_node(root, terminal), terminal)
    except SetupProblem as problem:
        terminal.say(str(problem))
        kept = (root / "hub" / "static" / "index.html").exists()
        terminal.say("The page built earlier is served." if kept else "The hub starts without its page.")
        return " ".join(line.strip() for line in str(problem).splitlines())
    return None


def ensure_modules(root: Path, node: Node, terminal: Terminal) -> None:
    """Install the page's packages when their lock changed. Raises SetupProblem."""
    web = root / "web"
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    stamp = web / "node_modules" / ".hub-stamp"
    if stamp.exists() and stamp.read_text("utf-8") == lock:
        return
    _npm(node, web, ["ci", "--no-audit", "--no-fund"], "Installing the page's packages", terminal)
    stamp.write_text(lock, "utf-8")


def _build(root: Path, node: Node, terminal: Terminal) -> None:
    ensure_modules(root, node, terminal)
    made_from = source_hash(root)
    built = root / "hub" / "static"
    beside, old = built.with_name("static.new"), built.with_name("static.old")
    shutil.rmtree(beside, ignore_errors=True)
    words = ["run", "build", "--", "--outDir", str(beside), "--emptyOutDir"]
    _npm(node, root / "web", words, "Building the page", terminal)
    if not (beside / "index.html").exists():
        raise SetupProblem("Building the page made no index.html; see web/vite.config.ts.")
    (beside / MADE_FROM).write_text(made_from, "utf-8")
    shutil.rmtree(old, ignore_errors=True)
    if built.exists():
        built.rename(old)
    beside.rename(built)
    shutil.rmtree(old, ignore_errors=True)


def _npm(node: Node, web: Path, words: list[str], what: str, terminal: Terminal) -> None:
    code, output = run_watched([*node.npm, *words], what=what, terminal=terminal, cwd=web, env=node.env)
    if code:
        raise SetupProblem(explain(what, output))
