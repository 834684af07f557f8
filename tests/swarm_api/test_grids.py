"""The grid generator as a client sees it (swarm-api §2.7)."""

import asyncio
import base64
import json
from io import BytesIO
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
    "outputFolderName": "tries",
    "doOverwrite": False,
    "fastSkip": False,
    "generatePage": True,
    "publishGenMetadata": True,
    "dryRun": False,
    "weightOrder": True,
    "outputType": "Web Page",
    "continueOnError": False,
    "showOutputs": True,
    "saveConfig": {"axes": "mine"},
}


def axis(mode: str, values: str) -> dict[str, str]:
    return {"mode": mode, "vals": values}


async def run(hub: Tenant, *axes: dict[str, str], base: Any = None, **changes: Any) -> list[Frame]:
    """Every frame of a grid over these axes."""
    body = {"baseParams": {**BASE, **(base or {})}, "gridAxes": list(axes)}
    return await hub.talk("GridGenRun", **{**USUAL, **body, **changes})


def images(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if "image" in frame]


class TestAWebPage:
    async def test_an_image_for_each_cell_named_by_its_values(self, hub: Tenant) -> None:
        frames = await run(
            hub, axis("prompt", "a red thing || a blue thing"), axis("Steps", "1, 2, .., 4"), base={"seed": 7}
        )
        assert "status" in frames[0]
        assert frames[-1] == {"images": 8, "skipped": 0, "failed": 0, "success": "complete"}
        home = hub.room(Media).outputs.home(hub.user) / "Grids" / "tries"
        names = sorted(str(file.relative_to(home)) for file in home.rglob("*.png"))
        assert names == sorted(
            f"{colour}/{steps}.png" for colour in ("aredthing", "abluething") for steps in "1234"
        )
        told = images(frames)
        assert {frame["image"] for frame in told} == {f"View/{hub.user}/Grids/tries/{name}" for name in names}
        assert sorted(int(frame["batch_index"]) for frame in told) == list(range(1, 9))
        with Image.open(home / "abluething" / "3.png") as opened:
            assert opened.getpixel((5, 5)) == (0, 0, 255)
        given = json.loads(told[0]["metadata"])["sui_image_params"]
        assert given["seed"] == 7
        assert "gridgenpromptreplace" not in given

    async def test_its_page_has_all_it_needs_in_itself(self, hub: Tenant) -> None:
        await run(hub, axis("steps", "1,2"), axis("cfg_scale", "3,SKIP:5"), base={"prompt": "</script>"})
        answer = await hub.http.get(f"/View/{hub.user}/Grids/tries/index.html")
        text = answer.text
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["content-disposition"].startswith("inline; filename=")
        assert "script-src 'sha256-" in answer.headers["content-security-policy"]
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
        data = json.loads(text.partition('id="grid">')[2].partition("</script>")[0])
        assert [one["title"] for one in data["axes"]] == ["Steps", "CFG Scale"]
        assert [one["title"] for one in data["axes"][1]["values"]] == ["3", "5"]
        assert set(data["metadata"]) == {"1/3", "2/3"}
        assert '"steps": 2' in data["metadata"]["2/3"]
        assert (await hub.call("GridGenDoesExist", folderName="tries")) == {"exists": True}
        assert (await hub.call("GridGenDoesExist", folderName="none")) == {"exists": False}
        listed = await hub.call("GridGenListData")
        assert listed["history"] == ["tries"]
        assert (await hub.call("GridGenGetData", gridName="history/tries"))["data"] == {"axes": "mine"}
        files = (await hub.call("ListImages", path="Grids", depth=4))["files"]
        assert {"tries/index.html", "tries/1/3.png", "tries/2/3.png"} == {file["src"] for file in files}

    async def test_what_is_there_is_drawn_again_only_on_wish(self, hub: Tenant) -> None:
        await run(hub, axis("steps", "1,2"), base={"prompt": "red"})
        again = await run(hub, axis("steps", "1,2,3"), base={"prompt": "blue"})
        assert again[-1] == {"images": 1, "skipped": 2, "failed": 0, "success": "complete"}
        home = hub.room(Media).outputs.home(hub.user) / "Grids" / "tries"

        def colour(name: str) -> Any:
            with Image.open(home / name) as opened:
                return opened.getpixel((1, 1))

        assert [colour(f"{step}.png") for step in (1, 2, 3)] == [(255, 0, 0), (255, 0, 0), (0, 0, 255)]
        for _ in range(2):
            anew = await run(hub, axis("steps", "1,2,3"), base={"prompt": "green"}, doOverwrite=True)
            assert anew[-1]["images"] == 3
        assert [colour(f"{step}.png") for step in (1, 2, 3)] == [(0, 128, 0)] * 3
        await hub.call("DeleteImage", path="Grids/tries/2.png")
        await run(hub, axis("steps", "1,2,3"), base={"prompt": "yellow"})
        assert sorted(file.name for file in home.glob("*.png")) == ["1.png", "2.png", "3.png"]
        assert colour("2.png") == (255, 255, 0)

    async def test_no_name_leads_out_of_the_folder(self, hub: Tenant) -> None:
        frames = await run(hub, axis("steps", "1"), outputFolderName="../..//a[seed]/x.y")
        assert images(frames)[0]["image"] == f"View/{hub.user}/Grids/aseedxy/1.png"
        for name in ("", "..", "/", "???"):
            refused = (await run(hub, axis("steps", "1"), outputFolderName=name))[-1]
            assert refused["field"] == "outputFolderName"

    async def test_more_axes_than_folders_a_role_may_make(self, hub: Tenant) -> None:
        frames = await run(
            hub,
            axis("steps", "1"),
            axis("seed", "2"),
            axis("cfgscale", "3"),
            axis("width", "64"),
            axis("height", "64"),
            axis("gridgenpromptadd", "blue || red"),
        )
        assert frames[-1]["success"] == "complete"
        assert {frame["image"].rpartition("/")[2] for frame in images(frames)} == {"blue.png", "red.png"}
        assert {frame["image"].count("/") for frame in images(frames)} == {9}

    async def test_replacing_presets_and_skips(self, hub: Tenant) -> None:
        for title, steps in (("few", "1"), ("more", "3")):
            await hub.call("AddNewPreset", title=title, description="", param_map={"steps": steps})
        frames = await run(
            hub,
            axis("gridgenpromptreplace", "red, blue, SKIP: green"),
            axis("gridgenpresets", "few || more"),
            base={"prompt": "a red thing"},
            fastSkip=True,
        )
        assert frames[-1]["images"] == 4
        made = [json.loads(frame["metadata"])["sui_image_params"] for frame in images(frames)]
        assert sorted((one["prompt"], one["steps"]) for one in made) == [
            ("a blue thing", 1),
            ("a blue thing", 3),
            ("a red thing", 1),
            ("a red thing", 3),
        ]


