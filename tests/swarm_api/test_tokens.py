"""CountTokens and TokenizeInDetail over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import Unigram

from tests.hub.catalog.conftest import write_safetensors
from tests.hub.running import RunningHub, running

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


async def test_tokens_of_a_model_that_brings_its_own(tmp_path: Path) -> None:
    words = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("\u2581", -3.0),
        ("\u2581a", -1.0),
        ("\u2581cat", -1.0),
    ]
    made = Tokenizer(Unigram(words, 2, byte_fallback=False))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    model = tmp_path / "models" / "Stable-Diffusion" / "flow.safetensors"
    write_safetensors(model, modelspec__architecture="flux-1-dev")
    (model.parent / "tokenizer_2").mkdir()
    made.save(str(model.parent / "tokenizer_2" / "tokenizer.json"))
    notes = {"tokenizer_class": "T5TokenizerFast"}
    (model.parent / "tokenizer_2" / "tokenizer_config.json").write_text(json.dumps(notes))
    async with running(tmp_path, {}) as hub:
        assert await count(hub, "a cat a cat", tokenset="t5") == 4
        answer = await hub.call("TokenizeInDetail", text="a (cat:1.5)", tokenset="t5")
        assert [(one["text"], one["weight"]) for one in answer["tokens"] if one["id"] > 3] == [
            ("\u2581a", 1.0),
            ("\u2581cat", 1.5),
        ]
        refused = await hub.call("CountTokens", text="a", tokenset="gemma")
        assert refused["limit"] == ["clip", "t5"]
        (model.parent / "tokenizer_2" / "tokenizer.json").write_text("{}")
        assert "error" in await hub.call("CountTokens", text="a", tokenset="t5")


async def test_too_long(hub: RunningHub) -> None:
    answer = await hub.call("CountTokens", text="x" * 102_401)
    assert (answer["field"], answer["limit"]) == ("text", 102_400)
    assert await count(hub, "é" * 51_200) is not None
