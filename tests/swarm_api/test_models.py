"""ListModels, DescribeModel, ListLoadedModels, SelectModel and its socket."""

import base64
from pathlib import Path
from typing import Any

import pytest

from hub.catalog import Catalog
from tests.hub.catalog.conftest import write_safetensors
from tests.hub.running import RunningHub

SD = "Stable-Diffusion"
STATUS = {"status", "backend_status", "supported_features"}
SKETCH = pytest.mark.hub_settings(
    f"folders.engines={Path(__file__).parents[1] / 'engines'}",
    "engines.types=sketch",
    "engines.start_at_boot=true",
)


async def fill(hub: RunningHub) -> None:
    """A few models in folders, one with a picture, one that is never loaded."""
    folder = hub.app.board.settings.folders.models[0] / SD
    write_safetensors(folder / "a.safetensors", modelspec__title="Zebra")
    write_safetensors(folder / "sdxl" / "b c.safetensors")
    (folder / "sdxl" / "b c.png").write_bytes(b"picture")
    write_safetensors(folder / "sdxl" / "deep" / "d.safetensors")
    (folder / "old.ckpt").write_bytes(b"x")
    await hub.room(Catalog).refresh()


def names(answer: dict[str, Any]) -> list[str]:
    return [file["name"] for file in answer["files"]]


@pytest.mark.parametrize(
    ("route", "given", "flag"),
    [
        ("ListModels", {"path": "", "depth": 1}, "fundamental_model_access"),
        ("DescribeModel", {"modelName": "starter"}, "fundamental_model_access"),
        ("ListLoadedModels", {}, "fundamental_model_access"),
        ("SelectModel", {"model": "starter"}, "load_models_now"),
    ],
)
async def test_refused_without_session_or_flag(
    hub: RunningHub, route: str, given: dict[str, Any], flag: str
) -> None:
    assert (await hub.post(f"/API/{route}", given)).status_code == 400
    session = await hub.session_as("nobody_at_all")
    answer = await hub.post(f"/API/{route}", {"session_id": session, **given})
    assert answer.status_code == 400
    assert answer.json()["permission"] == flag


class TestListModels:
    async def test_what_is_required(self, hub: RunningHub) -> None:
        answer = await hub.call("ListModels", path="")
        assert answer["error"] == "Missing required parameter 'depth'"
        assert answer["field"] == "depth"

    async def test_folders_and_depth(self, hub: RunningHub) -> None:
        await fill(hub)
        top = await hub.call("ListModels", path="", depth=1)
        assert names(top) == ["a.safetensors", "old.ckpt", "starter"]
        assert top["folders"] == ["sdxl"]
        below = await hub.call("ListModels", path="sdxl/", depth="999")
        assert names(below) == ["sdxl/b c.safetensors", "sdxl/deep/d.safetensors"]
        assert below["folders"] == ["deep"]

    async def test_order(self, hub: RunningHub) -> None:
        await fill(hub)
        by_title = await hub.call("ListModels", path="", depth=1, sortBy="Title", sortReverse="True")
        assert names(by_title) == ["old.ckpt", "a.safetensors", "starter"]
        refused = await hub.call("ListModels", path="", depth=1, sortBy="Colour")
        assert refused["error"] == "Invalid sort mode 'Colour'."

    async def test_previews_as_address_or_data(self, hub: RunningHub) -> None:
        await fill(hub)
        (address,) = (await hub.call("ListModels", path="sdxl", depth=1))["files"]
        assert address["preview_image"].startswith(
            "/ViewSpecial/Stable-Diffusion/sdxl/b%20c.safetensors?editid="
        )
        (data,) = (await hub.call("ListModels", path="sdxl", depth=1, dataImages=True))["files"]
        assert data["preview_image"] == "data:image/png;base64," + base64.b64encode(b"picture").decode()

    async def test_unsupported_formats_are_marked(self, hub: RunningHub) -> None:
        await fill(hub)
        files = (await hub.call("ListModels", path="", depth=1))["files"]
        assert {file["name"]: file["is_supported_model_format"] for file in files} == {
            "a.safetensors": True,
            "old.ckpt": False,
            "starter": True,
        }

    @pytest.mark.parametrize(
        "subtype", ["LoRA", "VAE", "Embedding", "ControlNet", "Clip", "ClipVision", "Wildcards"]
    )
    async def test_every_tab_of_a_page_gets_an_answer(self, hub: RunningHub, subtype: str) -> None:
        assert await hub.call("ListModels", path="", depth=2, subtype=subtype) == {"folders": [], "files": []}

    async def test_unknown_subtype(self, hub: RunningHub) -> None:
        answer = await hub.call("ListModels", path="", depth=2, subtype="Sounds")
        assert answer["error"] == "Invalid sub-type."
        assert answer["field"] == "subtype"


