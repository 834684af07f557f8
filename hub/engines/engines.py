"""All engines that are set up: added, changed, switched, removed and started anew while the hub runs."""

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from msgspec import Struct, structs

from backends.contract import EngineConfig, EngineState, EngineType
from backends.discover import EngineFolderError
from backends.engine_settings import RefusedSetting, fields_of, named, read_settings, secrets_of, set_values
from backends.lines import Line
from backends.pool import Pool
from hub.accounts import Box, LostKey
from hub.engines.kept import config_of, config_of_line, config_without_secrets, row_of
from hub.errors import BadInput, HubError
from hub.settings import Settings
from hub.store import Store

MASK = "\t<secret>"
"""What a secret that is set is shown as; sending it back means unchanged (swarm-api §6)."""
ALL = "all"
LOCKED = "Settings are locked."
LONGEST_TITLE = 200
MOST = 1000
"""Engines of one hub."""
_SEEDED = "engines_seeded"
_LAST = "engines_last"
_log = logging.getLogger(__name__)
T = TypeVar("T")


class EngineView(Struct, frozen=True):
    """One engine as a page may see it: `settings` with every value by name, secrets masked; `edits` how
    often it was changed since the start."""

    config: EngineConfig
    state: EngineState
    settings: dict[str, Any]
    edits: int
    loads_models: bool


