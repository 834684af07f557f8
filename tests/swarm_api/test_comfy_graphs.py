"""Regions in prompts and graphs of the user's own, from the socket of the API to a ComfyUI server's nodes."""

import json
from pathlib import Path
from typing import Any

from hub.workflows import StoredWorkflow, Workflows
from tests.swarm_api.comfying import asked, connected
from tests.swarm_api.sketching import talking
from tests.swarm_api.test_comfy_engine import drawn, graph, nodes

GRAPH = json.dumps(
    {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "random-sd15.safetensors"}},
        "2": {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": "${prompt} by ${artist:nobody}", "clip": ["1", 1]},
        },
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 128, "batch_size": 1}},
        "4": {
            "class_type": "KSampler",
            "inputs": {
                "seed": "%%_COMFYFIXME_${seed}_ENDFIXME_%%",
                "steps": "%%_COMFYFIXME_${comfyrawworkflowinputintegersteps:2}_ENDFIXME_%%",
                "cfg": 3,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1,
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["2", 0],
                "latent_image": ["3", 0],
            },
        },
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "x"}},
    }
)


async def test_regions_reach_the_server_and_the_metadata_keeps_the_prompt(tmp_path: Path) -> None:
    text = "a wood <region:0,0,0.5,1,0.8> a <random:dog,dog>"
    async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
        frame = await drawn(talk, prompt=text, globalregionfactor=0.25)
        found = graph(comfy)
        assert [node["text"] for node in nodes(found, "CLIPTextEncode")] == ["a wood", "a dog", ""]
        assert [node["strength"] for node in nodes(found, "ConditioningSetMask")] == [0.75, 0.75, 0.25]
        told = json.loads(frame["metadata"])
        assert told["sui_image_params"]["prompt"] == "a wood <region:0,0,0.5,1,0.8> a dog"
        assert told["sui_extra_data"]["original_prompt"] == text


async def test_segments_no_server_has_nodes_for_are_refused_by_name(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hub, _), talking(hub) as talk:
        await asked(talk, prompt="a <segment:face> smiling")
        frame = await talk.until(lambda told: "image" in told or "error" in told)
        assert "<segment…> draws a part of the picture anew, and no engine" in frame["error"]


async def test_a_graph_that_comes_with_the_request(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
        own: dict[str, Any] = {"comfyrawworkflowinputintegersteps": "3", "artist": "ann"}
        frame = await drawn(talk, prompt="a cat", seed=5, comfyworkflowraw=GRAPH, **own)
        found = graph(comfy)
        assert nodes(found, "CLIPTextEncode")[0]["text"] == "a cat by ann"
        (sampler,) = nodes(found, "KSampler")
        assert (sampler["seed"], sampler["steps"]) == (5, 3)
        assert "KSampler" not in frame["metadata"]


async def test_a_graph_that_is_stored_here(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
        await hub.room(Workflows).save(StoredWorkflow("mine/first", "{}", GRAPH))
        frame = await drawn(talk, prompt="a cat", comfyuicustomworkflow="mine/first")
        assert nodes(graph(comfy), "CLIPTextEncode")[0]["text"] == "a cat by nobody"
        assert json.loads(frame["metadata"])["sui_image_params"]["comfyuicustomworkflow"] == "mine/first"


async def test_what_the_server_lacks_is_said(tmp_path: Path) -> None:
    async with connected(tmp_path) as (hub, _), talking(hub) as talk:
        evil = json.dumps({"1": {"class_type": "EvilNode", "inputs": {}}})
        await asked(talk, comfyworkflowraw=evil)
        frame = await talk.until(lambda told: "image" in told or "error" in told)
        assert "lacks the node 'EvilNode'" in frame["error"]
