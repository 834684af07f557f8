"""No route gives, changes or makes a file outside its own folder, however a name is spelled.

Both halves are generated from the declarations: every handler with a place in its address, and every
declared route that takes a text. What must not be seen carries a mark that no answer may hold.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import unquote

import pytest
import pytest_asyncio
from litestar.handlers import HTTPRouteHandler
from PIL import Image, PngImagePlugin

from hub.accounts import Accounts
from hub.settings import Settings
from hub.wire.discover import find_handlers, find_modules, find_routes
from hub.wire.route import Route
from tests.hub.running import RunningHub
from tests.swarm_api.hostile import absolute, relative

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODULES = find_modules()
MARK = b"never-to-be-shown-7c1f"
ENDINGS = (".png", ".html", ".safetensors")
TEXT = (str, str | None)
PLACED = [
    handler
    for handler in find_handlers(MODULES)
    if isinstance(handler, HTTPRouteHandler) and any("{" in path for path in handler.paths)
]
TEXTS = [
    route
    for route in find_routes(MODULES)
    if route.permission is not None and any(kind in TEXT for kind in get_type_hints(route.given).values())
]
SUBTYPES = ("Stable-Diffusion", "Wildcards")


class House:
    """A hub with marked files around everything it serves, and links that lead to them."""

    def __init__(self, hub: RunningHub, root: Path) -> None:
        self.hub = hub
        self.root = root
        self.data = root / "data"
        self.secrets = [*self._plant(root), *self._plant(self.data), *self._plant(self.data / "outputs")]
        self.secrets += self._plant(self.data / "outputs" / "other" / "raw")
        own = self.data / "outputs" / "local" / "raw"
        own.mkdir(parents=True, exist_ok=True)
        models = self.data / "models" / "Stable-Diffusion"
        models.mkdir(parents=True, exist_ok=True)
        for name in ("secret.png", "secret.html", "secret.safetensors"):
            (own / f"link-{name}").symlink_to(root / name)
            (own / f"hop-{name}").symlink_to(own / f"link-{name}")
        (own / "folder").symlink_to(root)
        (own / "neighbour").symlink_to(self.data / "outputs" / "other")
        (own / "round").symlink_to(own / "round")

    def _plant(self, folder: Path) -> Iterator[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        note = PngImagePlugin.PngInfo()
        note.add_text("mark", MARK.decode())
        Image.new("RGB", (8, 8)).save(folder / "secret.png", pnginfo=note)
        for ending in ENDINGS[1:]:
            (folder / f"secret{ending}").write_bytes(b"<p>" + MARK)
        yield from (folder / f"secret{ending}" for ending in ENDINGS)

    def print(self) -> dict[str, str]:
        """A check value of each planted file."""
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in self.secrets}

    def strangers(self) -> set[str]:
        """Everything that lies beside the data folder, and straight in it."""
        return {str(path) for folder in (self.root, self.root.parent) for path in folder.iterdir()}

    async def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """GET an address exactly as spelled."""
        raw = path.encode("utf-8", "surrogateescape").replace(b" ", b"%20")
        answer = await self.hub.http.get("/", headers=headers, extensions={"target": raw})
        return answer.status_code, answer.content


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(shared_hub: RunningHub) -> House:
    settings: Settings = shared_hub.app.board.settings
    await shared_hub.room(Accounts).users.add("other", roles=("user",))
    return House(shared_hub, settings.folders.data.parent)


def spellings(house: House) -> Iterator[str]:
    for ending in ENDINGS:
        for depth in (1, 2, 4):
            yield from relative(f"secret{ending}", depth)
    yield from absolute(str(house.root / "secret.png"))
    yield from absolute("/etc/passwd")
    for link in ("link-", "hop-"):
        yield from (f"raw/{link}secret.png", f"raw/{link}secret.html", f"raw/{link}secret.safetensors")
    yield from ("raw/folder/secret.png", "raw/neighbour/raw/secret.png", "raw/round", "raw/round/x", "raw")
    yield from (".pending/x", "raw/.hidden", "x" * 3000, "a/" * 900)


def addresses(handler: HTTPRouteHandler, name: str) -> Iterator[str]:
    """The handler's addresses with `name` in its last place, and as each other place too."""
    for declared in handler.paths:
        head, _, rest = declared.partition("{")
        if "{" not in rest:
            yield f"{head}{name}"
            if head == "/View/":
                yield f"{head}local/{name}"
        else:
            yield from (f"{head}{subtype}/{name}" for subtype in SUBTYPES)
            yield f"{head}{name}/secret.png"


@pytest.mark.parametrize("handler", PLACED, ids=lambda handler: min(handler.paths))
async def test_no_address_leads_out(house: House, handler: HTTPRouteHandler) -> None:
    """Asked by the owner, who may see everybody's outputs: the folder is the bound, not the flag."""
    for name in spellings(house):
        for address in addresses(handler, name):
            status, body = await house.get(address)
            assert MARK not in body, address
            assert status not in (200, 206, 500), (status, address)