class TestOtherOutputs:
    async def test_just_images_go_where_images_always_go(self, hub: Tenant) -> None:
        frames = await run(hub, axis("steps", "1,2"), outputType="Just Images")
        assert all("/raw/" in frame["image"] for frame in images(frames))
        assert not (hub.room(Media).outputs.home(hub.user) / "Grids").exists()

    async def test_a_grid_image_shows_all_with_their_values(self, hub: Tenant) -> None:
        frames = await run(
            hub,
            axis("prompt", "red,blue"),
            axis("steps", "1,2,3"),
            axis("seed", "4,5"),
            outputType="Grid Image",
        )
        told = images(frames)
        assert len(told) == 13
        assert told[-1]["batch_index"] == "13"
        with Image.open(hub.room(Media).gallery.file(hub.user, told[-1]["image"])) as whole:
            colours = {colour for _, colour in whole.getcolors(1 << 20) or []}
        assert {(255, 0, 0), (0, 0, 255), (255, 255, 255)} <= colours

    async def test_four_axes_are_too_many_for_it(self, hub: Tenant) -> None:
        axes = [axis("steps", "1"), axis("seed", "1"), axis("cfgscale", "1"), axis("prompt", "x")]
        assert (await run(hub, *axes, outputType="Grid Image"))[-1]["field"] == "outputType"
        assert (await run(hub, axes[0], outputType="Poster"))[-1]["field"] == "outputType"


class TestRefusals:
    @pytest.mark.parametrize(
        ("axes", "words"),
        [
            ([axis("steps", "3,900")], ("Steps", "900")),
            ([axis("steps", "1,2"), axis("sampler", "euler,brush")], ("Sampler", "brush")),
            ([axis("steps", "1,..,5")], ("Steps", "..")),
            ([axis("gridgenpresets", "few || gone")], ("Presets", "gone")),
            ([axis("model", "doodle, nothing")], ("Model", "nothing")),
            ([axis("flavour", "1")], ("flavour", "parameter")),
            ([axis("steps", "1, 2, .., 500"), axis("seed", "1, 2, .., 500")], ("10000",)),
            ([], ("axis",)),
        ],
    )
    async def test_the_whole_grid_is_refused_naming_axis_and_value(
        self, hub: Tenant, axes: list[dict[str, str]], words: tuple[str, ...]
    ) -> None:
        await hub.call("AddNewPreset", title="few", description="", param_map={"steps": "1"})
        frames = await run(hub, *axes)
        assert not images(frames)
        assert all(word in frames[-1]["error"] for word in words)
        assert not (hub.room(Media).outputs.home(hub.user) / "Grids").exists()

    async def test_a_dry_run_draws_and_writes_nothing(self, hub: Tenant) -> None:
        frames = await run(hub, axis("steps", "1,2"), dryRun=True)
        assert frames[-1]["success"] == "complete"
        assert not images(frames)
        assert not (hub.room(Media).outputs.home(hub.user) / "Grids").exists()

    async def test_not_without_the_flag(self, hub: Tenant) -> None:
        guest = await hub.session_as("guest")
        frames = await hub.talk("GridGenRun", session_id=guest)
        assert frames[-1]["permission"] == "gridgen_generate_grids"


