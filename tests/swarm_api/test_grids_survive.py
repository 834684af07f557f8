"""Grids over a restart of the hub, and folders that the settings decide about."""

import asyncio
import json
from pathlib import Path

from PIL import Image

from hub.jobs import Jobs
from hub.media import Media
from tests.hub.running import RunningHub, running
from tests.swarm_api.sketching import SETTINGS
from tests.swarm_api.test_grids import BASE, USUAL, axis
from tests.swarm_api.test_image_batches import USUAL as BATCH

SLOW = "||".join(f"slow {colour} one" for colour in ("red", "blue", "green", "white", "black", "yellow"))


async def begun(hub: RunningHub, session: str) -> None:
    """Ask for a grid and leave as soon as its first image is there."""
    async with hub.socket("/API/GridGenRun") as socket:
        body = {"baseParams": {**BASE, "steps": 8}, "gridAxes": [axis("prompt", SLOW), axis("seed", "1,2,3")]}
        await socket.send(json.dumps({"session_id": session, **USUAL, **body}))
        while "image" not in json.loads(await socket.recv()):
            pass


async def test_a_restart_draws_every_image_once_to_the_place_its_page_expects(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as hub:
        await begun(hub, hub.session)
        home = hub.room(Media).outputs.home("local") / "Grids" / "tries"
        before = {file.relative_to(home): file.stat().st_mtime_ns for file in home.rglob("*.png")}
        assert (home / "index.html").is_file()
    assert 1 <= len(before) < 18
    async with running(tmp_path, SETTINGS) as hub:
        async with asyncio.timeout(60):
            while not hub.room(Jobs).counts().idle:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        found = {file.relative_to(home): file.stat().st_mtime_ns for file in home.rglob("*.png")}
        assert len(found) == 18
        assert {path: found[path] for path in before} == before
        again = await hub.talk(
            "GridGenRun",
            **USUAL,
            baseParams={**BASE, "steps": 8},
            gridAxes=[axis("prompt", SLOW), axis("seed", "1,2,3")],
        )
        assert again[-1] == {"images": 0, "skipped": 18, "failed": 0, "success": "complete"}
        assert "slow red one" in (home / "index.html").read_text().partition('"metadata"')[2]


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
