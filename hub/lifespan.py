"""The order of start and stop: every room is opened here, put on the table of rooms, and closed in
reverse."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from backends.pool import Pool
from backends.spawn import SpawnOptions
from hub import __version__
from hub.accounts import Accounts, UpstreamKeys
from hub.backups import settle
from hub.batches import Batches
from hub.catalog import Catalog, Conversion, Extraction, ModelFiles
from hub.departures import Departures, Forgetful
from hub.downloads import Downloads
from hub.engines import Engines
from hub.errors import HubError
from hub.grids import Grids, SavedGrids
from hub.identity import Identity
from hub.jobs import Intake, Jobs, Runs
from hub.logs import Recent
from hub.media import Media
from hub.openid import OpenID
from hub.outside import ANY, Outside, Rule
from hub.ownership import own_folder
from hub.params import Registry
from hub.safety import Safety
from hub.settings import Settings
from hub.shell import open_line
from hub.store import Store
from hub.upkeep import open_upkeep
from hub.webhooks import Hooks, ServerHooks
from hub.wire.address import Place, outside_address
from hub.wire.listening import demand_owner
from hub.wire.switchboard import Switchboard
from hub.workflows import Workflows

_log = logging.getLogger(__name__)


def make_lifespan(board: Switchboard) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """What runs while the application does."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        settings, identity = board.settings, Identity()
        async with AsyncExitStack() as closing:
            closing.enter_context(own_folder(settings.folders.data))
            settle(settings.folders.data)
            recent = _listen(closing)
            store = await Store.open(settings.folders.database)
            closing.push_async_callback(store.close)
            accounts = await Accounts.open(settings, store)
            closing.push_async_callback(accounts.close)
            await closing.enter_async_context(open_line(settings.folders.keys, accounts))
            await demand_owner(settings.network.host, accounts)
            media = Media(
                settings.folders.outputs, store.images, __version__, append_user=settings.outputs.append_user
            )
            closing.callback(media.close)
            safety = await _open_safety(settings, closing)
            jobs = Jobs(store, media, most_waiting=settings.limits.waiting_images, safety=safety)
            pool = _make_pool(settings, jobs, accounts.upstream_keys, identity)
            engines = Engines(settings, store, pool)
            await engines.open()
            jobs.use(pool)
            catalog = Catalog(settings, pool.builtin_models())
            catalog.use(pool)
            await catalog.refresh()
            files = ModelFiles(settings, catalog)
            downloads = Downloads(settings, _outside(settings), accounts.upstream_keys, catalog, files)
            closing.push_async_callback(downloads.stop)
            workflows = Workflows(settings.folders.workflows)
            registry = Registry(pool.types(), pool.states, lambda: pool.version, workflows.names)
            intake = Intake(accounts, registry, catalog, media, settings.limits, workflows.graph_of)
            hooks, server_hooks = _open_hooks(settings, store, jobs, closing)
            runs = [Runs(store, accounts, kind) for kind in ("grid", "image batch")]
            grids, batches = _make_many(settings, registry, intake, jobs, media, runs)
            made = (settings, board, store, accounts, media, jobs, pool, catalog, registry, intake, engines)
            saved = SavedGrids(store)
            forgetful = (grids, batches, downloads, hooks)
            departures = _open_departures(store, accounts, media, jobs, saved, forgetful)
            openid = _open_openid(settings, accounts, closing)
            kept = (saved, departures, openid, Conversion(catalog), Extraction(catalog, files), workflows)
            many = (safety, grids, batches, files, downloads, hooks, identity)
            upkeep = open_upkeep(settings, jobs, board, server_hooks, openid.seal, closing)
            rooms: dict[type, object] = {}
            for room in (*made, *many, *kept, recent, *upkeep):
                rooms |= parts_of(room)
            board.open(rooms, accounts)
            # Grids before the jobs: a refused image would end one that the next start shall go on with.
            for part in (pool, jobs, engines, grids, batches, departures):
                closing.push_async_callback(part.stop)
            await _begin_work(settings, jobs, pool, (hooks, server_hooks), closing)
            grids.resume()
            batches.resume()
            yield

    return lifespan


async def _open_safety(settings: Settings, closing: AsyncExitStack) -> Safety:
    """The checks of contents, ready where they are switched on."""
    safety = Safety(settings.safety, settings.folders.checkers)
    closing.push_async_callback(safety.close)
    await safety.open()
    return safety


