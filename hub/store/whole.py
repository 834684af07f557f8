"""The store as one object: open, the functions of each noun, close."""

from pathlib import Path

from hub.store.departures import Departures, tidy
from hub.store.engines import Engines
from hub.store.identities import Identities
from hub.store.images import Images
from hub.store.jobs import Jobs
from hub.store.opening import Reader, bring_up, open_reader
from hub.store.presets import PresetRows
from hub.store.reading import Reading
from hub.store.roles import RoleRows
from hub.store.runs import Runs
from hub.store.sessions import SessionRows, TokenRows
from hub.store.totals import Totals
from hub.store.users import UserData, Users
from hub.store.webhooks import Webhooks
from hub.store.writer import Writer


class Store:
    """Everything that outlives the process except files. One process writes; `Store.open` makes it."""

    def __init__(self, writer: Writer, reader: Reader, database: Path) -> None:
        self.writer = writer
        self.reader = reader
        self.users = Users(writer, reader)
        self.identities = Identities(writer)
        self.departures = Departures(writer, database)
        self.user_data = UserData(writer)
        self.sessions = SessionRows(writer)
        self.tokens = TokenRows(writer)
        self.roles = RoleRows(writer)
        self.presets = PresetRows(writer)
        lists, searches = Reading(database, "lists"), Reading(database, "searches")
        self.jobs = Jobs(writer, lists, searches)
        self.webhooks = Webhooks(writer)
        self.engines = Engines(writer)
        self.runs = Runs(writer)
        self.totals = Totals(writer)
        self.images = Images(writer, lists, searches)

    @classmethod
    async def open(cls, database: Path) -> "Store":
        """Open `database`, made or migrated where needed. Raises `UnusableDatabase` with what to do."""
        database.parent.mkdir(parents=True, exist_ok=True)
        await bring_up(database)
        tidy(database)
        store = cls(Writer(database), await open_reader(database), database)
        store.images.begin()
        store.totals.begin()
        store.jobs.begin()
        return store

    async def close(self) -> None:
        """Commit what waits and close every connection."""
        await self.images.close()
        await self.writer.close()
        await self.reader.close()
