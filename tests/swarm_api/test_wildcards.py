"""Wildcards over HTTP: EditWildcard, DeleteWildcard, and where models are listed and described."""

import base64
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    return shared_hub


def picture(form: str = "PNG") -> str:
    data = BytesIO()
    Image.new("RGB", (20, 10), "red").save(data, form)
    return f"data:image/{form.lower()};base64,{base64.b64encode(data.getvalue()).decode()}"


async def edit(hub: RunningHub, card: str, options: str = "a\nb", **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await hub.call("EditWildcard", card=card, options=options, **more)
    return answer


async def test_life_of_a_wildcard(hub: RunningHub) -> None:
    assert await edit(hub, "animals/pets", "cat\ndog # good", preview_image=picture()) == {"success": True}
    assert await edit(hub, "colour", "red") == {"success": True}
    assert (await hub.call("ListT2IParams"))["wildcards"] == ["animals/pets", "colour"]

    listed = await hub.call("ListModels", path="", depth=5, subtype="Wildcards")
    assert listed["folders"] == ["animals"]
    assert [(card["name"], card["raw"]) for card in listed["files"]] == [
        ("animals/pets", "cat\ndog # good"),
        ("colour", "red"),
    ]
    address = listed["files"][0]["image"]
    assert address.startswith("/ViewSpecial/Wildcards/animals/pets?editid=")
    shown = await hub.http.get(address)
    assert shown.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(shown.content)).size == (20, 10)

    card = await hub.call("DescribeModel", modelName="animals/pets", subtype="Wildcards")
    assert card["raw"] == "cat\ndog # good"
    assert card["image"].startswith("data:image/jpeg;base64,")

    await edit(hub, "animals/pets", preview_image="clear")
    card = await hub.call("DescribeModel", modelName="animals/pets", subtype="Wildcards")
    assert card == {"name": "animals/pets", "raw": "a\nb", "image": "imgs/model_placeholder.jpg"}

    for name in ("animals/pets", "colour"):
        assert await hub.call("DeleteWildcard", card=name) == {"success": True}
    assert (await hub.call("TriggerRefresh", refreshType="wildcards"))["wildcards"] == []


async def test_files_from_elsewhere_are_found_by_a_refresh(hub: RunningHub) -> None:
    folder = hub.app.board.settings.folders.wildcards
    folder.mkdir(exist_ok=True)
    (folder / "by hand.txt").write_text("x")
    assert "by hand" not in (await hub.call("ListT2IParams"))["wildcards"]
    assert (await hub.call("TriggerRefresh", refreshType="wildcards"))["wildcards"] == ["by hand"]
    await hub.call("DeleteWildcard", card="by hand")


async def test_lists_cut_long_texts(hub: RunningHub) -> None:
    await edit(hub, "long", "x" * 2000)
    (card,) = (await hub.call("ListModels", path="", depth=1, subtype="Wildcards"))["files"]
    assert len(card["raw"]) == 512
    await hub.call("DeleteWildcard", card="long")


@pytest.mark.parametrize("name", ["../out", "", "a\0"])
async def test_refused_names(hub: RunningHub, name: str) -> None:
    answer = await edit(hub, name)
    assert answer["field"] == "card"
    assert "cannot be a wildcard's name" in answer["error"]


async def test_what_is_not_there(hub: RunningHub) -> None:
    nothing = {"error": "Wildcard not found.", "field": "card"}
    assert await hub.call("DeleteWildcard", card="nothing") == nothing
    answer = await hub.call("DescribeModel", modelName="nothing", subtype="Wildcards")
    assert answer == nothing | {"field": "modelName"}


async def test_a_picture_that_is_none(hub: RunningHub) -> None:
    answer = await edit(hub, "a", preview_image="data:image/png;base64,AAAA")
    assert answer["field"] == "preview_image"


@pytest.mark.parametrize("route", ["EditWildcard", "DeleteWildcard"])
async def test_needs_the_flag(hub: RunningHub, route: str) -> None:
    session = await hub.session_as("guest")
    answer = await hub.post(f"/API/{route}", {"session_id": session, "card": "a", "options": "b"})
    assert answer.status_code == 400
    assert answer.json()["permission"] == "edit_wildcards"


class TestTestPromptFill:
    async def test_fills(self, hub: RunningHub) -> None:
        await edit(hub, "pets", "cat\ndog")
        seen = {(await hub.call("TestPromptFill", prompt="<wildcard:pets>"))["result"] for _ in range(30)}
        assert seen == {"cat", "dog"}
        await hub.call("DeleteWildcard", card="pets")

    async def test_presets_in_it(self, hub: RunningHub) -> None:
        await hub.call("AddNewPreset", title="Warm", description="", param_map={"prompt": "{value} warm"})
        answer = await hub.call("TestPromptFill", prompt="a<preset:warm><lora>")
        assert answer == {"result": "a warm<lora>"}
        await hub.call("DeletePreset", preset="warm")

    async def test_refusals(self, hub: RunningHub) -> None:
        answer = await hub.call("TestPromptFill", prompt="a <wildcard:nothing>")
        assert answer["result"] == "a "
        (warning,) = answer["warnings"]
        assert "no such wildcard" in warning
        answer = await hub.call("TestPromptFill", prompt="x" * 200_000)
        assert answer["limit"] == 100 * 1024
