"""Graphs the user gives: gaps filled from the work, names in the server's spelling, and what is refused."""

import json
from typing import Any

import msgspec
import pytest

from backends.comfyui_api.graph import Pass, Unbuildable, build
from backends.contract import Lora, ModelRef, Workflow
from tests.backends.comfyui_api.graph.conftest import Told, nodes, png, work

PLAIN: dict[str, Any] = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "${model}"}},
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {
            "width": "%%_COMFYFIXME_${width:1024}_ENDFIXME_%%",
            "height": "%%_COMFYFIXME_${height}_ENDFIXME_%%",
            "batch_size": 1,
        },
    },
    "6": {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "${prompt}, by ${artist:no: one}", "clip": ["4", 1]},
    },
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "${negative_prompt}", "clip": ["4", 1]}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": "%%_COMFYFIXME_${seed+2}_ENDFIXME_%%",
            "steps": "%%_COMFYFIXME_${steps}_ENDFIXME_%%",
            "cfg": "%%_COMFYFIXME_${cfg_scale:7}_ENDFIXME_%%",
            "sampler_name": "${sampler:euler}",
            "scheduler": "${comfyui_scheduler}",
            "denoise": "%%_COMFYFIXME_${strong:1}_ENDFIXME_%%",
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "${prefix}x"}},
}


def flow(graph: Any = PLAIN, **values: Any) -> Workflow:
    return Workflow(json.dumps(graph), values)


def with_node(node: str, kind: str, **inputs: Any) -> dict[str, Any]:
    return {**PLAIN, node: {"class_type": kind, "inputs": inputs}}


def test_gaps_are_filled_from_the_work(core: Told) -> None:
    wanted = work(
        'a "cat" <embed:testembed>',
        model=ModelRef("xl/sd_xl_base.safetensors", ""),
        seed=40,
        steps=9,
        cfg_scale=2.5,
        sampler="dpmpp_2m",
        scheduler="karras",
        width=640,
        workflow=flow(),
    )
    graph = core.build(wanted)
    (sampler,) = nodes(graph, "KSampler")
    assert (sampler["seed"], sampler["steps"], sampler["cfg"], sampler["denoise"]) == (42, 9, 2.5, 1)
    assert (sampler["sampler_name"], sampler["scheduler"]) == ("dpmpp_2m", "karras")
    assert nodes(graph, "CheckpointLoaderSimple")[0]["ckpt_name"] == "xl\\sd_xl_base.safetensors"
    assert nodes(graph, "CLIPTextEncode")[0]["text"] == 'a "cat"  embedding:testembed , by no: one'
    assert nodes(graph, "EmptyLatentImage")[0]["width"] == 640
    assert nodes(graph, "SaveImage")[0]["filename_prefix"] == "hub/job-3/picture"
    assert (graph.output, graph.by_socket, graph.passes) == ("9", False, (Pass("3", 9),))


def test_the_graphs_own_default_stands_where_nothing_was_asked(core: Told) -> None:
    left = msgspec.structs.replace(flow(), unasked=("cfgscale", "sampler", "steps", "width"))
    graph = core.build(work(cfg_scale=2.5, sampler="ddim", steps=9, width=640, workflow=left))
    (sampler,) = nodes(graph, "KSampler")
    assert (sampler["cfg"], sampler["sampler_name"]) == (7, "euler")
    assert sampler["steps"] == 9, "it names no default"
    assert nodes(graph, "EmptyLatentImage")[0]["width"] == 1024


def test_values_of_the_request_and_none(core: Told) -> None:
    graph = core.build(work(workflow=flow(artist="ann", strong=0.5)))
    assert nodes(graph, "CLIPTextEncode")[0]["text"] == "a cat, by ann"
    assert nodes(graph, "KSampler")[0]["denoise"] == 0.5
    with pytest.raises(Unbuildable, match="asks for 'nothing', which was not given"):
        core.build(work(workflow=flow(with_node("6", "CLIPTextEncode", text="${nothing}", clip=["4", 1]))))


def test_a_value_never_becomes_a_node(core: Told) -> None:
    evil = 'x"}}, "99": {"class_type": "SaveImage", "inputs": {"a": "'
    graph = core.build(work(evil, workflow=flow(artist=evil)))
    assert len(graph.nodes) == len(PLAIN)
    assert nodes(graph, "CLIPTextEncode")[0]["text"] == f"{evil}, by {evil}"


def test_a_seed_left_open_is_the_works(core: Told) -> None:
    sampler = {**PLAIN["3"]["inputs"], "seed": "%%_COMFYFIXME_${mine:-1}_ENDFIXME_%%"}
    graph = core.build(work(seed=77, workflow=flow(with_node("3", "KSampler", **sampler))))
    assert nodes(graph, "KSampler")[0]["seed"] == 77


def test_pictures_are_uploaded(core: Told) -> None:
    graph = with_node("10", "LoadImage", image="${init_image}")
    graph["11"] = {"class_type": "LoadImageMask", "inputs": {"image": "${other}", "channel": "red"}}
    made = build(
        work(init_image=png(), workflow=Workflow(json.dumps(graph), {}, {"other": png(8, 8)})), core.server
    )
    assert {upload.path for upload in made.uploads} == {
        nodes(made, "LoadImage")[0]["image"],
        nodes(made, "LoadImageMask")[0]["image"],
    }
    with pytest.raises(Unbuildable, match="asks for 'init_image'"):
        core.build(work(workflow=flow(graph)))


def test_loras_and_the_socket(core: Told) -> None:
    graph = with_node("9", "SaveImageWebsocket", images=["8", 0])
    graph["6"] = {"class_type": "CLIPTextEncode", "inputs": {"text": "${loras}", "clip": ["4", 1]}}
    made = core.build(work(loras=(Lora(ModelRef("a", "")), Lora(ModelRef("b", ""))), workflow=flow(graph)))
    assert made.by_socket
    assert nodes(made, "CLIPTextEncode")[0]["text"] == "a,b"


@pytest.mark.parametrize(
    ("graph", "why"),
    [
        (with_node("9", "EvilNode", images=["8", 0]), "lacks the node 'EvilNode'"),
        ({key: body for key, body in PLAIN.items() if key != "9"}, "none of its nodes gives a picture"),
        (with_node("9", "SaveImage", images=["77", 0]), "linked to a node that is not there"),
        ([], "no graph"),
        ({"1": {"inputs": {}}}, "lacks the node 'None'"),
    ],
)
def test_what_the_server_could_not_run(core: Told, graph: Any, why: str) -> None:
    with pytest.raises(Unbuildable, match=f"parameter Comfy Workflow: .*{why}"):
        core.build(work(workflow=flow(graph)))
