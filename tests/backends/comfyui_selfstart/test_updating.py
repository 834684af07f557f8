"""ComfyUI's folder follows its git repository, forward only; what goes wrong leaves it as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backends.comfyui_selfstart.updating import NotUpdated, update
from tests.backends.comfyui_selfstart.test_child import STAND_IN
from tests.backends.comfyui_selfstart.test_client import bench

MAIN = f"import runpy\n\nrunpy.run_path({str(STAND_IN)!r}, run_name='__main__')\n"
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *AUTHOR, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    git(folder, "add", name)
    git(folder, "commit", "-q", "-m", f"{name} {len(text)}")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q")
    write(folder, "main.py", MAIN)
    return folder


@pytest.fixture
def copy(origin: Path) -> Path:
    git(origin.parent, "clone", "-q", str(origin), "copy")
    return origin.parent / "copy"


async def test_what_is_new_is_taken(origin: Path, copy: Path) -> None:
    assert (await update(copy, os.environ)).startswith("up to date (")
    write(origin, "new.py", "1")
    told = await update(copy, os.environ)
    assert told == f"updated from {git(origin, 'rev-parse', '--short', 'HEAD~1')} to " + git(
        origin, "rev-parse", "--short", "HEAD"
    )
    assert (copy / "new.py").read_text() == "1"


async def test_changes_of_ones_own_stay(origin: Path, copy: Path) -> None:
    (copy / "main.py").write_text("mine")
    write(origin, "main.py", "theirs")
    with pytest.raises(NotUpdated, match="git says"):
        await update(copy, os.environ)
    assert (copy / "main.py").read_text() == "mine"


async def test_commits_of_ones_own_are_not_merged(origin: Path, copy: Path) -> None:
    write(copy, "mine.py", "m")
    write(origin, "theirs.py", "t")
    head = git(copy, "rev-parse", "HEAD")
    with pytest.raises(NotUpdated, match="git says"):
        await update(copy, os.environ)
    assert git(copy, "rev-parse", "HEAD") == head and not (copy / "theirs.py").exists()


async def test_no_hook_is_run(origin: Path, copy: Path) -> None:
    hook = copy / ".git/hooks/post-merge"
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    write(origin, "new.py", "1")
    await update(copy, os.environ)
    assert (copy / "new.py").exists() and not (copy / "ran").exists()


async def test_a_repository_around_it_is_another_programs(origin: Path, copy: Path) -> None:
    (copy / "inside").mkdir()
    write(origin, "new.py", "1")
    with pytest.raises(NotUpdated, match="no git repository"):
        await update(copy / "inside", os.environ)
    assert not (copy / "new.py").exists()


async def test_a_remote_that_is_gone_or_hangs(copy: Path, tmp_path: Path) -> None:
    git(copy, "remote", "set-url", "origin", str(tmp_path / "gone"))
    with pytest.raises(NotUpdated, match="git says"):
        await update(copy, os.environ)
    git(copy, "remote", "set-url", "origin", "ssh://somewhere/else")
    with pytest.raises(NotUpdated, match="not ready after 2 seconds"):
        await update(copy, {**os.environ, "GIT_SSH_COMMAND": "sleep 1000;"}, seconds=2)


async def test_the_engine_does_it_before_it_starts(origin: Path, copy: Path) -> None:
    write(origin, "new.py", "1")
    root = {"StartScript": str(copy), "Python": sys.executable, "AutoUpdate": "true"}
    async with bench(**root) as made:
        await made.until(lambda: made.state.status == "running")
        assert (copy / "new.py").exists()
        assert any("updated from" in line for line in made.lines)


async def test_a_failure_does_not_keep_it_from_starting(origin: Path, copy: Path) -> None:
    (copy / "main.py").write_text(MAIN + "\n")
    write(origin, "main.py", "broken")
    async with bench(StartScript=str(copy), Python=sys.executable, AutoUpdate="true") as made:
        await made.until(lambda: made.state.status == "running")
        assert any("not updated, and starts as it is" in line for line in made.lines)