class Engines:
    """The configured engines. What is refused is refused before anything is changed; what is accepted takes
    effect in the pool, then in the store, and is carried through even when nobody waits for the answer.
    """

    def __init__(self, settings: Settings, store: Store, pool: Pool) -> None:
        self._settings = settings.engines
        self._store = store
        self._pool = pool
        self._kinds: Mapping[str, EngineType] = {kind.id: kind for kind in pool.types()}
        self._box = Box(settings.folders.keys / "engines.key")
        self._configs: dict[int, EngineConfig] = {}
        self._edits: defaultdict[int, int] = defaultdict(int)
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._reserved: set[int] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Put every kept engine into the pool; the first start takes them from the setting `engines.types`.

        Raises EngineFolderError when that names an unknown type.
        """
        # only a digest of the lines is kept: a secret may stand in them
        lines = hashlib.sha256("\n".join(self._settings.types).encode()).hexdigest()
        seeded = self._store.user_data.get("", _SEEDED)
        if seeded is None:
            await self._seed(lines)
        elif seeded != lines:
            _log.warning(
                "The setting engines.types was changed. It says what a fresh data folder starts with; the "
                "engines of this one are set up under Server > Backends."
            )
        if seeded is not None:
            for row in self._store.engines.all():
                try:
                    self._take(config_of(row, self._box))
                except LostKey:
                    _log.error("The secrets of engine %d are lost with their key file: set them.", row.id)
                    self._take(config_without_secrets(row))

    async def _seed(self, lines: str) -> None:
        configs = [
            config_of_line(number, line, self._kinds) for number, line in enumerate(self._settings.types)
        ]
        for config in configs:
            self._pool.place(config)
            self._configs[config.id] = config
        for config in configs:
            await self._keep(config)
        await self._store.user_data.put("", _SEEDED, lines)

    def _take(self, config: EngineConfig) -> None:
        """One that was set up before. Its type may be gone: then it is listed, and nothing more."""
        self._configs[config.id] = config
        try:
            self._pool.place(config)
        except EngineFolderError as missing:
            _log.error("%s", missing)

    async def stop(self) -> None:
        """Leave changes under way where they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- what is there -------------------------------------------------------------------------------------

    def types(self) -> tuple[EngineType, ...]:
        """Every type an engine may be of."""
        return tuple(self._kinds.values())

    def all(self) -> list[EngineView]:
        """Every engine by its number."""
        states = {state.id: state for state in self._pool.states()}
        return [self._view(config, states.get(number)) for number, config in sorted(self._configs.items())]

    def one(self, engine: int) -> EngineView:
        """One engine; raises BadInput when there is none of that number."""
        config = self._configs.get(engine)
        if config is None:
            raise self._missing(str(engine), "backend_id")
        states = {state.id: state for state in self._pool.states()}
        return self._view(config, states.get(engine))

    def lines(self, engine: int) -> tuple[Line, ...]:
        """The last lines an engine has said, oldest first; raises BadInput."""
        return self._pool.lines(self.one(engine).config.id)

    def meant(self, words: str) -> list[EngineView]:
        """The engine of a number, or every one for "all"; raises BadInput naming `backend`."""
        words = words.strip()
        found = [view for view in self.all() if words.lower() == ALL or str(view.config.id) == words]
        if not found and words.lower() != ALL:
            raise self._missing(words, "backend", ALL)
        return found

    def _missing(self, engine: str, field: str, *others: str) -> BadInput:
        """The refusal of a number that no engine has."""
        known = [*others, *(str(number) for number in sorted(self._configs))]
        return BadInput(f"There is no backend '{engine[:100]}'.", field=field, limit=known)

    def _view(self, config: EngineConfig, state: EngineState | None) -> EngineView:
        kind = self._kinds.get(config.type)
        if state is None:
            state = EngineState(
                config.id, config.type, config.title, "errored", config.enabled, reason=_gone(config)
            )
        settings: dict[str, Any] = {}
        for field in fields_of(kind) if kind is not None else ():
            value = config.settings.get(field.name, field.default)
            settings[field.name] = MASK if field.is_secret and value else value
        loads = kind is not None and kind.loads_models
        return EngineView(config, state, settings, self._edits[config.id], loads)

    # ---- changes -------------------------------------------------------------------------------------------

    def demand_unlocked(self) -> None:
        """Raises HubError where the hub was started with locked settings."""
        if self._settings.locked:
            raise HubError(LOCKED)

    async def add(self, kind: str) -> EngineView:
        """One more engine of a type, with its type's settings. Raises BadInput, HubError."""
        self.demand_unlocked()
        if kind not in self._kinds:
            raise BadInput(
                f"There is no type of backend '{kind[:80]}'. There are: {', '.join(sorted(self._kinds))}.",
                field="type_id",
                limit=sorted(self._kinds),
            )
        if len(self._configs) >= MOST:
            raise BadInput(f"This hub has {MOST} backends, which is the most.", field="type_id", limit=MOST)
        number = self._next_number()
        config = EngineConfig(number, kind)
        self._configs[number] = config
        try:
            await self._keep(config)
        except BaseException:
            del self._configs[number]
            raise
        self._pool.add(config)
        return self.one(number)

    async def edit(
        self, engine: int, *, title: str | None = None, settings: Mapping[str, Any], number: int = -1
    ) -> EngineView:
        """Another title, other values of the settings named, another number (-1: the same); the rest stays.

        Raises BadInput naming what cannot be used, HubError.
        """
        self.demand_unlocked()
        self._check_title(title)
        new = self._free_number(engine, number)
        self._edited(engine, title, settings)  # refused before anything waits
        self._reserved.add(new)
        return await self._carry_through(self._edit(engine, title, settings, new))

    async def _edit(
        self, engine: int, title: str | None, settings: Mapping[str, Any], new: int
    ) -> EngineView:
        try:
            async with self._locks[engine]:
                await self._replace(engine, structs.replace(self._edited(engine, title, settings), id=new))
                return self.one(new)
        finally:
            self._reserved.discard(new)

    async def toggle(self, engine: int, enabled: bool) -> bool:
        """Switch an engine on or off, once its running images are done; False when it was so already.

        Raises BadInput, HubError.
        """
        self.demand_unlocked()
        self.one(engine)
        return await self._carry_through(self._toggle(engine, enabled))

    async def _toggle(self, engine: int, enabled: bool) -> bool:
        async with self._locks[engine]:
            config = self.one(engine).config
            if config.enabled == enabled:
                return False
            await self._replace(engine, structs.replace(config, enabled=enabled))
            return True

    async def delete(self, engine: int) -> bool:
        """Remove an engine, once its running images are done; False when there was none. Raises HubError."""
        self.demand_unlocked()
        return engine in self._configs and await self._carry_through(self._delete(engine))

    async def _delete(self, engine: int) -> bool:
        async with self._locks[engine]:
            config = self._configs.get(engine)
            if config is None:
                return False
            if config.type in self._kinds:
                await self._pool.remove(engine)
            await self._store.engines.delete(engine)
            self._configs.pop(engine, None)
            self._edits.pop(engine, None)
            return True

    async def restart(self, words: str) -> int:
        """Start an engine, or "all", anew, once their running images are done; how many. Those that are
        switched off or just starting are left alone. Raises BadInput, HubError."""
        self.demand_unlocked()
        meant = [
            view.config.id
            for view in self.meant(words)
            if view.config.enabled
            and view.config.type in self._kinds
            and view.state.status not in ("disabled", "loading")
        ]
        await asyncio.gather(*(self._carry_through(self._restart(number)) for number in meant))
        return len(meant)

    async def _restart(self, engine: int) -> None:
        async with self._locks[engine]:
            config = self._configs.get(engine)
            if config is not None and config.enabled:
                await self._pool.change(engine, config)

    # ---- within --------------------------------------------------------------------------------------------

    async def _replace(self, engine: int, config: EngineConfig) -> None:
        """Let another configuration take an engine's place."""
        if config.type in self._kinds:
            await self._pool.change(engine, config)
        await self._keep(config, engine)
        self._configs.pop(engine, None)
        self._configs[config.id] = config
        self._edits[config.id] = self._edits.pop(engine, 0) + 1

    def _edited(self, engine: int, title: str | None, given: Mapping[str, Any]) -> EngineConfig:
        """The engine with other values; raises BadInput."""
        config = self.one(engine).config
        kind = self._kinds.get(config.type)
        if kind is None:
            raise BadInput(
                f"This hub has no engines of the type {config.type!r} any more; remove it.",
                field="backend_id",
            )
        known = {field.name for field in fields_of(kind)}
        secrets = secrets_of(kind)
        told = {
            name: "" if value is None else value
            for name, value in named(kind, given).items()
            if not (name in secrets and str(value).strip() == MASK.strip())
        }
        # what an older version kept and this one does not know goes with the first edit
        values = {name: value for name, value in config.settings.items() if name in known} | told
        try:
            settings = set_values(kind, read_settings(kind, values))
        except RefusedSetting as refused:
            raise BadInput(refused.told, field=refused.name, limit=refused.limit) from refused
        return structs.replace(
            config, title=config.title if title is None else title.strip(), settings=settings
        )

    def _check_title(self, title: str | None) -> None:
        if title is not None and len(title) > LONGEST_TITLE:
            raise BadInput(
                f"The title is longer than {LONGEST_TITLE} characters.", field="title", limit=LONGEST_TITLE
            )

    def _free_number(self, engine: int, number: int) -> int:
        """The number an engine is going to have; raises BadInput for one that is taken."""
        if number in (-1, engine):
            return engine
        if number < 0:
            raise BadInput(
                f"Invalid value '{number}' for parameter 'new_id', must be 0 or more, or -1 for the same.",
                field="new_id",
                limit={"min": 0},
            )
        if number in self._configs or number in self._reserved:
            raise BadInput(f"There is a backend {number} already.", field="new_id")
        return number

    def _next_number(self) -> int:
        """A number that no engine has had: what was measured or said of a removed one is not of a new one."""
        last = int(self._store.user_data.get("", _LAST) or -1)
        number = max((last, *self._configs, *self._reserved)) + 1
        self._store.user_data.put("", _LAST, str(number))
        return number

    async def _keep(self, config: EngineConfig, old: int | None = None) -> None:
        await self._store.engines.put(row_of(config, self._kinds.get(config.type), self._box), old)

    async def _carry_through(self, change: Coroutine[Any, Any, T]) -> T:
        """Do it to its end, also when who asked has gone meanwhile."""
        task = asyncio.get_running_loop().create_task(change)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)


def _gone(config: EngineConfig) -> str:
    return f"This hub has no engines of the type {config.type!r} any more; remove it."