class TestTroubleOnTheWay:
    async def test_the_first_failure_stops_the_grid(self, hub: Tenant) -> None:
        frames = await run(hub, axis("prompt", "fail||hold||hold||hold"))
        assert "pencil" in frames[-1]["error"]
        assert not images(frames)
        assert hub.room(Jobs).counts(user=hub.user).idle

    async def test_or_is_told_and_passed(self, hub: Tenant) -> None:
        frames = await run(hub, axis("prompt", "red||fail||blue"), continueOnError=True)
        assert frames[-1] == {"images": 2, "skipped": 0, "failed": 1, "success": "complete"}
        assert [frame["batch_index"] for frame in frames if "error" in frame] == ["2"]
        assert len(images(frames)) == 2

    async def test_an_interrupt_ends_it(self, hub: Tenant) -> None:
        task = asyncio.create_task(run(hub, axis("prompt", "hold||hold||hold")))
        async with asyncio.timeout(60):
            while hub.room(Jobs).counts(user=hub.user).live_gens < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        second = (await run(hub, axis("prompt", "red")))[-1]
        assert second["field"] == "outputFolderName"
        await hub.call("InterruptAll", other_sessions=False)
        frames = await asyncio.wait_for(task, 60)
        assert frames[-1]["error"] == "Generation session interrupted."

    async def test_it_goes_on_when_the_socket_closes(self, hub: Tenant) -> None:
        async with hub.socket("/API/GridGenRun") as socket:
            body = {"baseParams": BASE, "gridAxes": [axis("prompt", "slow red||slow blue||slow green")]}
            await socket.send(json.dumps({"session_id": hub.session, **USUAL, **body}))
            while "image" not in json.loads(await socket.recv()):
                pass
        home = hub.room(Media).outputs.home(hub.user) / "Grids" / "tries"
        async with asyncio.timeout(60):
            while len(list(home.glob("*.png"))) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            while "slow green" not in (home / "index.html").read_text().partition('"metadata"')[2]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


class TestStoredSetUps:
    async def test_ones_own_and_public_ones(self, hub: Tenant) -> None:
        other = await hub.session_as("user")
        await hub.call("GridGenSaveData", gridName="mine", isPublic=False, data={"a": 1})
        await hub.call("GridGenSaveData", gridName="ours", isPublic=True, data={"a": [2]})
        assert (await hub.call("GridGenGetData", gridName="mine")) == {"data": {"a": 1}}
        assert (await hub.call("GridGenGetData", gridName="ours", session_id=other)) == {"data": {"a": [2]}}
        refused = await hub.call("GridGenGetData", gridName="mine", session_id=other)
        assert refused["error"] == "Could not find that Grid Generator save."
        assert {"mine", "ours"} <= set((await hub.call("GridGenListData"))["data"])
        names = (await hub.call("GridGenListData", session_id=other))["data"]
        assert "ours" in names
        assert "mine" not in names

    async def test_a_public_one_is_its_authors(self, hub: Tenant) -> None:
        author, other = await hub.session_as("user"), await hub.session_as("user")
        await hub.call("GridGenSaveData", gridName="rare", isPublic=True, data={}, session_id=author)
        for call in (
            hub.call("GridGenSaveData", gridName="rare", isPublic=True, data={}, session_id=other),
            hub.call("GridGenDeleteData", gridName="rare", session_id=other),
        ):
            assert "another user" in (await call)["error"]
        assert (await hub.call("GridGenDeleteData", gridName="rare", session_id=author)) == {"success": True}
        again = await hub.call("GridGenDeleteData", gridName="rare", session_id=author)
        assert again["field"] == "gridName"


async def test_the_pictures_a_grid_starts_from_are_bounded_and_kept_once(
    hub: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = BytesIO()
    Image.effect_noise((64, 64), 60).save(kept, "PNG")
    start = f"data:image/png;base64,{base64.b64encode(kept.getvalue()).decode()}"
    monkeypatch.setattr("hub.grids.plan.MOST_PICTURES", 3 * len(kept.getvalue()))
    taken = await run(hub, axis("steps", "1,2,3"), base={"initimage": start}, dryRun=True)
    assert taken[-1]["success"] == "complete"
    refused = await run(hub, axis("steps", "1,2,3,4"), base={"initimage": start}, dryRun=True)
    assert "MiB" in refused[-1]["error"]
