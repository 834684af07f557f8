"""Presets, stars, preset links and parameter edits over HTTP."""

import base64
import copy
import io

import pytest
import pytest_asyncio
from PIL import Image

from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def hub(shared_hub: RunningHub) -> RunningHub:
    """The running hub as a new user sees it."""
    mine = copy.copy(shared_hub)
    mine.session = await shared_hub.session_as("user")
    return mine


def jpeg_url() -> str:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


async def presets_of(hub: RunningHub) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await hub.call("GetMyUserData"))["presets"]
    return found


class TestPresets:
    async def test_a_preset_is_saved_with_its_parameters_as_texts(self, hub: RunningHub) -> None:
        done = await hub.call(
            "AddNewPreset",
            title="Style/v1.5",
            description="fine",
            param_map={
                "steps": 20,
                "cfgscale": 7.5,
                "prompt": "a {value}",
                "seamless": True,
                "loras": ["a", "b"],
            },
            is_starred=True,
        )
        assert done == {"success": True}
        assert await presets_of(hub) == [
            {
                "author": (await hub.call("GetMyUserData"))["user_name"],
                "title": "Style/v15",
                "description": "fine",
                "preview_image": "imgs/model_placeholder.jpg",
                "is_starred": True,
                "param_map": {
                    "steps": "20",
                    "cfgscale": "7.5",
                    "prompt": "a {value}",
                    "seamless": "true",
                    "loras": "a\n|||\nb",
                },
            }
        ]

    async def test_parameters_nested_as_documented_are_found(self, hub: RunningHub) -> None:
        await hub.call("AddNewPreset", title="A", description="", raw={"param_map": {"steps": "9"}})
        assert (await presets_of(hub))[0]["param_map"] == {"steps": "9"}

    async def test_its_picture_is_served_to_its_user_only(self, hub: RunningHub) -> None:
        url = jpeg_url()
        await hub.call("AddNewPreset", title="My/Red", description="", param_map={}, preview_image=url)
        address = str((await presets_of(hub))[0]["preview_image"])
        assert address == "/ViewSpecial/Preset/My/Red?editid=1"
        answer = await hub.http.get(address, headers={"X-Session-ID": hub.session})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert answer.content == base64.b64decode(url.partition(",")[2])
        other = await hub.session_as("poweruser")
        assert (await hub.http.get(address, headers={"X-Session-ID": other})).status_code == 404
        (exported,) = (await hub.call("ExportUserPresets", titles=["my/red"]))["presets"]
        assert exported["preview_image"] == url
        assert (await hub.call("ExportUserPresets", titles=["none"]))["presets"] == []

    async def test_editing_renames_and_a_copy_gets_a_number(self, hub: RunningHub) -> None:
        await hub.call("AddNewPreset", title="One", description="", param_map={})
        edit = {"title": "Two", "description": "d", "param_map": {"a": 1}, "is_edit": True, "editing": "One"}
        assert await hub.call("AddNewPreset", **edit) == {"success": True}
        assert await hub.call("DuplicatePreset", preset="two") == {"success": True}
        assert [preset["title"] for preset in await presets_of(hub)] == ["Two", "Two (2)"]
        assert await hub.call("DeletePreset", preset="TWO") == {"success": True}
        assert await hub.call("DeletePreset", preset="TWO") == {"success": False}

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ({"title": "..."}, "Invalid or empty title."),
            ({"title": "taken"}, "A preset with that title already exists."),
            ({"title": "x", "preview_image": "http://x/y.jpg"}, "Forbidden preview-image path."),
            (
                {"title": "x", "preview_image": "data:image/jpeg;base64,AAAA"},
                "The preview image is not a JPEG image.",
            ),
            (
                {"title": "x", "preview_image": "data:image/jpeg;base64,?"},
                "The preview image is not valid base64.",
            ),
            ({"title": "x" * 301}, "The title is longer than 300 characters."),
        ],
    )
    async def test_what_cannot_be_saved_says_why(
        self, hub: RunningHub, body: dict[str, object], text: str
    ) -> None:
        await hub.call("AddNewPreset", title="Taken", description="", param_map={})
        answer = await hub.call("AddNewPreset", **({"description": "", "param_map": {}} | body))
        assert answer == {"preset_fail": text}
        assert len(await presets_of(hub)) == 1

    @pytest.mark.parametrize("wrong", [{}, {"param_map": None}, {"param_map": [1]}, {"param_map": "steps"}])
    async def test_a_missing_or_wrong_map_is_named(self, hub: RunningHub, wrong: dict[str, object]) -> None:
        answer = await hub.call("AddNewPreset", title="x", description="", **wrong)
        assert answer["field"] == "param_map"
        assert await presets_of(hub) == []

    async def test_copying_nothing_says_so(self, hub: RunningHub) -> None:
        assert await hub.call("DuplicatePreset", preset="no") == {"preset_fail": "No such preset."}


class TestMaps:
    async def test_stars_and_links_are_replaced_as_a_whole(self, hub: RunningHub) -> None:
        await hub.call("SetStarredModels", LoRA=["a"], VAE=["b"])
        assert await hub.call("SetStarredModels", LoRA=["c"]) == {"success": True}
        assert (await hub.call("GetMyUserData"))["starred_models"] == {"LoRA": ["c"]}
        await hub.call("SetPresetLinks", LoRA={"m": ["P"]})
        assert await hub.call("SetPresetLinks") == {"success": True}
        assert (await hub.call("GetMyUserData"))["model_preset_links"] == {}

    @pytest.mark.parametrize(
        ("route", "body"),
        [
            ("SetStarredModels", {"LoRA": "a"}),
            ("SetStarredModels", {"LoRA": {"a": 1}}),
            ("SetPresetLinks", {"LoRA": ["a"]}),
            ("SetPresetLinks", {"LoRA": {"m": "P"}}),
            ("SetParamEdits", {}),
            ("SetParamEdits", {"edits": []}),
        ],
    )
    async def test_another_shape_is_refused_by_name(
        self, hub: RunningHub, route: str, body: dict[str, object]
    ) -> None:
        answer = await hub.call(route, **body)
        assert "error" in answer
        assert answer["field"] in ("LoRA", "edits")

    async def test_parameter_edits_come_back_with_the_parameters(self, hub: RunningHub) -> None:
        edits = {"groups": {}, "params": {"steps": {"priority": 3}}}
        assert await hub.call("SetParamEdits", edits=edits) == {"success": True}
        assert (await hub.call("ListT2IParams"))["param_edits"] == edits
