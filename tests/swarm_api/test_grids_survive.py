"""Grids over a restart of the hub, and folders that the settings decide about."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import websockets
from PIL import Image

from hub.grids import Grids
from hub.jobs import Jobs
from hub.media import Media
from tests.hub.running import RunningHub, running
from tests.swarm_api.outside import Outside, outside
from tests.swarm_api.sketching import SETTINGS
from tests.swarm_api.test_grids import BASE, USUAL, axis
from tests.swarm_api.test_image_batches import USUAL as BATCH

SLOW = "||".join(f"slow {colour} one" for colour in ("red", "blue", "green", "white", "black", "yellow"))


async def begun(hub: RunningHub, session: str, **changes: Any) -> None:
    """Ask for a grid and leave as soon as its first image is there."""
    async with hub.socket("/API/GridGenRun") as socket:
        body = {"baseParams": {**BASE, "steps": 8}, "gridAxes": [axis("prompt", SLOW), axis("seed", "1,2,3")]}
        await socket.send(json.dumps({"session_id": session, **USUAL, **body, **changes}))
        while "image" not in json.loads(await socket.recv()):
            pass


async def test_a_restart_draws_every_image_once_to_the_place_its_page_expects(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as hub:
        await begun(hub, hub.session)
        home = hub.room(Media).outputs.home("local") / "Grids" / "tries"
        before = {file.relative_to(home): file.stat().st_mtime_ns for file in home.rglob("*.png")}
        assert (home / "index.html").is_file()
    assert 1 <= len(before) <= 18
    async with running(tmp_path, SETTINGS) as hub:
        async with asyncio.timeout(60):
            while hub.room(Grids).busy:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        found = {file.relative_to(home): file.stat().st_mtime_ns for file in home.rglob("*.png")}
        assert len(found) == 18
        assert {path: found[path] for path in before} == before
        assert (home / "index.html").read_text().partition('"metadata"')[2].count("slow red one") >= 3
        again = await hub.talk(
            "GridGenRun",
            **USUAL,
            baseParams={**BASE, "steps": 8},
            gridAxes=[axis("prompt", SLOW), axis("seed", "1,2,3")],
        )
        assert again[-1] == {"images": 0, "skipped": 18, "failed": 0, "success": "complete"}
        assert "slow red one" in (home / "index.html").read_text().partition('"metadata"')[2]


async def test_a_restart_makes_the_one_image_of_a_grid_too(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as hub:
        await begun(hub, hub.session, outputType="Grid Image")
    async with running(tmp_path, SETTINGS) as hub:
        async with asyncio.timeout(60):
            while hub.room(Grids).busy:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        files = (await hub.call("ListImages", path="", depth=9))["files"]
        (whole,) = [file["src"] for file in files if "-grid" in file["src"]]
        assert len(files) == 19
        with Image.open(hub.room(Media).outputs.home("local") / whole) as picture:
            colours = {
                picture.convert("RGB").getpixel((x, y))
                for x in range(10, picture.width, 8)
                for y in range(10, picture.height, 8)
            }
            assert {(255, 0, 0), (0, 0, 255), (255, 255, 0)} <= colours, "none of its images is missing"


def cells(data: Path) -> list[tuple[str, int]]:
    """The path of every image of the history, and how many rows it has."""
    with closing(sqlite3.connect(data / "hub.sqlite3")) as db:
        return db.execute(
            "SELECT path, count(*) FROM images WHERE path LIKE '%.png' GROUP BY path ORDER BY path"
        ).fetchall()


async def accepted(data: Path) -> None:
    """Wait until a grid or batch is written down."""
    async with asyncio.timeout(60):
        while True:
            with closing(sqlite3.connect(data / "hub.sqlite3")) as db:
                if db.execute("SELECT count(*) FROM runs").fetchone()[0]:
                    return
            await asyncio.sleep(0.002)


async def over(hub: Outside, data: Path) -> None:
    """Wait until nothing is left to do."""
    async with asyncio.timeout(120):
        while True:
            with closing(sqlite3.connect(data / "hub.sqlite3")) as db:
                if not db.execute("SELECT count(*) FROM runs").fetchone()[0]:
                    return
            assert hub.process.returncode is None
            await asyncio.sleep(0.05)


async def ask_and_kill(hub: Outside, data: Path, name: str, body: dict[str, Any]) -> None:
    """Ask for it, and kill the hub as soon as it is accepted."""
    hub.session = (await hub.call("GetNewSession"))["session_id"]
    url = f"ws://127.0.0.1:{hub.port}/API/{name}"
    async with websockets.connect(url, proxy=None) as socket:
        await socket.send(json.dumps({"session_id": hub.session, **body}))
        await accepted(data)
        await hub.kill()


async def test_a_grid_is_whole_though_the_hub_was_killed_when_it_came(tmp_path: Path, free_port: int) -> None:
    data = tmp_path / "data"
    axes = [axis("prompt", "red||blue||green||white"), axis("seed", "1,2,..,25")]
    body = {**USUAL, "baseParams": {**BASE, "steps": 2}, "gridAxes": axes}
    async with outside(data, free_port) as hub:
        await ask_and_kill(hub, data, "GridGenRun", body)
    async with outside(data, free_port) as hub:  # and once more in the midst of it
        await hub.kill()
    async with outside(data, free_port) as hub:
        await over(hub, data)
    found = cells(data)
    assert len(found) == 100 and {count for _, count in found} == {1}
    with closing(sqlite3.connect(data / "hub.sqlite3")) as db:
        assert db.execute("SELECT count(*), count(DISTINCT state) FROM jobs").fetchone() == (100, 1)
    page = next((data / "outputs").rglob("Grids/tries/index.html")).read_text()
    assert page.partition('"metadata"')[2].count("swarm_version") == 100


async def test_a_batch_is_whole_though_the_hub_was_killed_when_it_came(
    tmp_path: Path, free_port: int
) -> None:
    data, allowed = tmp_path / "data", tmp_path / "scans"
    allowed.mkdir()
    for number in range(20):
        Image.new("RGB", (64, 64), "red").save(allowed / f"{number:02}.png")
    settings = {**SETTINGS, "folders.batches": str(allowed)}
    body = {**BATCH, "baseParams": {**BASE, "prompt": "red slow"}, "input_folder": str(allowed)}
    async with outside(data, free_port, settings) as hub:
        await ask_and_kill(hub, data, "ImageBatchRun", body)
    async with outside(data, free_port, settings) as hub:
        await over(hub, data)
    assert cells(data) == [(f"done/{number:02}.png", 1) for number in range(20)]


async def test_an_interrupted_grid_is_not_taken_up_again(tmp_path: Path) -> None:
    axes = [
        axis("prompt", "red one||hold two"),
        axis("seed", "1,2,3"),
    ]  # three of them never end by themselves
    async with running(tmp_path, SETTINGS) as hub:
        await begun(hub, hub.session, gridAxes=axes)
        await hub.call("InterruptAll")
        async with asyncio.timeout(60):
            while hub.room(Grids).busy:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert len(list(hub.room(Media).outputs.home("local").rglob("*.png"))) <= 3
    async with running(tmp_path, SETTINGS) as hub:
        assert not hub.room(Grids).busy and hub.room(Jobs).counts().idle


async def test_users_who_share_a_folder_do_not_share_grids(tmp_path: Path) -> None:
    async with running(tmp_path, {**SETTINGS, "outputs.append_user": "false"}) as hub:
        other = await hub.session_as("user")
        urls = set()
        for session in (hub.session, other):
            body = {"baseParams": {**BASE, "prompt": "red"}, "gridAxes": [axis("steps", "1,2")]}
            frames = await hub.talk("GridGenRun", session_id=session, **USUAL, **body)
            assert frames[-1]["images"] == 2
            urls |= {frame["image"] for frame in frames if "image" in frame}
        assert len(urls) == 4
        assert (await hub.call("GridGenListData", session_id=other))["history"] == ["tries"]


async def test_batches_read_folders_that_the_settings_allow(tmp_path: Path) -> None:
    allowed = tmp_path / "scans"
    (allowed / "deep").mkdir(parents=True)
    Image.new("RGB", (64, 64), "red").save(allowed / "deep" / "one.png")
    async with running(tmp_path / "data", {**SETTINGS, "folders.batches": str(allowed)}) as hub:
        asked = {**BATCH, "baseParams": BASE, "output_folder": "done"}
        frames = await hub.talk("ImageBatchRun", **{**asked, "input_folder": str(allowed / "deep")})
        assert frames[-1]["images"] == 1
        refused = await hub.talk("ImageBatchRun", **{**asked, "input_folder": str(tmp_path)})
        assert refused[-1]["field"] == "input_folder"
        refused = await hub.talk("ImageBatchRun", **{**asked, "input_folder": f"{allowed}/../data"})
        assert refused[-1]["field"] == "input_folder"
