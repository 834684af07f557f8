"""CountTokens and TokenizeInDetail over HTTP."""

from typing import Any

import pytest

from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    return shared_hub


async def count(hub: RunningHub, text: str, **more: Any) -> Any:
    return (await hub.call("CountTokens", text=text, **more)).get("count")


async def test_counts(hub: RunningHub) -> None:
    assert await count(hub, "") == 0
    assert await count(hub, "a photo of a cat") == 5
    assert await count(hub, "a (photo:1.5) of a cat") == 5
    assert await count(hub, "a (photo:1.5) of a cat", weighting=False) > 5


async def test_of_sections_the_longest_counts(hub: RunningHub) -> None:
    assert await count(hub, "a <break> a photo of a cat BREAK dog") == 5
    assert await count(hub, "cat " * 200) == 200


async def test_tags_are_text_unless_they_are_skipped(hub: RunningHub) -> None:
    assert await count(hub, "<random:cat,a big dog>") > 5
    assert await count(hub, "<random:cat,a big dog> <lora:nothing>", skipPromptSyntax=True) < 4
    assert await count(hub, "<random:cat,a big dog>", skipPromptSyntax=True) == 3
    assert await count(hub, "<alternate:cat,a big dog> <random:1-5>", skipPromptSyntax=True) == 4


async def test_details(hub: RunningHub) -> None:
    answer = await hub.call("TokenizeInDetail", text="a (cat:1.5)")
    assert answer == {
        "tokens": [
            {"id": 320, "weight": 1.0, "text": "a</w>"},
            {"id": 2368, "weight": 1.5, "text": "cat</w>"},
        ]
    }


@pytest.mark.parametrize("route", ["CountTokens", "TokenizeInDetail"])
@pytest.mark.parametrize("tokenset", ["../clip", "t5", "a.b", ""])
async def test_other_tokensets(hub: RunningHub, route: str, tokenset: str) -> None:
    answer = await hub.call(route, text="a", tokenset=tokenset)
    assert (answer["field"], answer["limit"]) == ("tokenset", ["clip"])


async def test_too_long(hub: RunningHub) -> None:
    answer = await hub.call("CountTokens", text="x" * 102_401)
    assert (answer["field"], answer["limit"]) == ("text", 102_400)
    assert await count(hub, "é" * 51_200) is not None
