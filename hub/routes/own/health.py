"""Whether the hub answers; for the launcher, for supervisors and for people behind a proxy."""

from msgspec import Struct

from hub import __version__
from hub.wire import own


class HealthOut(Struct):
    """`status` is always ok when an answer comes at all; `version` is the hub's."""

    status: str
    version: str


@own("/health", permission=None, method="GET")
async def health() -> HealthOut:
    """Tell that the hub is up, and its version."""
    return HealthOut("ok", __version__)
