"""An open store on a temporary file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.store import Store
from tests.hub.empty_database import lay_down


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    await lay_down(tmp_path / "hub.sqlite3")
    found = await Store.open(tmp_path / "hub.sqlite3")
    yield found
    await found.close()
