"""DebugLanguageAdd and DebugGenDocs: they write below the data folder only."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import languages
from hub.settings import Settings
from hub.wire.docs import write_pages
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROUTES = ("DebugLanguageAdd", "DebugGenDocs")


@pytest.fixture
def data(shared_hub: RunningHub) -> Path:
    """The data folder, without texts that were noted before."""
    folder = shared_hub.room(Settings).folders.data
    shutil.rmtree(folder / "languages", ignore_errors=True)
    return folder


@pytest.mark.parametrize("name", ROUTES)
async def test_who_lacks_the_flag_is_refused(shared_hub: RunningHub, name: str) -> None:
    hub = shared_hub
    assert (await hub.post(f"/API/{name}", {})).json()["error_id"] == "basic_api"
    answer = await hub.call(name, session_id=await hub.session_as("user"), set=["x"])
    assert answer["permission"] == "admin_debug"


@pytest.mark.parametrize("wanted", [None, "text", [1], ["x" * 3000], ["x"] * 10_001])
async def test_what_is_no_list_of_texts_is_refused(shared_hub: RunningHub, data: Path, wanted: Any) -> None:
    hub = shared_hub
    body = {} if wanted is None else {"set": wanted}
    assert (await hub.call("DebugLanguageAdd", **body))["field"] == "set"
    assert not (data / "languages").exists()


async def test_texts_that_no_language_knows_are_noted_once(shared_hub: RunningHub, data: Path) -> None:
    hub = shared_hub
    known = next(iter(languages.discover()["en"].keys))
    answer = await hub.call("DebugLanguageAdd", set=["Brand new text", known, " ", "Another", "Another"])
    assert answer == {"success": True, "added": 2, "total": 2}
    assert (await hub.call("DebugLanguageAdd", set=["Another", "Third"]))["added"] == 1
    file = data / "languages" / "en.debug.json"
    assert json.loads(file.read_text())["keys"] == {"Another": "", "Brand new text": "", "Third": ""}
    assert [path.name for path in file.parent.iterdir()] == [file.name]


async def test_a_damaged_file_begins_anew(shared_hub: RunningHub, data: Path) -> None:
    hub = shared_hub
    file = data / "languages" / "en.debug.json"
    file.parent.mkdir()
    file.write_text("{")
    assert (await hub.call("DebugLanguageAdd", raw={"set": ["One"]}))["total"] == 1


async def test_pages_are_those_of_the_declared_routes(shared_hub: RunningHub, data: Path) -> None:
    hub = shared_hub
    answer = await hub.call("DebugGenDocs")
    pages = write_pages(hub.app.board.routes)
    assert answer == {"success": True, "pages": len(pages), "folder": "docs/api"}
    folder = data / "docs" / "api"
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == pages
