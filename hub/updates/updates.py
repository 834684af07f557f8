"""Looking for updates and taking them: forward only, and only where nothing of one's own would be lost."""

import asyncio
import logging
from pathlib import Path

from msgspec import Struct

from hub.errors import HubError
from hub.settings import Updates as Rules
from hub.updates.git import Git, GitFailed

SHOWN = 6
"""First lines of commits that are told, as SwarmUI's clients show them (swarm-api §2.5)."""
QUICK_SECONDS = 20.0
"""For calls that reach no other machine."""
_log = logging.getLogger("hub.updates")


class Behind(Struct, frozen=True):
    """How many commits the copy lacks, and the first lines of some, newest first."""

    count: int
    preview: list[str]


class Updates:
    """The copy of the hub in the folder `root`. Only one call at a time looks or changes."""

    def __init__(self, root: Path, rules: Rules, git: Git | None = None) -> None:
        self._root = root
        self._rules = rules
        self._git = git or Git(root)
        self._lock = asyncio.Lock()

    async def look(self) -> Behind:
        """Ask the remote what there is. Raises HubError with the reason when that cannot be."""
        async with self._lock:
            return await self._look()

    async def take(self) -> Behind:
        """Bring the copy forward to the remote's; what was taken. Raises HubError, and then the copy is as
        it was."""
        async with self._lock:
            behind = await self._look()
            if not behind.count:
                return behind
            await self._demand_clean()
            try:
                await self._git("merge", "--ff-only", "--quiet", "@{upstream}", seconds=self._rules.seconds)
            except GitFailed as trouble:
                raise HubError(
                    "The update could not be taken, and nothing was changed: this copy has commits or files "
                    f"of its own that are in its way. ({trouble.text})"
                ) from trouble
            _log.warning("%d commits were taken", behind.count)
            return behind

    async def _look(self) -> Behind:
        await self._demand_copy()
        await self._git("fetch", "--quiet", "--no-recurse-submodules", seconds=self._rules.seconds)
        count = int(await self._quick("rev-list", "--count", "HEAD..@{upstream}"))
        titles = await self._quick("log", f"--max-count={SHOWN}", "--format=%s", "HEAD..@{upstream}")
        return Behind(count, [line[:200] for line in titles.splitlines()])

    async def _demand_copy(self) -> None:
        """Raise the reason why this copy follows nothing."""
        if not self._rules.allowed:
            raise HubError(
                "Updates are switched off here (setting updates.allowed).", field="updates.allowed"
            )
        try:
            top = await self._quick("rev-parse", "--show-toplevel")
        except GitFailed as trouble:
            raise HubError(
                f"This copy of the hub cannot be updated from here: {trouble.text} "
                "Update it the way it was installed."
            ) from trouble
        if not await asyncio.to_thread(_same, Path(top), self._root):
            raise HubError(
                "This copy of the hub lies inside another git repository, which is not touched. "
                "Update it the way it was installed."
            )
        try:
            await self._quick("rev-parse", "--abbrev-ref", "@{upstream}")
        except GitFailed as trouble:
            raise HubError(
                "This copy of the hub follows no branch of a remote repository, so there is nowhere to look "
                "for updates. ('git branch --set-upstream-to' makes it follow one.)"
            ) from trouble

    async def _demand_clean(self) -> None:
        changed = await self._quick("status", "--porcelain", "--untracked-files=no")
        if changed:
            names = [line.split(maxsplit=1)[-1] for line in changed.splitlines()]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise HubError(
                "The update was not taken: files of this copy were changed by hand, and they are not "
                f"overwritten: {', '.join(names[:3])}{more}. Keep or undo these changes first "
                "('git stash' puts them aside)."
            )

    async def _quick(self, *words: str) -> str:
        return await self._git(*words, seconds=QUICK_SECONDS)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
