"""Two hubs, one behind the other: the first has the second as its only engine.

With `--chained` the fixtures `hub` and `shared_hub` are the first of such a pair: what is tested of one hub
is tested through another one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from backends.pool import Pool
from hub.accounts import Sessions
from hub.catalog import Catalog
from hub.catalog.entry import SHELVES
from hub.settings import Settings
from hub.wire.route import Route
from tests.hub.running import RunningHub, running

SECONDS = 30.0


@asynccontextmanager
async def chained(
    data: Path, overrides: Mapping[str, str], routes: Iterable[Route] = (), **engine: str | bool
) -> AsyncIterator[RunningHub]:
    """The first of two hubs on `data`. The second, `behind` it, has the engines that `overrides` name; the
    first has none but it. `engine` are settings of the way between them.
    """
    own = {key: value for key, value in overrides.items() if key.startswith(("engines.", "folders."))}
    async with running(data.with_name(f"{data.name}-behind"), own) as behind:
        asked = " ".join(f"{name}={value}".lower() for name, value in engine.items())
        line = f"swarmswarmbackend address={behind.url} {asked}"
        async with running(data, {**overrides, "engines.types": line}, routes) as first:
            first.behind = behind
            if first.room(Settings).engines.start_at_boot:
                await until_serving(first)
            yield first


async def refreshed(hub: RunningHub) -> None:
    """Look for models where pictures are drawn, until the hub in front knows them all."""
    behind = hub.drawing.room(Catalog)
    await behind.refresh()
    if hub.behind is None:
        return
    caller = hub.behind.room(Sessions).find(hub.behind.session)
    assert caller is not None
    entries = [entry for subtype in SHELVES for entry in behind.seen_by(caller, subtype)]
    there = {(entry.subtype, entry.name) for entry in entries if entry.supported}
    pool = hub.room(Pool)
    await until_serving(hub)
    pool.refresh()
    async with asyncio.timeout(SECONDS):
        while not there <= _offered(pool):  # noqa: ASYNC110 - it may be so already
            await asyncio.sleep(0.02)


def _offered(pool: Pool) -> set[tuple[str, str]]:
    offers = [state.offers for state in pool.states()]
    return {(subtype, name) for offer in offers for subtype, names in offer.items() for name in names}


async def until_serving(hub: RunningHub, seconds: float = SECONDS) -> None:
    """Wait until every engine of a hub serves."""
    pool = hub.room(Pool)
    async with asyncio.timeout(seconds):
        while {state.status for state in pool.states()} != {"running"}:  # noqa: ASYNC110 - it may be so already
            await asyncio.sleep(0.02)
