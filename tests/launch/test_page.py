"""When the page is built, when not, and what stays when it cannot be."""

import io
from pathlib import Path

import pytest

from hub.setup.node import is_new_enough
from hub.setup.page import MADE_FROM, ensure_page, is_built, source_hash
from hub.setup.terminal import Terminal

# A small program in npm's place: it notes its arguments and builds what `vite build --outDir` would.
NPM = """#!/bin/sh
echo "$@" >> "{calls}"
if [ "$1" = ci ]; then mkdir -p node_modules; exit {ci}; fi
if [ "$1" = run ]; then mkdir -p "$5"; echo built > "$5/index.html"; exit {build}; fi
"""


def place_node(folder: Path, monkeypatch: pytest.MonkeyPatch, *, ci: int = 0, build: int = 0) -> Path:
    """Put a `node` and an `npm` on the PATH; return the file in which npm's calls are noted."""
    commands, calls = folder / "commands", folder / "calls.txt"
    commands.mkdir(exist_ok=True)
    (commands / "node").write_text("#!/bin/sh\necho v22.12.0\n")
    (commands / "npm").write_text(NPM.format(calls=calls, ci=ci, build=build))
    for command in commands.iterdir():
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    return calls


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "hub-copy"
    (root / "web" / "src").mkdir(parents=True)
    (root / "hub").mkdir()
    (root / "themes" / "dark").mkdir(parents=True)
    (root / "web" / "package.json").write_text("{}")
    (root / "web" / "package-lock.json").write_text("{}")
    (root / "web" / "src" / "main.ts").write_text("let a = 1;")
    (root / "themes" / "dark" / "theme.css").write_text(":root {}")
    return root


def test_is_built_once_and_again_only_when_its_sources_change(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = place_node(tmp_path, monkeypatch)
    assert ensure_page(root, Terminal(io.StringIO())) is None
    assert (root / "hub" / "static" / "index.html").exists()
    assert len(calls.read_text().splitlines()) == 2

    monkeypatch.setenv("PATH", "")  # nothing is called for an unchanged page
    assert is_built(root)
    assert ensure_page(root, Terminal(io.StringIO())) is None

    place_node(tmp_path, monkeypatch)
    (root / "themes" / "dark" / "theme.css").write_text(":root { --a: 1 }")
    assert not is_built(root)
    assert ensure_page(root, Terminal(io.StringIO())) is None
    assert is_built(root)
    assert [line.split()[0] for line in calls.read_text().splitlines()] == ["ci", "run", "run"]


def test_tests_and_packages_are_not_sources(root: Path) -> None:
    before = source_hash(root)
    (root / "web" / "node_modules" / "x").mkdir(parents=True)
    (root / "web" / "node_modules" / "x" / "index.js").write_text("1")
    (root / "web" / "tests").mkdir()
    (root / "web" / "tests" / "a.test.ts").write_text("1")
    assert source_hash(root) == before
    (root / "web" / "src" / "main.ts").rename(root / "web" / "src" / "other.ts")
    assert source_hash(root) != before


def test_a_failed_installation_is_one_sentence_and_the_hub_goes_on(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_node(tmp_path, monkeypatch, ci=1)
    screen = io.StringIO()
    problem = ensure_page(root, Terminal(screen))
    assert problem is not None
    assert problem.startswith("Installing the page's packages failed.")
    assert "\n" not in problem
    assert "The hub starts without its page." in screen.getvalue()


def test_a_failed_build_keeps_the_page_built_before(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_node(tmp_path, monkeypatch)
    ensure_page(root, Terminal(io.StringIO()))
    (root / "web" / "src" / "main.ts").write_text("let a = ;")
    place_node(tmp_path, monkeypatch, build=1)
    screen = io.StringIO()
    problem = ensure_page(root, Terminal(screen))
    assert problem is not None
    assert "The page built earlier is served." in screen.getvalue()
    assert (root / "hub" / "static" / MADE_FROM).exists()


def test_a_copy_without_the_sources_says_so(tmp_path: Path) -> None:
    assert "folder web" in str(ensure_page(tmp_path, Terminal(io.StringIO())))


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0\n", True),
        ("v24.1.0", True),
        ("v18.20.4", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_which_node_is_new_enough(version: str, answer: bool) -> None:
    assert is_new_enough(version) is answer
