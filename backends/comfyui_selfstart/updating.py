"""Brings the folder of a ComfyUI up to date with the git repository it was taken from: forward only.

Nothing of one's own is ever lost: where the folder has changes or commits in the way, git refuses and
ComfyUI starts as it is. git never asks, never hangs, and runs no hooks.
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path

SECONDS = 60.0
"""How long one update may take."""

_PROTOCOLS = "file:git:http:https:ssh"  # others run commands that stand in the address
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_LONGEST = 300


class NotUpdated(Exception):
    """The folder is as it was; the text says why, for the administrator."""


async def update(folder: Path, around: Mapping[str, str], seconds: float = SECONDS) -> str:
    """Pull what is new; what came of it, in words. Raises NotUpdated."""
    if not (folder / ".git").exists():
        # a repository around it is another program's
        raise NotUpdated("its folder is no git repository")
    before = await _git(folder, around, seconds, "rev-parse", "--short", "HEAD")
    await _git(folder, around, seconds, "pull", "--ff-only", "--no-rebase", "--quiet", "--no-autostash")
    after = await _git(folder, around, seconds, "rev-parse", "--short", "HEAD")
    return f"updated from {before} to {after}" if after != before else f"up to date ({after})"


async def _git(folder: Path, around: Mapping[str, str], seconds: float, *words: str) -> str:
    kept = {name: value for name, value in around.items() if not name.startswith("GIT_")}
    environment = kept | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "GIT_SSH_COMMAND": around.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
        "LC_ALL": "C",
    }
    try:
        process = await asyncio.create_subprocess_exec(
            *("git", "-c", "core.hooksPath=/dev/null", *words),
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=os.name == "posix",
        )
    except OSError as missing:
        raise NotUpdated("git cannot be run on this machine") from missing
    try:
        async with asyncio.timeout(seconds):
            said, complaint = await process.communicate()
    except TimeoutError as late:
        raise NotUpdated(f"git was not ready after {seconds:.0f} seconds") from late
    finally:
        if process.returncode is None:
            _end(process)
            await process.wait()
    if process.returncode:
        raise NotUpdated(_why(complaint))
    return said.decode(errors="replace").strip()


def _end(process: asyncio.subprocess.Process) -> None:
    """End it with what it has started for the way to a remote."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _why(complaint: bytes) -> str:
    """The line of git's complaint that says most, without logins in addresses."""
    lines = [line.strip() for line in complaint.decode(errors="replace").splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
    return f"git says: {_LOGIN.sub('', said)[:_LONGEST]}" if said else "git failed and did not say why"
