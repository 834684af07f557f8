"""Image batches as a client sees them (swarm-api §2.7)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hub.jobs import Jobs
from hub.media import Media
from tests.swarm_api.sketching import SETTINGS, SMALL, Frame, Tenant, tenant

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
HUB_SETTINGS = SETTINGS
hub = tenant
BASE = {key: value for key, value in SMALL.items() if key != "images"}
USUAL: dict[str, Any] = {
    "input_folder": "mine",
    "output_folder": "done",
    "init_image": True,
    "revision": False,
    "controlnet": False,
    "resMode": "From Parameter",
    "append_filename_to_prompt": False,
}


@pytest.fixture
def folder(hub: Tenant) -> Path:
    """The folder `mine` of the user with three pictures and other things."""
    home = hub.room(Media).outputs.home(hub.user) / "mine"
    home.mkdir(parents=True)
    Image.new("RGB", (100, 50), "red").save(home / "red one.png")
    Image.new("RGB", (80, 160), "blue").save(home / "blue[2].jpg")
    Image.new("RGB", (70, 70), "green").save(home / "green.webp")
    (home / "notes.txt").write_text("no picture")
    return home


async def run(hub: Tenant, base: Any = None, **changes: Any) -> list[Frame]:
    """Every frame of a batch."""
    return await hub.talk("ImageBatchRun", **{**USUAL, "baseParams": {**BASE, **(base or {})}, **changes})


def results(frames: list[Frame]) -> dict[str, Frame]:
    return {frame["file"]: frame for frame in frames if "image" in frame}


def given(frame: Frame) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(frame["metadata"])["sui_image_params"]
    return found


async def test_each_file_gives_a_picture_of_its_name(hub: Tenant, folder: Path) -> None:
    frames = await run(hub, {"prompt": "yellow"}, append_filename_to_prompt=True)
    assert "status" in frames[0]
    assert frames[-1] == {"images": 3, "failed": 0, "success": "complete"}
    found = results(frames)
    assert {name: frame["image"] for name, frame in found.items()} == {
        "blue[2].jpg": f"View/{hub.user}/done/blue(2).png",
        "green.webp": f"View/{hub.user}/done/green.png",
        "red one.png": f"View/{hub.user}/done/red one.png",
    }
    assert {frame["batch_index"] for frame in found.values()} == {"0", "1", "2"}
    assert given(found["red one.png"])["prompt"] == "yellow red one"
    listed = (await hub.call("ListImages", path="done", depth=1))["files"]
    assert {one["src"] for one in listed} == {"blue(2).png", "green.png", "red one.png"}


@pytest.mark.parametrize(
    ("mode", "sizes"),
    [
        ("From Parameter", ["64x64", "64x64"]),
        ("From Image", ["100x64", "80x160"]),
        ("Scale To Side Length", ["368x176", "176x368"]),
    ],
)
async def test_sizes_follow_the_mode(hub: Tenant, folder: Path, mode: str, sizes: list[str]) -> None:
    Image.new("RGB", (100, 64), "red").save(folder / "red one.png")
    frames = await run(hub, resMode=mode, side_length=256)
    found = results(frames)
    pictures = [
        hub.room(Media).gallery.file(hub.user, found[name]["image"])
        for name in ("red one.png", "blue[2].jpg")
    ]
    made = []
    for picture in pictures:
        with Image.open(picture) as opened:
            made.append(f"{opened.width}x{opened.height}")
    assert made[0] == sizes[0] or mode == "Scale To Side Length"
    assert made[1] == sizes[1]


async def test_a_file_that_cannot_be_used_is_told_and_passed(hub: Tenant, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    frames = await run(hub)
    assert frames[-1] == {"images": 3, "failed": 1, "success": "complete"}
    (error,) = [frame for frame in frames if "error" in frame]
    assert error["file"] == "broken.png"
    assert "PNG, JPEG or WebP" in error["error"]


async def test_a_file_whose_drawing_fails_too(hub: Tenant, folder: Path) -> None:
    (folder / "green.webp").rename(folder / "fail.webp")
    frames = await run(hub, append_filename_to_prompt=True)
    assert frames[-1] == {"images": 2, "failed": 1, "success": "complete"}


async def test_a_picture_lying_on_its_side_is_turned(hub: Tenant, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (160, 80), "red").save(folder / "side.jpg", exif=turned)
    frames = await run(hub, resMode="From Image")
    (found,) = results(frames).values()
    assert given(found)["rawresolution"] == "80x160"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"input_folder": "../other"}, "input_folder"),
        ({"input_folder": "/etc"}, "input_folder"),
        ({"input_folder": ""}, "input_folder"),
        ({"input_folder": "mine/none"}, "input_folder"),
        ({"input_folder": "n" * 300}, "input_folder"),
        ({"output_folder": "../other"}, "output_folder"),
        ({"output_folder": "/srv/elsewhere"}, "output_folder"),
        ({"output_folder": ""}, "output_folder"),
        ({"output_folder": ".hidden"}, "output_folder"),
        ({"output_folder": "mine"}, "output_folder"),
        ({"init_image": False}, "init_image"),
        ({"revision": True}, "revision"),
        ({"controlnet": True}, "controlnet"),
        ({"resMode": "Any"}, "resMode"),
        ({"side_length": 0}, "side_length"),
        ({"baseParams": {"steps": "many"}}, "steps"),
        ({"baseParams": [1]}, "baseParams"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_drawn(
    hub: Tenant, folder: Path, changes: dict[str, Any], field: str
) -> None:
    frames = await run(hub, **changes)
    assert frames[-1]["field"] == field
    assert not results(frames)
    assert not (folder.parent / "done").exists()


async def test_no_link_leads_out(hub: Tenant, folder: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder.parent / "way").symlink_to(tmp_path, target_is_directory=True)
    assert "link.png" not in results(await run(hub))
    assert (await run(hub, input_folder="way"))[-1]["field"] == "input_folder"
    assert (await run(hub, output_folder="way"))[-1]["field"] == "output_folder"


async def test_an_interrupt_ends_it(hub: Tenant, folder: Path) -> None:
    task = asyncio.create_task(run(hub, {"prompt": "hold"}))
    async with asyncio.timeout(60):
        while hub.room(Jobs).counts(user=hub.user).live_gens < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await hub.call("InterruptAll", other_sessions=False)
    frames = await asyncio.wait_for(task, 60)
    assert frames[-1]["error"] == "Generation session interrupted."


async def test_only_a_few_are_in_line_at_once(hub: Tenant, folder: Path) -> None:
    for number in range(20):
        Image.new("RGB", (64, 64), "red").save(folder / f"{number}.png")
    task = asyncio.create_task(run(hub, {"prompt": "hold"}))
    async with asyncio.timeout(60):
        while hub.room(Jobs).counts(user=hub.user).live_gens < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    assert hub.room(Jobs).counts(user=hub.user).waiting_gens <= 8
    await hub.call("InterruptAll", other_sessions=False)
    await asyncio.wait_for(task, 60)


async def test_not_without_the_flag(hub: Tenant) -> None:
    guest = await hub.session_as("user")
    frames = await hub.talk("ImageBatchRun", session_id=guest)
    assert frames[-1]["permission"] == "imagebatcher_use_image_batcher"
