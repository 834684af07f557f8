"""What a checker is: one file that names CHECKER, here or in a folder the settings name."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from hub.settings import Safety as Chosen


class Unusable(Exception):
    """A checker cannot work as it is set; the text names the setting and what to do."""


class Finding(Struct, frozen=True):
    """Something that must not be: `reason` finishes the sentence "It was withheld because ..."; `setting`
    names what an administrator would change."""

    reason: str
    setting: str


class Checker(Protocol):
    """One way of looking. Neither question may hold up the event loop."""

    async def start(self) -> None:
        """Get ready; called once before the first question. Raises Unusable."""

    async def texts(self, texts: Sequence[str]) -> Finding | None:
        """What is wrong with what a user wrote, None when nothing is."""

    async def picture(self, data: bytes) -> Finding | None:
        """What is wrong with an encoded picture (PNG, JPEG, WebP), None when nothing is. Whatever it raises,
        the picture counts as not checked and is withheld."""

    async def stop(self) -> None:
        """Let go of everything."""


class CheckerType(Struct, frozen=True):
    """A kind of checker: its name in safety.checkers, what it does in a sentence, and how one is made from
    the settings, which may change while it lives."""

    id: str
    text: str
    make: Callable[[Chosen], Checker]
