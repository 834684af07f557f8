"""Following a repository: what is behind, forward only, nothing of one's own lost, reasons in words."""

import os
import shutil
from pathlib import Path

import pytest

from hub.errors import HubError
from hub.settings import Updates as Rules
from hub.updates import Updates
from hub.updates.git import Git, GitFailed
from tests.hub.updates.copies import Copies, git

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git here")


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return Copies(tmp_path)


def following(copies: Copies) -> Updates:
    return Updates(copies.copy, Rules())


async def reason(call: object) -> str:
    with pytest.raises(HubError) as refused:
        await call  # type: ignore[misc]
    return refused.value.text


async def test_nothing_new(copies: Copies) -> None:
    updates = following(copies)
    assert (await updates.look()).count == 0
    assert (await updates.take()).count == 0


async def test_what_is_new_is_told_newest_first_and_taken(copies: Copies) -> None:
    for number in range(8):
        copies.publish("README.md", f"{number}\n", f"Change {number}")
    updates = following(copies)
    behind = await updates.look()
    assert (behind.count, behind.preview) == (8, [f"Change {number}" for number in (7, 6, 5, 4, 3, 2)])
    assert (copies.copy / "README.md").read_text() == "first\n", "looking changes no file"
    assert (await updates.take()).count == 8
    assert (copies.copy / "README.md").read_text() == "7\n"
    assert (await updates.look()).count == 0


async def test_files_changed_by_hand_are_kept_and_named(copies: Copies) -> None:
    copies.publish("other.txt", "new\n", "Add another")
    (copies.copy / "README.md").write_text("mine\n")
    told = await reason(following(copies).take())
    assert "README.md" in told and "not taken" in told
    assert (copies.copy / "README.md").read_text() == "mine\n" and not (copies.copy / "other.txt").exists()


async def test_files_in_the_way_are_kept(copies: Copies) -> None:
    copies.publish("other.txt", "new\n", "Add another")
    (copies.copy / "other.txt").write_text("mine, never added\n")
    before = git(copies.copy, "rev-parse", "HEAD")
    assert "nothing was changed" in await reason(following(copies).take())
    assert (copies.copy / "other.txt").read_text() == "mine, never added\n"
    assert git(copies.copy, "rev-parse", "HEAD") == before


async def test_a_copy_with_commits_of_its_own_is_not_merged(copies: Copies) -> None:
    copies.publish("README.md", "theirs\n", "Theirs")
    (copies.copy / "own.txt").write_text("mine\n")
    git(copies.copy, "add", "--all")
    git(copies.copy, "commit", "--quiet", "--message", "Mine")
    before = git(copies.copy, "rev-parse", "HEAD")
    updates = following(copies)
    assert (await updates.look()).count == 1
    assert "commits or files of its own" in await reason(updates.take())
    assert git(copies.copy, "rev-parse", "HEAD") == before


async def test_a_folder_that_is_no_copy_says_so(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    told = await reason(Updates(tmp_path / "plain", Rules()).look())
    assert "cannot be updated from here" in told


async def test_a_copy_inside_another_repository_is_not_touched(copies: Copies) -> None:
    inside = copies.copy / "vendored"
    inside.mkdir()
    assert "inside another git repository" in await reason(Updates(inside, Rules()).look())


async def test_a_branch_that_follows_none_says_so(copies: Copies) -> None:
    git(copies.copy, "checkout", "--quiet", "-b", "own")
    assert "follows no branch" in await reason(following(copies).look())


async def test_a_remote_that_is_gone_is_told_without_its_password(copies: Copies) -> None:
    git(copies.copy, "remote", "set-url", "origin", "https://ann:hidden@127.0.0.1:1/hub.git")
    told = await reason(following(copies).look())
    assert "fetch failed" in told and "hidden" not in told and "ann" not in told


async def test_an_address_that_runs_a_command_is_refused(copies: Copies, tmp_path: Path) -> None:
    git(copies.copy, "remote", "set-url", "origin", f"ext::sh -c touch% {tmp_path / 'ran'}")
    assert "not allowed" in await reason(following(copies).look())
    assert not (tmp_path / "ran").exists()


async def test_switched_off_nothing_is_called(copies: Copies) -> None:
    copies.publish("README.md", "new\n", "New")
    updates = Updates(copies.copy, Rules(allowed=False))
    assert "updates.allowed" in await reason(updates.look())
    assert "updates.allowed" in await reason(updates.take())


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script")
async def test_a_slow_git_is_ended_with_all_it_started(tmp_path: Path) -> None:
    tools, mark = tmp_path / "tools", tmp_path / "pid"
    tools.mkdir()
    (tools / "git").write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {mark}\nwait\n")
    (tools / "git").chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    slow = Git(tmp_path, {**os.environ, "PATH": path})
    with pytest.raises(GitFailed, match="longer than"):
        await slow("fetch", seconds=3)
    if mark.exists():  # it had come so far
        assert not _lives(int(mark.read_text()))


def _lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_missing_git_says_so(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="not installed"):
        await Git(tmp_path, {"PATH": str(tmp_path)})("status", seconds=5)