class TestDescribeModel:
    async def test_the_starter(self, hub: RunningHub) -> None:
        model = (await hub.call("DescribeModel", modelName="starter"))["model"]
        assert (model["name"], model["architecture"], model["loaded"]) == ("starter", "starter", False)
        assert model["hash"].startswith("0x")
        assert model["standard_width"] > 0

    async def test_without_its_ending(self, hub: RunningHub) -> None:
        await fill(hub)
        model = (await hub.call("DescribeModel", modelName="sdxl\\b c"))["model"]
        assert model["name"] == "sdxl/b c.safetensors"
        assert model["preview_image"].startswith("data:image/png;base64,")

    async def test_none_is_a_model_too(self, hub: RunningHub) -> None:
        assert (await hub.call("DescribeModel", modelName="(None)"))["model"]["name"] == "(None)"

    @pytest.mark.parametrize("name", ["nothing", "", "../../../etc/passwd", "b c"])
    async def test_not_found(self, hub: RunningHub, name: str) -> None:
        await fill(hub)
        assert await hub.call("DescribeModel", modelName=name) == {
            "error": "Model not found.",
            "field": "modelName",
        }


class TestSelectModel:
    @pytest.mark.parametrize(
        ("given", "error"),
        [
            ({}, "Missing required parameter 'model'"),
            ({"model": " "}, "Invalid empty name."),
            ({"model": "nothing"}, "Model not found."),
            ({"model": "old.ckpt"}, "Model failed to load."),
            ({"model": "starter", "backendId": "77"}, "Model failed to load."),
        ],
    )
    async def test_refused(self, hub: RunningHub, given: dict[str, Any], error: str) -> None:
        await fill(hub)
        assert (await hub.call("SelectModel", **given))["error"] == error

    async def test_the_socket_refuses_with_a_frame(self, hub: RunningHub) -> None:
        error, status = await hub.talk("SelectModelWS", model="nothing")
        assert error == {"error": "Model not found.", "field": "model"}
        assert set(status) == STATUS

    @SKETCH
    async def test_loads_and_is_listed(self, hub: RunningHub) -> None:
        assert (await hub.call("ListLoadedModels"))["models"] == []
        assert await hub.call("SelectModel", model="starter", backendId=0) == {"success": True}
        (model,) = (await hub.call("ListLoadedModels"))["models"]
        assert (model["name"], model["loaded"]) == ("starter", True)

    @SKETCH
    async def test_loads_over_the_socket(self, hub: RunningHub) -> None:
        before, done, after = await hub.talk("SelectModelWS", model="starter")
        assert set(before) == set(after) == STATUS
        assert before["status"]["loading_models"] == 1
        assert done == {"success": True}
        assert after["status"]["loading_models"] == 0


class TestPreviewAddress:
    async def test_serves_the_picture_the_list_names(self, hub: RunningHub) -> None:
        await fill(hub)
        (file,) = (await hub.call("ListModels", path="sdxl", depth=1))["files"]
        answer = await hub.http.get(file["preview_image"])
        assert (answer.status_code, answer.content) == (200, b"picture")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize("name", ["a.safetensors", "nothing.safetensors", "..%2f..%2fetc/passwd"])
    async def test_nothing_else(self, hub: RunningHub, name: str) -> None:
        await fill(hub)
        answer = await hub.http.get(f"/ViewSpecial/Stable-Diffusion/{name}")
        assert b"error" in answer.content
        assert not answer.headers["content-type"].startswith("image/")