def _make_many(
    settings: Settings, registry: Registry, intake: Intake, jobs: Jobs, media: Media, runs: list[Runs]
) -> tuple[Grids, Batches]:
    """What makes many jobs of one request, each with its own runs."""
    grids = Grids(registry, intake, jobs, media, runs[0], settings.limits)
    folders = settings.folders.batches
    return grids, Batches(registry, intake, jobs, media, runs[1], settings.limits, folders)


async def _begin_work(
    settings: Settings,
    jobs: Jobs,
    pool: Pool,
    listeners: tuple[Hooks, ServerHooks],
    closing: AsyncExitStack,
) -> None:
    """Let jobs go on, engines begin, and watch both. Whoever listens does so before the first job."""
    for listener in listeners:
        listener.start()
    await jobs.start()
    await pool.start()
    jobs.lookout.start(lambda: settings.engines.stuck_seconds)
    closing.callback(jobs.lookout.stop)
    jobs.measured.start()
    closing.callback(jobs.measured.stop)


def _open_departures(
    store: Store,
    accounts: Accounts,
    media: Media,
    jobs: Jobs,
    saved: SavedGrids,
    rooms: tuple[Forgetful, ...],
) -> Departures:
    """What deletes accounts, going on with what the last run left half-way. What somebody has shared stays,
    without the name."""
    departures = Departures(store, accounts, media, jobs, rooms, (saved.disown, accounts.presets.disown))
    departures.resume()
    return departures


def _open_openid(settings: Settings, accounts: Accounts, closing: AsyncExitStack) -> OpenID:
    openid = OpenID(settings, accounts, f"GenerationHub/{__version__}")
    closing.push_async_callback(openid.close)
    return openid


def _listen(closing: AsyncExitStack) -> Recent:
    """Keep what is logged from here on, for an administrator's eyes."""
    recent = Recent()
    logging.getLogger().addHandler(recent)
    closing.callback(logging.getLogger().removeHandler, recent)
    return recent


def parts_of(room: object) -> dict[type, object]:
    """A room and its public parts by type, so that a route can ask for just the part it needs."""
    names = getattr(room, "__struct_fields__", None) or getattr(room, "__dict__", {})
    parts = (getattr(room, name) for name in names if not name.startswith("_"))
    ours = {type(part): part for part in parts if type(part).__module__.startswith("hub.")}
    return ours | {type(room): room}


def _outside(settings: Settings) -> Outside:
    chosen = settings.downloads

    def rule() -> Rule:
        return Rule(chosen.hosts, chosen.delivery_hosts, chosen.private_addresses)

    return Outside(rule, f"GenerationHub/{__version__}")


def _open_hooks(
    settings: Settings, store: Store, jobs: Jobs, closing: AsyncExitStack
) -> tuple[Hooks, ServerHooks]:
    """Those of users and the server's own."""
    hooks = _hooks(settings, store, jobs)
    closing.push_async_callback(hooks.stop)
    server_hooks = _server_hooks(settings, jobs)
    closing.push_async_callback(server_hooks.stop)
    jobs.use_onlooker(server_hooks)
    return hooks, server_hooks


def _hooks(settings: Settings, store: Store, jobs: Jobs) -> Hooks:
    def rule() -> Rule:
        return Rule((ANY,), private=settings.webhooks.private_addresses, section="webhooks")

    outside = Outside(rule, f"GenerationHub/{__version__}")
    return Hooks(
        settings.webhooks, store, jobs, outside, settings.folders.keys, Place(settings.network).outer
    )


def _server_hooks(settings: Settings, jobs: Jobs) -> ServerHooks:
    network = settings.network
    rule = Rule((ANY,), private=True, section="webhooks")  # whoever sets these runs the server
    outside = Outside(rule, f"GenerationHub/{__version__}")
    return ServerHooks(settings.webhooks, jobs, outside, outside_address(network))


def _make_pool(settings: Settings, jobs: Jobs, keys: UpstreamKeys, identity: Identity) -> Pool:
    """The pool, still empty."""
    chosen = settings.engines

    async def key_of(user: str, kind: str) -> str:
        try:
            return keys.use(user, kind) or ""
        except HubError as lost:
            _log.warning("user %s: %s", user, lost)
            return ""

    return Pool(
        settings.folders.engines,
        (),
        jobs.report,
        jobs.engines_changed,
        jobs.lost,
        start_at_boot=chosen.start_at_boot,
        spawning=SpawnOptions(
            threads=chosen.threads, downloads=chosen.downloads, keep=str(settings.folders.data / "learned")
        ),
        key=key_of,
        server=identity.server,
    )
