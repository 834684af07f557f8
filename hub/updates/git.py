"""git, called so that it never asks, never hangs and tells no secret."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path

from hub.errors import HubError

MOST_BYTES = 4 * 2**20
"""Of an answer."""
TRANSPORTS = "file:git:http:https:ssh"
"""How a remote may be reached; others run commands that stand in the address."""
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


class GitFailed(HubError):
    """git did not do it; the text is its own last line."""


class Git:
    """Calls in the folder `root`. `seconds` is what one call may last."""

    def __init__(self, root: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._root = root
        self._environment = {
            **{key: value for key, value in environment.items() if not key.startswith("GIT_")},
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_SSH_COMMAND": environment.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
            "GIT_ALLOW_PROTOCOL": TRANSPORTS,
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
        }

    async def __call__(self, *words: str, seconds: float) -> str:
        """What git answers, stripped. Raises GitFailed for a failure, a missing git and one that is slow."""
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *words,
                cwd=self._root,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=os.name != "nt",
            )
        except OSError as missing:
            raise GitFailed("git is not installed on this machine.") from missing
        try:
            async with asyncio.timeout(seconds):
                said, complaint = await process.communicate()
        except TimeoutError as slow:
            raise GitFailed(f"git took longer than {seconds:g} seconds ('git {words[0]}').") from slow
        finally:
            await _end(process)
        if process.returncode:
            raise GitFailed(_reason(complaint, words[0]))
        return said[:MOST_BYTES].decode("utf-8", "replace").strip()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing of it stays: git starts further programs for the way to a remote."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "nt":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _reason(complaint: bytes, word: str) -> str:
    """The line of git's complaint that says most, without names and passwords of addresses."""
    lines = [line.strip() for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
    return f"git {word} failed: {_USERINFO.sub('', said)[:300] or 'it did not say why'}"
