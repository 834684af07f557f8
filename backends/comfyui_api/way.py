"""The way to a ComfyUI server itself, for whoever may call it directly."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from msgspec import Struct

from backends.comfyui_api.server_info import ServerInfo


class Way(Struct, frozen=True):
    """Where a server answers (`address` without a closing `/`), the headers that every call to it needs, what
    it last told of itself, and whether its own page is to be fetched anew each time (`fresh`).
    """

    address: str
    headers: Mapping[str, str]
    server: ServerInfo
    fresh: bool = False


@runtime_checkable
class HasWay(Protocol):
    """A client that speaks to a ComfyUI server."""

    def way(self) -> Way | None:
        """The way to it, None while nobody answers there."""
