"""Passwords: bcrypt over the client's pre-hash, in a few threads so that the loop never waits.

bcrypt takes 72 bytes at most; the pre-hash (swarm-api §1.4) is 64 hex digits.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TypeVar

import bcrypt

T = TypeVar("T")
ROUNDS = 12
THREADS = 2
SHORTEST = 8
LONGEST = 500
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_UNHASHED = "__swarmdoprehash:"


def prehash(user: str, password: str) -> str:
    """The 64 hex digits a password stands for, whichever of the three forms it came in.

    64 hex digits are taken as they are, text behind `__swarmdoprehash:` is what the client would have hashed,
    and anything else is the password itself.
    """
    if _HEX.fullmatch(password):
        return password.lower()
    text = password.removeprefix(_UNHASHED)
    if text == password:
        text = f"swarmclientpw:{user}:{password}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Passwords:
    """Hash and check in at most `THREADS` threads; further ones wait in line."""

    def __init__(self, rounds: int = ROUNDS) -> None:
        self._rounds = rounds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._nobody = bcrypt.hashpw(b"nobody", bcrypt.gensalt(rounds)).decode()

    async def hash(self, user: str, password: str) -> str:
        """The text to keep."""
        secret = prehash(user, password).encode()
        hashed = await self._away(lambda: bcrypt.hashpw(secret, bcrypt.gensalt(self._rounds)))
        return hashed.decode()

    async def matches(self, user: str, password: str, kept: str) -> bool:
        """Whether a password is the one whose hash is `kept`. Takes as long for nobody's ("") as for a
        wrong one."""
        secret = prehash(user, password).encode()
        against = (kept or self._nobody).encode()
        same = await self._away(lambda: bcrypt.checkpw(secret, against))
        return bool(kept) and same

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _away(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
