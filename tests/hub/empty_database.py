"""The database of a fresh hub, made once by the real migrations and then copied.

They take a sixth of a second, which a thousand tests would otherwise spend each; test_opening.py of the store
has the migrations themselves run.
"""

import tempfile
from pathlib import Path

from hub.store import Store

_made: bytes | None = None


async def lay_down(database: Path) -> None:
    """Put an empty database where a store is about to be opened, unless there is one."""
    global _made
    if database.exists():
        return
    if _made is None:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / database.name
            await (await Store.open(made)).close()
            _made = made.read_bytes()
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_bytes(_made)
