"""ListImages, ToggleImageStarred, DeleteImage and /View: one's own pictures, found, kept, served."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hub.media import Media
from hub.media.thumbs import make_thumbnail
from tests.swarm_api.sketching import SETTINGS, SMALL, Tenant, tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
hub = tenant


async def make(hub: Tenant, path: str = "raw/day/[prompt]", **params: Any) -> str:
    """A finished image; gives its path below the user's folder."""
    body = {**SMALL, "prompt": "red", "overrideoutpathformat": path, **params}
    answer = await hub.call("GenerateText2Image", **body)
    return str(answer["images"][0]).split("/", 2)[2]


async def sources(hub: Tenant, path: str = "", depth: int = 9, **more: Any) -> list[str]:
    return [file["src"] for file in (await hub.call("ListImages", path=path, depth=depth, **more))["files"]]


class TestListing:
    async def test_names_newest_first_folders_and_depth(self, hub: Tenant) -> None:
        for path in ("a", "raw/one/b", "raw/one/c", "raw/two/deep/d"):
            await make(hub, path)
        whole = await hub.call("ListImages", path="", depth=3)
        assert whole["folders"] == ["raw", "raw/one", "raw/two", "raw/two/deep"]
        assert [file["src"] for file in whole["files"]] == ["raw/one/c.png", "raw/one/b.png", "a.png"]
        assert json.loads(whole["files"][0]["metadata"])["sui_image_params"]["prompt"] == "red"
        assert await sources(hub, "raw/one", 1) == ["c.png", "b.png"]
        assert await sources(hub, "/raw//one/", 1, sortReverse="true") == ["b.png", "c.png"]
        assert await sources(hub, "raw", 1) == []

    async def test_by_date(self, hub: Tenant) -> None:
        for path in ("b", "c", "a"):
            await make(hub, path)
        assert await sources(hub, sortBy="Date") == ["a.png", "c.png", "b.png"]
        assert await sources(hub, sortBy="Date", sortReverse=True) == ["b.png", "c.png", "a.png"]

    @pytest.mark.parametrize("order", ["Name", "Date"])
    async def test_page_by_page(self, hub: Tenant, order: str) -> None:
        for path in ("raw/a", "raw/b", "c"):
            await make(hub, path)
        seen: list[str] = []
        given: dict[str, Any] = {"path": "", "depth": 10, "sortBy": order, "limit": 2}
        first = await hub.call("ListImages", **given)
        assert first["folders"] == ["raw"]
        second = await hub.call("ListImages", **given, before=first["next"])
        seen = [file["src"] for file in first["files"] + second["files"]]
        wanted = (
            ["raw/b.png", "raw/a.png", "c.png"] if order == "Name" else ["c.png", "raw/b.png", "raw/a.png"]
        )
        assert seen == wanted
        assert (second["folders"], "next" in second) == ([], False)
        assert (await hub.call("ListImages", **given, before="nonsense"))["field"] == "before"

    async def test_search_by_prompt_with_folders_and_stars(self, hub: Tenant) -> None:
        for path, prompt in (("raw/a", "red circle"), ("raw/b", "blue circle"), ("c", "a circular red")):
            await make(hub, path, prompt=prompt)
        assert await sources(hub, search="red circ") == ["raw/a.png", "c.png"]
        assert await sources(hub, "raw", search="circle -blue") == ["a.png"]
        await hub.call("ToggleImageStarred", path="raw/b.png")
        assert await sources(hub, search="circle", starred=True) == ["Starred/b.png"]
        assert await sources(hub, starred="true", sortBy="Date") == ["Starred/b.png"]
        for odd in ('"', "(red:1.2)", "<lora:x>", "%_%", "*", "-", "\x00", "NOT AND", "'; DROP TABLE images"):
            assert "files" in await hub.call("ListImages", path="", depth=9, search=odd)

    async def test_a_file_copied_in_by_hand_comes_with_a_later_listing(
        self, hub: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hub.media.found._SETTLED_S", -1.0)
        media = hub.room(Media)
        home = media.outputs.home(hub.user)
        path = await make(hub, prompt="red")
        (home / "copied").mkdir()
        (home / "copied/by hand.png").write_bytes((home / path).read_bytes())
        await sources(hub)
        assert await media.finder.done(hub.user) == 1
        listed = (await hub.call("ListImages", path="copied", depth=1, search="red"))["files"]
        assert [file["src"] for file in listed] == ["by hand.png"]
        assert json.loads(listed[0]["metadata"])["sui_image_params"]["prompt"] == "red"

    async def test_at_most_as_many_as_the_setting_says(self, hub: Tenant) -> None:
        for _ in range(3):
            await make(hub, "x")
        await hub.call("ChangeUserSettings", settings={"maximagesinhistory": 2})
        assert len(await sources(hub)) == 2

    @pytest.mark.parametrize("path", ["nowhere", "../..", "raw/../..", ".pending", "/etc"])
    async def test_a_folder_that_is_not_there(self, hub: Tenant, path: str) -> None:
        answer = await hub.call("ListImages", path=path, depth=1)
        assert answer == {"error": "404, path not found.", "field": "path"}

    async def test_bad_sort_and_missing_keys(self, hub: Tenant) -> None:
        assert (await hub.call("ListImages", path="", depth=1, sortBy="Size"))["field"] == "sortBy"
        assert (await hub.call("ListImages", path=""))["error"] == "Missing required parameter 'depth'"

    async def test_others_see_their_own(self, hub: Tenant) -> None:
        await make(hub)
        stranger = await hub.session_as("user")
        assert await sources(hub, session_id=stranger) == []


class TestStars:
    async def test_a_star_is_a_copy_that_hides_the_original(self, hub: Tenant) -> None:
        path = await make(hub)
        assert await hub.call("ToggleImageStarred", path=path) == {"new_state": True}
        listed = (await hub.call("ListImages", path="", depth=9))["files"]
        assert [file["src"] for file in listed] == ["Starred/day/red.png"]
        metadata = json.loads(listed[0]["metadata"])
        assert metadata["is_starred"] is True and metadata["sui_image_params"]["prompt"] == "red"
        beside = (await hub.call("ListImages", path="raw", depth=9))["files"]
        assert json.loads(beside[0]["metadata"])["is_starred"] is True
        assert await sources(hub, "Starred") == ["day/red.png"]
        assert (await hub.http.get(f"/View/{hub.user}/Starred/day/red.png")).status_code == 200

    @pytest.mark.parametrize("by_copy", [True, False])
    async def test_taking_it_back(self, hub: Tenant, by_copy: bool) -> None:
        path = await make(hub)
        await hub.call("ToggleImageStarred", path=path)
        target = "Starred/day/red.png" if by_copy else path
        assert await hub.call("ToggleImageStarred", path=target) == {"new_state": False}
        listed = (await hub.call("ListImages", path="", depth=9))["files"]
        assert [file["src"] for file in listed] == [path] and "is_starred" not in listed[0]["metadata"]

    async def test_the_last_copy_is_moved_back_not_deleted(self, hub: Tenant) -> None:
        path = await make(hub)
        await hub.call("ToggleImageStarred", path=path)
        await hub.call("DeleteImage", path=path)
        assert await sources(hub) == ["Starred/day/red.png"]
        assert await hub.call("ToggleImageStarred", path="Starred/day/red.png") == {"new_state": False}
        assert await sources(hub) == [path]
        assert (await hub.http.get(f"/View/{hub.user}/{path}")).status_code == 200

    @pytest.mark.parametrize("by_copy", [True, False])
    async def test_without_folders_where_the_user_wishes(self, hub: Tenant, by_copy: bool) -> None:
        await hub.call("ChangeUserSettings", settings={"StarNoFolders": True})
        path, other = await make(hub), await make(hub, path="raw/other/[prompt]")
        assert await hub.call("ToggleImageStarred", path=path) == {"new_state": True}
        assert set(await sources(hub)) == {"Starred/red.png", other}
        assert await hub.call("ToggleImageStarred", path=other) == {"new_state": True}
        assert set(await sources(hub)) == {"Starred/red.png", "Starred/other/red.png"}
        target = "Starred/red.png" if by_copy else path
        assert await hub.call("ToggleImageStarred", path=target) == {"new_state": False}
        assert set(await sources(hub)) == {path, "Starred/other/red.png"}
        assert await hub.call("ToggleImageStarred", path=other) == {"new_state": False}
        assert set(await sources(hub)) == {path, other}

    async def test_nothing_to_star(self, hub: Tenant) -> None:
        for path in ("raw/none.png", "../x", ""):
            answer = await hub.call("ToggleImageStarred", path=path)
            assert answer["error"] and answer["field"] == "path"


class TestDeleting:
    async def test_file_siblings_and_row_go_together(self, hub: Tenant) -> None:
        path = await make(hub)
        file = hub.room(Media).outputs.home(hub.user) / path
        for ending in (".txt", ".swarm.json", ".swarmpreview.jpg"):
            file.with_suffix(ending).touch()
        assert await hub.call("DeleteImage", path=path) == {"success": True}
        assert list(file.parent.iterdir()) == [] and await sources(hub) == []
        assert (await hub.call("DeleteImage", path=path))["error"] == (
            "That file does not exist, cannot delete."
        )

    async def test_a_deleted_name_is_not_given_again(self, hub: Tenant) -> None:
        path = await make(hub)
        await hub.call("DeleteImage", path=path)
        assert await make(hub) != path

    async def test_not_the_file_of_another(self, hub: Tenant) -> None:
        path = await make(hub)
        stranger = await hub.session_as("user")
        for given in (path, f"../{hub.user}/{path}", f"View/{hub.user}/{path}"):
            assert (await hub.call("DeleteImage", path=given, session_id=stranger))["field"] == "path"
        assert await sources(hub) == [path]

    async def test_without_the_flag(self, hub: Tenant) -> None:
        guest = await hub.session_as("guest")
        answer = await hub.post("/API/DeleteImage", {"session_id": guest, "path": "x"})
        assert answer.json().get("error_id") == "bad_permissions" or "error" in answer.json()


class TestView:
    async def test_the_file_with_its_headers(self, hub: Tenant) -> None:
        path = await make(hub, "a folder/b c")
        answer = await hub.http.get(f"/View/{hub.user}/{path}")
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "private, max-age=30"
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = await hub.http.get(
            f"/View/{hub.user}/{path}", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304 and again.content == b""

    async def test_head_alone(self, hub: Tenant, caplog: pytest.LogCaptureFixture) -> None:
        path = await make(hub)
        answer = await hub.http.head(f"/View/{hub.user}/{path}")
        assert answer.status_code == 200 and int(answer.headers["content-length"]) > 100
        assert "Exception" not in caplog.text

    async def test_parts(self, hub: Tenant) -> None:
        path = await make(hub)
        whole = (await hub.http.get(f"/View/{hub.user}/{path}")).content
        part = await hub.http.get(f"/View/{hub.user}/{path}", headers={"Range": "bytes=4-9"})
        assert part.status_code == 206 and part.content == whole[4:10]
        assert part.headers["content-range"] == f"bytes 4-9/{len(whole)}"
        outside = await hub.http.get(f"/View/{hub.user}/{path}", headers={"Range": "bytes=999999-"})
        assert outside.status_code == 416

    async def test_a_large_file_comes_in_pieces(self, hub: Tenant) -> None:
        file = hub.room(Media).outputs.home(hub.user) / "big.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(range(256)) * 10_000)
        answer = await hub.http.get(f"/View/{hub.user}/big.bin")
        assert answer.content == file.read_bytes()

    async def test_a_small_picture_for_lists(self, hub: Tenant) -> None:
        path = await make(hub, width=512, height=256)
        answer = await hub.http.get(f"/View/{hub.user}/{path}?preview=true")
        with Image.open(io.BytesIO(answer.content)) as small:
            assert small.format == "JPEG" and small.size == (256, 128)

    async def test_the_older_address(self, hub: Tenant) -> None:
        path = await make(hub)
        assert (await hub.http.get(f"/Output/{path}")).status_code == 200

    @pytest.mark.parametrize(
        ("path", "status", "error_id"),
        [
            ("/View/USER/none.png", 404, "file_not_found"),
            ("/View/USER/%2e%2e/%2e%2e/hub.sqlite3", 400, "bad_path"),
            ("/View/USER/.pending/x", 400, "bad_path"),
            ("/View/No Body/x.png", 400, "invalid_user"),
        ],
    )
    async def test_refusals(self, hub: Tenant, path: str, status: int, error_id: str) -> None:
        answer = await hub.http.get(path.replace("USER", hub.user))
        assert (answer.status_code, answer.json()["error_id"]) == (status, error_id)

    async def test_only_ones_own_unless_allowed(self, hub: Tenant) -> None:
        path = await make(hub)
        stranger = await hub.session_as("user")
        answer = await hub.http.get(f"/View/{hub.user}/{path}", headers={"X-Session-ID": stranger})
        assert answer.status_code == 400
        assert answer.json()["error_id"] == "unauthorized"
        assert answer.json()["permission"] == "view_others_outputs"
        admin = await hub.session_as("admin")
        answer = await hub.http.get(f"/View/{hub.user}/{path}", headers={"X-Session-ID": admin})
        assert answer.status_code == 200

    async def test_nobody_we_know(self, hub: Tenant) -> None:
        answer = await hub.http.get(f"/View/{hub.user}/x.png", headers={"X-Session-ID": "F" * 40})
        assert answer.status_code == 401

    async def test_a_row_whose_file_is_gone_goes_too(self, hub: Tenant) -> None:
        path = await make(hub)
        (hub.room(Media).outputs.home(hub.user) / path).unlink()
        assert (await hub.http.get(f"/View/{hub.user}/{path}")).status_code == 404
        assert await sources(hub) == []

    async def test_a_page_among_the_outputs_is_not_run(self, hub: Tenant) -> None:
        home = hub.room(Media).outputs.home(hub.user)
        home.mkdir(parents=True, exist_ok=True)
        (home / "x.html").write_text("<script>alert(1)</script>")
        answer = await hub.http.get(f"/View/{hub.user}/x.html")
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "private, max-age=2"


def as_url(kind: str, size: tuple[int, int] = (10, 20)) -> str:
    kept = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(kept, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(kept.getvalue()).decode()}"


class TestAddingAnImage:
    async def test_its_metadata_says_only_what_was_given(self, hub: Tenant) -> None:
        answer = await hub.call("AddImageToHistory", image=as_url("PNG"), prompt="a <random:red,blue> hat")
        block = json.loads(answer["images"][0]["metadata"])
        assert list(block["sui_image_params"]) == ["prompt", "swarm_version"]
        assert block["sui_image_params"]["prompt"] == "a <random:red,blue> hat"
        assert list(block["sui_extra_data"]) == ["date"] and block["sui_models"] == []
        assert answer["images"][0]["image"].endswith("-unknown.png")
        tagged = "<segment:face> <wildcard:of another hub>"  # what nothing here could draw
        answer = await hub.call("AddImageToHistory", image=as_url("PNG"), prompt=tagged)
        assert json.loads(answer["images"][0]["metadata"])["sui_image_params"]["prompt"] == tagged
        preset = {"title": "mine", "description": "", "param_map": {"steps": "9", "seed": "4"}}
        assert await hub.call("AddNewPreset", **preset) == {"success": True}
        answer = await hub.call(
            "AddImageToHistory",
            image=as_url("PNG"),
            model="doodle",
            width=64,
            seed=-1,
            presets=["mine"],
            extra_metadata={"custom_x": "y"},
        )
        block = json.loads(answer["images"][0]["metadata"])
        told = {
            key: block["sui_image_params"].get(key) for key in ("model", "width", "height", "steps", "seed")
        }
        assert told == {"model": "doodle", "width": 64, "height": None, "steps": 9, "seed": 4}
        assert block["sui_extra_data"]["custom_x"] == "y"
        assert [model["name"] for model in block["sui_models"]] == ["doodle"]

    @pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")])
    async def test_it_joins_the_history_with_its_parameters(
        self, hub: Tenant, kind: str, ending: str
    ) -> None:
        answer = await hub.call("AddImageToHistory", image=as_url(kind), prompt="painted by hand", seed=5)
        added = answer["images"][0]
        assert added["batch_index"] == "0" and added["request_id"] == "1001"
        assert added["image"].endswith(f".{ending}") and "painted by hand" in added["image"]
        assert json.loads(added["metadata"])["sui_image_params"]["seed"] == 5
        served = await hub.http.get("/" + added["image"])
        with Image.open(io.BytesIO(served.content)) as picture:
            assert picture.size == (10, 20)
        assert len(await sources(hub)) == 1

    async def test_refusals(self, hub: Tenant) -> None:
        for image in ("", "x", "data:image/png;base64,!!!", "data:text/html;base64,PGI+", as_url("PNG")[:60]):
            answer = await hub.call("AddImageToHistory", image=image, prompt="x")
            assert answer["field"] == "image" and answer["limit"]
        bomb = io.BytesIO()
        Image.new("1", (13000, 13000)).save(bomb, "PNG")
        url = f"data:image/png;base64,{base64.b64encode(bomb.getvalue()).decode()}"
        answer = await hub.call("AddImageToHistory", image=url, prompt="x")
        assert answer["field"] == "image" and answer["limit"] == 64.0
        assert (await hub.call("AddImageToHistory", image=as_url("PNG"), steps="x"))["field"] == "steps"
        assert await sources(hub) == []


def test_the_thumbnail_of_a_bomb_is_not_made(tmp_path: Path) -> None:
    kept = tmp_path / "bomb.png"
    Image.new("1", (13000, 13000)).save(kept)
    assert make_thumbnail(kept) is None
    (tmp_path / "x.png").write_bytes(b"nothing")
    assert make_thumbnail(tmp_path / "x.png") is None