async def test_no_preview_leads_out(house: House) -> None:
    """A small version has no mark in it: nothing but a refusal will do."""
    for name in spellings(house):
        if "secret.png" in name or "secret" not in name:
            status, _ = await house.get(f"/Output/{name}?preview=true")
            assert status in (302, 400, 404), (status, name)


async def test_what_is_planted_would_be_found(house: House) -> None:
    """The mark is seen where it may be: else the tests around would pass for a wrong reason."""
    (house.data / "outputs" / "local" / "raw" / "mine.png").write_bytes(house.secrets[0].read_bytes())
    for address in ("/View/local/raw/mine.png", "/Output/raw/mine.png", "/View/local/raw/%6dine.png"):
        status, body = await house.get(address)
        assert (status, MARK in body) == (200, True)
    assert (await house.get("/View/other/raw/secret.png"))[0] == 200


async def test_other_users_files_need_their_flag_in_every_spelling(house: House) -> None:
    session = await house.hub.session_as("user")
    for address in (
        "/View/other/raw/secret.png",
        "/View/%6fther/raw/secret.png",
        "/view/other/raw/secret.png",
        "/View//other/raw/secret.png",
        "/View/other%2fraw/secret.png",
        "/View/OTHER/raw/secret.png",
        "/View/./other/raw/secret.png",
        "/View/local/../other/raw/secret.png",
        "/Output/../other/raw/secret.png",
        "/View/other/raw/secret.png?preview=true",
        "/View/other/raw/secret.png?user=other",
    ):
        status, body = await house.get(address, **{"X-Session-ID": session})
        assert status in (302, 400, 404), address
        assert MARK not in body, address


async def test_links_in_a_folder_take_nothing_along(house: House) -> None:
    """Into lists, the zip file of one's pictures, starred copies, deletions: the owner of the folder asks."""
    hub = house.hub
    before = house.print()
    listed = await hub.call("ListImages", path="", depth=9)
    await hub.call("ListImages", path="raw/folder", depth=9)
    names = [file["src"] for file in listed["files"]]
    for name in ("raw/link-secret.png", "raw/hop-secret.png", "raw/folder/secret.png", *names):
        asked = await hub.post("/hub/v1/history/zip", {"session_id": hub.session, "paths": name})
        assert MARK not in unpacked(asked.content), name
        await hub.call("ToggleImageStarred", path=name)
        answer = await hub.call("GenerateText2Image", images=1, prompt="x", initimage=name)
        assert MARK not in json.dumps(answer).encode()
        await hub.call("DeleteImage", path=name)
    whole = await hub.post("/hub/v1/history/zip", {"session_id": hub.session})
    assert MARK not in unpacked(whole.content)
    assert house.print() == before


def unpacked(data: bytes) -> bytes:
    """What lies in a zip file; anything else as it is."""
    if not data.startswith(b"PK"):
        return data
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


REAL = {"subtype": "Stable-Diffusion", "type": "Stable-Diffusion", "sortBy": "Name", "events": "ended"}
"""Values of fields without which a route would refuse before it looks at the name."""


@pytest.mark.parametrize("route", TEXTS, ids=lambda route: route.name)
async def test_no_field_leads_out(house: House, route: Route) -> None:
    """Each text of a route in turn is such a name, asked by an owner; nothing foreign is told or touched."""
    before, strangers = house.print(), house.strangers()
    hints = get_type_hints(route.given)
    plain = {
        name: REAL.get(name, "x") if hints[name] in TEXT else 1
        for name in route.given.__struct_fields__
        if hints[name] in (*TEXT, int, float)
    }
    for field in (name for name in plain if hints[name] in TEXT and "password" not in name.lower()):
        for name in NAMES:
            session = await house.hub.session_as("owner")
            text = await said(house.hub, route, {**plain, field: name, "session_id": session})
            assert MARK not in unpacked(text), (field, name)
            assert b"internal_error" not in text, (field, name)
    assert house.print() == before
    assert house.strangers() == strangers


NAMES = [
    *(step * depth + f"secret{end}" for step in ("../", "..\\") for depth in (1, 2) for end in ENDINGS),
    *(unquote(step) * 2 + "secret.png" for step in ("%ef%bc%8e%ef%bc%8e/", "%e2%80%a5/", "..%e2%88%95")),
    *(
        "/etc/passwd",
        "file:///etc/passwd",
        "C:\\secret.png",
        "\\\\host\\share",
        "secret.png\0",
        "..",
        ".",
        "",
    ),
    *(
        "raw/link-secret.png",
        "raw/folder/secret.png",
        "../other/raw/secret.png",
        "con",
        "a\nb",
        "%2e%2e%2fsecret",
    ),
]


async def said(hub: RunningHub, route: Route, body: dict[str, Any]) -> bytes:
    """All that a route answers, or its first frame."""
    if route.socket:
        async with hub.socket(route.path) as socket:
            await socket.send(json.dumps(body))
            frame = await socket.recv()
            return frame if isinstance(frame, bytes) else frame.encode()
    if route.method == "GET":
        headers = {"X-Session-ID": body.pop("session_id")}
        return (await hub.http.get(route.path, params=body, headers=headers)).content
    return (await hub.post(route.path, body)).content
