"""Stored workflows over the API: saved, read, listed, replaced and deleted."""

import json
from typing import Any

import pytest

from tests.hub.running import RunningHub

GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "${prompt}"}},
}
SENT: dict[str, Any] = {
    "name": "simple/one",
    "workflow": json.dumps({"nodes": []}),
    "prompt": json.dumps(GRAPH),
    "custom_params": json.dumps({"prompt": {"id": "prompt"}}),
    "param_values": {"prompt": "a cat"},
    "image": "data:image/png;base64,iVBORw0KGgo=",
    "description": "Draws one.",
    "enable_in_simple": True,
}


async def test_saved_read_listed_and_deleted(hub: RunningHub) -> None:
    assert (await hub.call("ComfyListWorkflows"))["workflows"] == []
    assert await hub.call("ComfySaveWorkflow", **SENT) == {"success": True}
    result = (await hub.call("ComfyReadWorkflow", name="simple/one"))["result"]
    assert json.loads(result["prompt"]) == GRAPH and result["description"] == "Draws one."
    assert json.loads(result["param_values"]) == {"prompt": "a cat"}
    (head,) = (await hub.call("ComfyListWorkflows"))["workflows"]
    assert (head["name"], head["enable_in_simple"], head["image"]) == ("simple/one", True, SENT["image"])
    assert (await hub.call("ComfyDeleteWorkflow", name="simple/one"))["success"]
    assert "no stored workflow" in (await hub.call("ComfyReadWorkflow", name="simple/one"))["error"]


async def test_one_replaces_another(hub: RunningHub) -> None:
    await hub.call("ComfySaveWorkflow", **SENT)
    await hub.call("ComfySaveWorkflow", **{**SENT, "name": "two", "replace": "simple/one"})
    assert [head["name"] for head in (await hub.call("ComfyListWorkflows"))["workflows"]] == ["two"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "../out"}, "name"),
        ({"name": ""}, "name"),
        ({"prompt": "no json"}, "prompt"),
        ({"prompt": "{}"}, "prompt"),
        ({"workflow": "{"}, "workflow"),
        ({"image": "javascript:alert(1)"}, "image"),
        ({"image": "data:image/svg+xml;base64,AA=="}, "image"),
        ({"description": "x" * 10_001}, "description"),
    ],
)
async def test_what_cannot_be_stored_is_named(hub: RunningHub, change: dict[str, str], field: str) -> None:
    assert (await hub.call("ComfySaveWorkflow", **{**SENT, **change}))["field"] == field
    assert (await hub.call("ComfyListWorkflows"))["workflows"] == []


async def test_reading_and_editing_have_their_flags(hub: RunningHub) -> None:
    session = await hub.session_as("user")
    answer = await hub.call("ComfySaveWorkflow", session_id=session, **SENT)
    assert answer["permission"] == "comfy_edit_workflows"
    answer = await hub.call("ComfyListWorkflows", session_id=session)
    assert answer["permission"] == "comfy_read_workflows"
