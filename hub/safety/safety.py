"""The one place that says whose work is checked, asks the checkers, and withholds."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

import msgspec

from backends.contract import Image, Work
from hub.accounts.caller import Limits
from hub.errors import HubError
from hub.safety.blur import blurred
from hub.safety.checker import Checker, Finding, Unusable
from hub.safety.discover import find_types
from hub.settings import Safety as Chosen

_log = logging.getLogger("hub.safety")
EVERYONE, ROLES = "everyone", "roles"
STOP_SECONDS = 5.0
"""How long a checker has to end, after which the hub ends without it."""
NOTE = "content_check"
"""Under which a blurred picture's metadata say why."""


class Withheld(HubError):
    """Something is not given out; the text names the setting or the role's switch that has it checked."""


class Safety:
    """The checkers that are chosen, started when the first is needed. `folders` hold further ones."""

    def __init__(self, chosen: Chosen | None = None, folders: Iterable[Path] = ()) -> None:
        self._chosen = chosen or Chosen()
        self._folders = tuple(folders)
        self._checkers: list[Checker] | None = None
        self._starting = asyncio.Lock()

    async def open(self) -> None:
        """Get the checkers ready where they are switched on. Raises Unusable."""
        if self._chosen.check != "off":
            await self._ready()

    async def close(self) -> None:
        """End them."""
        checkers, self._checkers = self._checkers or [], None
        for checker in checkers:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(STOP_SECONDS):
                    await checker.stop()

    def applies(self, limits: Limits) -> bool:
        """Whether the work of somebody with these limits is checked."""
        return self._chosen.check == EVERYONE or (self._chosen.check == ROLES and limits.check_content)

    def refuse_around(self, limits: Limits) -> None:
        """Close a way on which nothing could be checked to those whose work is. Raises Withheld."""
        if self.applies(limits):
            raise Withheld(
                f"This way leads past the check of contents and is closed. {self._why()}",
                setting="safety.check",
                status=403,
            )

    async def demand_texts(self, works: Iterable[Work]) -> None:
        """Refuse what the checkers refuse to be asked for. Raises Withheld."""
        texts = tuple(dict.fromkeys(text for work in works for text in texts_of(work) if text))
        for checker in await self._at_hand():
            try:
                found = await checker.texts(texts)
            except Exception as broken:
                _log.exception("A checker of texts broke")
                raise self._unchecked("request") from broken
            if found is not None:
                _log.info("a request was refused: %s", found.reason)
                raise self._refusal("The request was refused", found)

    async def judge(self, image: Image) -> Image:
        """The picture as it may be given out: as it is, or blurred where the setting says so. Raises
        Withheld, also when it could not be checked."""
        for checker in await self._at_hand():
            try:
                found = await checker.picture(image.data)
            except Exception as broken:
                _log.error("A picture could not be checked: %s", broken, exc_info=broken)
                raise self._unchecked("image") from broken
            if found is not None:
                _log.info("an image was withheld: %s", found.reason)
                return await self._instead(image, found)
        return image

    async def _instead(self, image: Image, found: Finding) -> Image:
        refusal = self._refusal("The image was withheld", found)
        if self._chosen.withheld != "blurred":
            raise refusal
        try:
            data = await asyncio.to_thread(blurred, image.data)
        except (OSError, ValueError) as broken:
            raise refusal from broken
        return msgspec.structs.replace(image, data=data, notes={**image.notes, NOTE: refusal.text})

    def _refusal(self, what: str, found: Finding) -> Withheld:
        return Withheld(
            f"{what}: {found.reason} (setting {found.setting}). {self._why()}", setting=found.setting
        )

    def _unchecked(self, what: str) -> Withheld:
        return Withheld(
            f"The {what} was withheld because it could not be checked; the server's log says why. "
            f"{self._why()}",
            setting="safety.checkers",
        )

    def _why(self) -> str:
        if self._chosen.check == EVERYONE:
            return "The server checks everybody's images (setting safety.check)."
        return "Your role has its images checked (its switch check_content, setting safety.check)."

    async def _at_hand(self) -> list[Checker]:
        try:
            return await self._ready()
        except Unusable as wrong:
            _log.error("%s", wrong)
            raise self._unchecked("image") from wrong

    async def _ready(self) -> list[Checker]:
        async with self._starting:
            if self._checkers is None:
                self._checkers = await self._begun()
            return self._checkers

    async def _begun(self) -> list[Checker]:
        known = find_types(self._folders)
        begun: list[Checker] = []
        for name in self._chosen.checkers:
            kind = known.get(name)
            if kind is None:
                raise Unusable(
                    f"safety.checkers names '{name}', which is no checker here. There are: "
                    f"{', '.join(sorted(known))}."
                )
            checker = kind.make(self._chosen)
            await checker.start()
            begun.append(checker)
        if not begun:
            raise Unusable(
                "safety.check is on, but safety.checkers names no checker. Name one, or set it off."
            )
        return begun


def told_of(image: Image) -> tuple[str, ...]:
    """What its user is told of a picture: why it is blurred, here or by the hub it comes from."""
    note = image.notes.get(NOTE)
    return (note,) if isinstance(note, str) else ()


def texts_of(work: Work) -> Iterable[str]:
    """Everything a user wrote that is drawn: the prompt, those of its parts, and the texts of a graph.

    A negative prompt is what must not be drawn, and is left alone.
    """
    yield work.prompt
    for region in work.regions:
        if not region.negative:
            yield region.prompt
    if work.workflow is not None:
        yield work.workflow.graph
        yield from (value for value in work.workflow.values.values() if isinstance(value, str))
    yield from (value for value in work.extra.values() if isinstance(value, str))
