"""What a service is to the client that all of them share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from backends.contract import RemoteModel, Work
from backends.hosted.calls import Answer, Call
from backends.hosted.refused import Refused
from backends.hosted.settings import HostedSettings


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as the service encoded it, with what it told about it."""

    data: bytes
    notes: Mapping[str, str | int | float | bool | list[str]] = field(default_factory=dict)


class Service(Protocol):
    """One provider's contract: what it is asked and how its answers read. Pure, but for pictures."""

    name: str
    """As sentences call it."""
    key_kind: str
    """Under which kind users keep its key; "" when it takes none."""
    address: str
    knock: str
    """A path below the address that answers something without a key."""

    @property
    def settings(self) -> HostedSettings:
        """How it is called."""

    def models(self) -> tuple[RemoteModel, ...]:
        """What it draws with. Raises Misconfigured."""

    def check(self, work: Work) -> None:
        """Raise Refused, naming the parameter, for what it cannot honour."""

    def call(self, work: Work) -> Call:
        """What to send for a checked work; runs in a thread. Raises Refused."""

    def busy(self, answer: Answer) -> bool:
        """Whether it wants to be asked again later, and has drawn nothing."""

    def glimpse(self, event: bytes) -> tuple[int, bytes] | None:
        """Which step an event of a stream is, from 1 on, and its picture; None for every other event. Runs
        in a thread.
        """

    def read(self, answer: Answer, key: str) -> Drawn:
        """The picture of an answer; runs in a thread. Raises Refused with its own words, never the key."""


def no_key(service: str, kind: str, model: str) -> Refused:
    """The refusal for a user who has not stored a key."""
    return Refused(
        f"{model} is drawn by {service} at the cost of your own account there, and you have stored no key "
        f"for it. Store one under API keys in your user settings (SetAPIKey with the key type {kind})."
    )
