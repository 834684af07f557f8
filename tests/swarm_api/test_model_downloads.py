"""DoModelDownloadWS and ForwardMetadataRequest against a local server: every way it can go."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.accounts import Accounts
from hub.catalog import Catalog
from hub.downloads import download as downloading
from hub.downloads.part import Origin
from tests.hub.outside.serving import Asked, Reply, Serving, serving
from tests.hub.running import RunningHub, running

ROUTE = "DoModelDownloadWS"
SIZE = 3 * 1024 * 1024


def model_file(size: int = SIZE) -> bytes:
    """A whole safetensors file with `size` bytes of tensors."""
    header = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(range(256)) * (size // 256)


FILE = model_file()
DIGEST = hashlib.sha256(FILE).hexdigest()


def file_server(
    data: bytes = FILE, *, etag: str = '"one"', breaks: list[int] | None = None, pause: float = 0.0
) -> Callable[[Asked], Reply]:
    """A server of one file with ranges; `breaks` are the bytes after which the next answers break off."""
    left = breaks if breaks is not None else []

    def handle(asked: Asked) -> Reply:
        headers = {"ETag": etag} if etag else {}
        start = 0
        wanted = asked.headers.get("range", "")
        if wanted and asked.headers.get("if-range", etag) == etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                return Reply(416, {"Content-Range": f"bytes */{len(data)}"})
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        stop = left.pop(0) if left else None
        return Reply(206 if start else 200, headers, data[start:], stop, pause)

    return handle


@pytest.fixture
async def site() -> AsyncIterator[Serving]:
    async with serving() as one:
        one.handle = file_server()
        yield one


@pytest.fixture
async def cdn() -> AsyncIterator[Serving]:
    async with serving() as one:
        one.handle = file_server()
        yield one


@pytest.fixture
async def huggingface() -> AsyncIterator[Serving]:
    async with serving() as one:
        yield one


@pytest.fixture
async def civitai() -> AsyncIterator[Serving]:
    async with serving() as one:
        yield one


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.01)


SETTINGS = {
    "downloads.hosts": "127.0.0.1",
    "downloads.private_addresses": "true",
    "downloads.leave_free_gib": "0",
}


@pytest.fixture
async def hub(tmp_path: Path, huggingface: Serving, civitai: Serving) -> AsyncIterator[RunningHub]:
    homes = {"downloads.huggingface": huggingface.url, "downloads.civitai": civitai.url}
    async with running(tmp_path / "data", SETTINGS | homes) as one:
        yield one


def folder(hub: RunningHub, subtype: str = "LoRA") -> Path:
    return hub.app.board.settings.folders.models[0] / subtype


def left(hub: RunningHub) -> list[str]:
    """Every file and folder below the models."""
    top = hub.app.board.settings.folders.models[0]
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())


async def get(hub: RunningHub, url: str, name: str = "a", **more: Any) -> list[dict[str, Any]]:
    return await hub.talk(ROUTE, **{"url": url, "type": "LoRA", "name": name, **more})


async def test_a_file_comes_whole_with_its_progress(hub: RunningHub, site: Serving) -> None:
    frames = await get(hub, f"{site.url}/x.safetensors", "my/one", metadata='{"modelspec.title": "The One"}')
    assert frames[-1] == {"success": True, "name": "my/one.safetensors", "sha256": DIGEST}
    assert all(frame["overall_percent"] == 0.2 for frame in frames[:-1])
    assert [frame["current_percent"] for frame in frames[:-1]] == sorted(
        frame["current_percent"] for frame in frames[:-1]
    )
    first = next(frame for frame in frames if frame["state"] == "downloading")
    assert (first["received"], first["size"], first["current_percent"]) == (0, len(FILE), 0.0)
    assert (folder(hub) / "my/one.safetensors").read_bytes() == FILE
    model = (await hub.call("DescribeModel", modelName="my/one", subtype="LoRA"))["model"]
    assert model["title"] == "The One"
    assert left(hub) == ["LoRA/my/one.safetensors", "LoRA/my/one.swarm.json"]


async def test_it_goes_on_after_breaks(hub: RunningHub, site: Serving) -> None:
    site.handle = file_server(breaks=[1_200_000, 800_000])
    frames = await get(hub, f"{site.url}/x.safetensors")
    assert frames[-1]["sha256"] == DIGEST
    ranges = [(asked.headers.get("range"), asked.headers.get("if-range")) for asked in site.asked]
    assert ranges[0] == (None, None)
    assert all(given and etag == '"one"' for given, etag in ranges[1:])
    assert len(ranges) == 3


async def test_it_starts_anew_when_the_file_has_changed(hub: RunningHub, site: Serving) -> None:
    first, second = file_server(breaks=[1_500_000]), file_server(etag='"two"')
    site.handle = lambda asked: (first if len(site.asked) == 1 else second)(asked)
    frames = await get(hub, f"{site.url}/x.safetensors")
    assert frames[-1]["sha256"] == DIGEST
    assert site.asked[1].headers["if-range"] == '"one"'


async def test_a_part_is_kept_when_it_is_given_up_and_used_when_asked_again(
    hub: RunningHub, site: Serving
) -> None:
    first = file_server(breaks=[1_500_000])
    site.handle = lambda asked: first(asked) if len(site.asked) == 1 else Reply(503)
    url = f"{site.url}/x.safetensors"
    frames = await get(hub, url)
    assert "503" in frames[-1]["error"]
    assert left(hub) == ["LoRA/a.safetensors.part", "LoRA/a.safetensors.part.json"]
    have = (folder(hub) / "a.safetensors.part").stat().st_size
    site.asked.clear()
    site.handle = file_server()
    assert (await get(hub, url))[-1]["sha256"] == DIGEST
    assert [asked.headers["range"] for asked in site.asked] == [f"bytes={have}-"]
    assert left(hub) == ["LoRA/a.safetensors"]


async def test_a_part_survives_the_hub(tmp_path: Path, site: Serving) -> None:
    site.handle = file_server(pause=0.02)
    url = f"{site.url}/x.safetensors"
    async with running(tmp_path / "data", SETTINGS) as hub:
        async with hub.socket(f"/API/{ROUTE}") as socket:
            await socket.send(json.dumps({"session_id": hub.session, "url": url, "type": "VAE", "name": "v"}))
            while json.loads(await socket.recv())["received"] < 1_100_000:
                pass
    part = tmp_path / "data/models/VAE/v.safetensors.part"
    have = part.stat().st_size
    assert have >= 1_100_000
    site.handle = file_server()
    async with running(tmp_path / "data", SETTINGS) as hub:
        assert (await get(hub, url, "v", type="VAE"))[-1]["sha256"] == DIGEST
    assert site.asked[-1].headers["range"] == f"bytes={have}-"


async def test_a_part_that_was_tampered_with_is_found_out(hub: RunningHub, site: Serving) -> None:
    url = f"{site.url}/x.safetensors"
    target = folder(hub) / "a.safetensors.part"
    target.parent.mkdir(parents=True)
    target.write_bytes(FILE[:500_000] + b"\1" * 500_000)
    notes = Origin(url, '"one"', len(FILE), DIGEST)
    target.with_name("a.safetensors.part.json").write_bytes(msgspec.json.encode(notes))
    inner = file_server()

    def handle(asked: Asked) -> Reply:
        reply = inner(asked)
        reply.headers["X-Linked-Etag"] = f'"{DIGEST}"'
        return reply

    site.handle = handle
    frames = await get(hub, url)
    assert "SHA-256" in frames[-1]["error"]
    assert left(hub) == []


async def test_cancel_leaves_nothing(hub: RunningHub, site: Serving) -> None:
    site.handle = file_server(pause=0.05)
    async with hub.socket(f"/API/{ROUTE}") as socket:
        given = {"session_id": hub.session, "url": site.url + "/x", "type": "LoRA", "name": "deep/down/a"}
        await socket.send(json.dumps(given))
        while json.loads(await socket.recv())["received"] < 1_000_000:
            pass
        await socket.send(json.dumps({"signal": "cancel"}))
        frames = [json.loads(frame) async for frame in socket]
    assert frames[-1] == {"error": "Download was cancelled."}
    assert left(hub) == []
    assert not (folder(hub) / "deep").exists()
    site.handle = file_server()
    assert (await get(hub, site.url + "/x"))[-1]["success"]


async def test_a_closed_socket_does_not_stop_it_and_another_joins(hub: RunningHub, site: Serving) -> None:
    site.handle = file_server(pause=0.01)
    given = {"session_id": hub.session, "url": site.url + "/x", "type": "LoRA", "name": "a"}
    async with hub.socket(f"/API/{ROUTE}") as socket:
        await socket.send(json.dumps(given))
        await socket.recv()
    frames = await get(hub, site.url + "/x")
    assert frames[-1]["sha256"] == DIGEST
    assert len(site.asked) == 1


async def test_nobody_needs_to_wait_for_the_end(hub: RunningHub, site: Serving) -> None:
    site.handle = file_server(pause=0.001)
    given = {"session_id": hub.session, "url": site.url + "/x", "type": "LoRA", "name": "a"}
    async with hub.socket(f"/API/{ROUTE}") as socket:
        await socket.send(json.dumps(given))
        await socket.recv()
    for _ in range(200):
        if any(entry.name == "a.safetensors" for entry in (await listed(hub))):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the download did not go on without its socket")


async def listed(hub: RunningHub) -> list[Any]:
    caller = hub.room(Accounts).sessions.find(hub.session)
    assert caller is not None
    return list(hub.room(Catalog).seen_by(caller, "LoRA"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"PK\x03\x04 a pickle" + b"\0" * 200_000, "begin like one"),
        (b"<html>sign in</html>", "begin like one"),
        (FILE[:-10], "lies outside"),
        (FILE + b"more", "holds"),
        ((5).to_bytes(8, "little") + b"{nope", "not readable"),
        (b"", "ends before"),
    ],
)
async def test_what_is_no_model_leaves_nothing(
    hub: RunningHub, site: Serving, body: bytes, words: str
) -> None:
    site.handle = file_server(body)
    frames = await get(hub, f"{site.url}/x.safetensors", "sub/a")
    assert words in frames[-1]["error"]
    assert frames[-1]["field"] == "url"
    assert left(hub) == []


async def test_the_digest_of_hugging_face_is_checked_and_its_licence_told(
    hub: RunningHub, huggingface: Serving, cdn: Serving
) -> None:
    announced = [DIGEST]

    def handle(asked: Asked) -> Reply:
        if asked.path == "/api/models/ann/net":
            return Reply(body=b'{"cardData": {"license": "openrail++"}}')
        if asked.path == "/ann/net/resolve/main/x.safetensors":
            return Reply(302, {"Location": f"{cdn.url}/blob", "X-Linked-Etag": f'"{announced[0]}"'})
        return Reply(404)

    huggingface.handle = handle
    keys = hub.room(Accounts).upstream_keys
    await keys.put("local", "huggingface_api", "hf_secret")
    frames = await get(hub, "https://huggingface.co/ann/net/blob/main/x.safetensors", "")
    assert frames[-1] == {"success": True, "name": "x.safetensors", "sha256": DIGEST}
    told = next(frame for frame in frames if frame["state"] == "downloading")
    assert (told["license"], told["sha256"], told["received"]) == ("openrail++", DIGEST, 0)
    assert {asked.headers.get("authorization") for asked in huggingface.asked} == {"Bearer hf_secret"}
    assert {asked.headers.get("authorization") for asked in cdn.asked} == {None}
    announced[0] = "0" * 64
    frames = await get(hub, "ann/net/x.safetensors", "b")
    assert frames[-1]["error"].startswith("What came is not what was announced")
    assert left(hub) == ["LoRA/x.safetensors"]


async def test_civitai_by_page_version_and_file(hub: RunningHub, civitai: Serving) -> None:
    about = {
        "id": 456,
        "files": [
            {"name": "a.pt", "primary": True, "hashes": {"SHA256": "0" * 64}},
            {
                "name": "nice name.safetensors",
                "hashes": {"SHA256": DIGEST.upper()},
                "downloadUrl": "https://civitai.com/api/download/models/456?format=SafeTensor",
            },
        ],
        "model": {"allowCommercialUse": ["Image"], "allowDerivatives": True},
    }

    def handle(asked: Asked) -> Reply:
        if asked.path == "/api/v1/model-versions/456":
            return Reply(body=json.dumps(about).encode())
        if asked.path == "/api/v1/models/123":
            return Reply(body=json.dumps({"modelVersions": [about], "allowNoCredit": False}).encode())
        if asked.path.startswith("/api/download/models/456"):
            return file_server()(asked)
        return Reply(404)

    civitai.handle = handle
    await hub.room(Accounts).upstream_keys.put("local", "civitai_api", "c_secret")
    for number, url in enumerate(
        [
            "https://civitai.com/models/123/a-name?modelVersionId=456",
            "https://civitai.com/models/123",
            "civitai:456",
            "https://civitai.com/api/download/models/456?format=SafeTensor",
        ]
    ):
        frames = await get(hub, url, f"n{number}")
        assert frames[-1] == {"success": True, "name": f"n{number}.safetensors", "sha256": DIGEST}, url
        told = next(frame for frame in frames if frame["state"] == "downloading")
        assert told["sha256"] == DIGEST
        assert told["license"]
    assert {asked.headers.get("authorization") for asked in civitai.asked} == {"Bearer c_secret"}
    assert "404" in (await get(hub, "civitai:9", "z"))[-1]["error"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "../../etc/a"}, "name"),
        ({"name": "..\\a"}, "name"),
        ({"name": "a/../../b"}, "name"),
        ({"name": ".hidden"}, "name"),
        ({"name": "con"}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"name": "a.ckpt"}, "name"),
        ({"name": "there"}, "name"),
        ({"type": "Sounds"}, "subtype"),
        ({"type": "../LoRA"}, "subtype"),
        ({"url": "https://other.example/x.safetensors"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "http://169.254.169.254/latest"}, "url"),
        ({"metadata": "[1]"}, "metadata"),
    ],
)
async def test_refused_beforehand(hub: RunningHub, site: Serving, given: dict[str, str], field: str) -> None:
    (folder(hub)).mkdir(parents=True)
    (folder(hub) / "there.safetensors").write_bytes(FILE)
    (frame,) = await get(hub, **{"url": f"{site.url}/x.safetensors", **given})
    assert frame["error"]
    assert frame["field"] == field
    assert site.asked == []
    assert left(hub) == ["LoRA/there.safetensors"]


async def test_a_redirect_elsewhere_is_refused(hub: RunningHub, site: Serving) -> None:
    site.handle = lambda asked: Reply(302, {"Location": "http://192.168.0.1/x"})
    frames = await get(hub, f"{site.url}/x.safetensors")
    assert "192.168.0.1" in frames[-1]["error"]
    assert left(hub) == []


async def test_private_addresses_need_the_setting(tmp_path: Path, site: Serving) -> None:
    chosen = SETTINGS | {"downloads.private_addresses": "false", "downloads.hosts": "localhost"}
    async with running(tmp_path / "data", chosen) as hub:
        (frame,) = await get(hub, f"http://localhost:{site.port}/x")
        assert "https" in frame["error"]
        frames = await get(hub, f"https://localhost:{site.port}/x")
        assert "downloads.private_addresses" in frames[-1]["error"]
    assert site.asked == []


async def test_a_full_disk_is_told_before_anything_comes(tmp_path: Path, site: Serving) -> None:
    async with running(tmp_path / "data", SETTINGS | {"downloads.leave_free_gib": "1e9"}) as hub:
        frames = await get(hub, f"{site.url}/x")
        assert "not enough disk" in frames[-1]["error"]
        assert left(hub) == []


async def test_the_flag_is_needed(hub: RunningHub, site: Serving) -> None:
    session = await hub.session_as("user")
    (frame,) = await hub.talk(ROUTE, session_id=session, url=site.url, type="LoRA", name="a")
    assert frame["permission"] == "download_models"


async def test_several_at_once_within_the_bound(tmp_path: Path, site: Serving) -> None:
    site.handle = file_server(pause=0.002)
    async with running(tmp_path / "data", SETTINGS | {"downloads.at_once": "2"}) as hub:
        ends = await asyncio.gather(*(get(hub, f"{site.url}/{n}", f"m{n}") for n in range(5)))
        assert all(frames[-1]["success"] for frames in ends)
        assert any(frame["state"] == "waiting" for frames in ends for frame in frames[:-1])
        assert len(left(hub)) == 5


async def test_one_name_is_made_once(hub: RunningHub, site: Serving) -> None:
    site.handle = file_server(pause=0.01)
    ends = await asyncio.gather(get(hub, f"{site.url}/1"), get(hub, f"{site.url}/2"))
    assert sorted("error" in frames[-1] for frames in ends) == [False, True]


class TestForward:
    async def test_civitai_only(self, hub: RunningHub, civitai: Serving, cdn: Serving) -> None:
        civitai.handle = lambda asked: Reply(body=b'{"id": 3, "path": "%s"}' % asked.path.encode())
        answer = await hub.call("ForwardMetadataRequest", url="https://civitai.com/api/v1/models/3?x=1")
        assert answer == {"response": {"id": 3, "path": "/api/v1/models/3?x=1"}}
        for url in (f"{cdn.url}/x", "https://civitai.com.evil.example/", "https://huggingface.co/x", "x"):
            refused = await hub.call("ForwardMetadataRequest", url=url)
            assert refused["field"] == "url"
        assert cdn.asked == []

    async def test_what_is_no_json(self, hub: RunningHub, civitai: Serving) -> None:
        civitai.handle = lambda asked: Reply(body=b"<html>")
        answer = await hub.call("ForwardMetadataRequest", url="https://civitai.com/x")
        assert "JSON" in answer["error"]
        civitai.handle = lambda asked: Reply(500)
        assert "500" in (await hub.call("ForwardMetadataRequest", url="https://civitai.com/x"))["error"]
