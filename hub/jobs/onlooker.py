"""Who looks on at all jobs of everyone, for what the server itself does about them."""

from typing import Protocol

from msgspec import Struct

from backends.contract import Work
from hub.media import Finished, Occasion, Saved
from hub.params.request import GenRequest


class Over(Struct, frozen=True):
    """A job that has ended: the request and work of its first image, how many images were `made`."""

    request: GenRequest
    work: Work
    occasion: Occasion
    made: int


class Onlooker(Protocol):
    """Called within what happens, so that it must neither wait nor raise."""

    def may_start(self) -> bool:
        """Whether an image may go to an engine now; on False it calls `Jobs.go_on` later."""

    def pictured(self, finished: Finished, saved: Saved) -> None:
        """A picture is final."""

    def ended(self, over: Over) -> None:
        """A job has ended."""
