"""Whether the hub answers, and whether it can draw: for the launcher, supervisors and proxies."""

from msgspec import Struct

from backends.pool import Pool
from hub import __version__
from hub.errors import HubError
from hub.identity import Identity
from hub.jobs import Jobs
from hub.wire import Switchboard, own


class HealthOut(Struct):
    """`status` is always ok when an answer comes at all; `version` is the hub's, `server_id` is new with each
    start, `servers` are the ids of the hubs behind its engines.
    """

    status: str
    version: str
    server_id: str
    servers: tuple[str, ...]


class ReadyOut(Struct):
    """`ready` is always true when it is not an error."""

    ready: bool


@own("/health", permission=None, method="GET")
async def health(identity: Identity, pool: Pool) -> HealthOut:
    """Tell that the hub is up, its version, and by which ids other hubs know it and those behind it."""
    return HealthOut("ok", __version__, identity.server, pool.servers())


@own("/ready", permission=None, method="GET")
async def ready(jobs: Jobs, board: Switchboard) -> ReadyOut:
    """Tell whether new work is taken and an engine is there to do it; with status 503 when not."""
    if board.stopping:
        raise HubError("The hub is stopping.", error_id="not_ready", status=503)
    state = jobs.status(jobs.counts()).backend_status
    if state.status not in ("running", "some_loading"):
        raise HubError(
            state.message or "No engine is ready.", error_id="not_ready", status=503, engines=state.status
        )
    return ReadyOut(True)
