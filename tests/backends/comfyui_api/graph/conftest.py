"""Servers to build for: one with ComfyUI's own nodes, one with SwarmUI's and others beside them."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from backends.comfyui_api.graph import Graph, build
from backends.comfyui_api.server_info import ServerInfo, parse
from backends.contract import ModelRef, Work
from tests.comfy.catalogue import MODELS, object_info
from tests.comfy.refusals import faults

FILES = {
    **MODELS,
    "checkpoints": (
        *MODELS["checkpoints"],
        "sd-v1-5-inpainting.safetensors",
        "xl\\sd_xl_base.safetensors",
        "sd3.5_large.safetensors",
    ),
    "diffusion_models": (
        "flux1-dev.safetensors",
        "qwen_image_fp8.safetensors",
        "strange.safetensors",
        "flux1-fill-dev.safetensors",
    ),
    "text_encoders": ("clip_l.safetensors", "t5xxl_fp16.safetensors", "qwen_2.5_vl_7b.safetensors"),
    "vae": (*MODELS["vae"], "ae.safetensors", "qwen_image_vae.safetensors"),
}
EMBEDDINGS = ("testembed", "people\\ann(old)", "bad hands")


class Told:
    """What a server says of itself, and what the builder knows of it."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self.info = info
        self.server: ServerInfo = parse(info, EMBEDDINGS)

    def without(self, *names: str) -> "Told":
        """The same without some node classes."""
        return Told({name: told for name, told in self.info.items() if name not in names})

    def build(self, work: Work) -> Graph:
        """The work's graph, which must have no fault for this server."""
        graph = build(work, self.server)
        plain = {node: {**body, "inputs": dict(body["inputs"])} for node, body in graph.nodes.items()}
        assert faults(plain, self.info) == []
        assert self.info[graph.nodes[graph.output]["class_type"]]["output_node"]
        return graph


@pytest.fixture(scope="session")
def core() -> Told:
    return Told(object_info(FILES))


@pytest.fixture(scope="session")
def full() -> Told:
    custom = json.loads((Path(__file__).parent / "custom_nodes.json").read_text("utf-8"))
    return Told(object_info(FILES) | custom)


def model(name: str = "mini-sd15.safetensors", class_id: str = "stable-diffusion-v1") -> ModelRef:
    return ModelRef(name, "", class_id)


def work(prompt: str = "a cat", **more: Any) -> Work:
    return Work("job:3", "ann", "s", more.pop("model", model()), prompt, **more)


def png(width: int = 64, height: int = 64, white: tuple[int, int, int, int] | None = None) -> bytes:
    """A black picture with a white part, left, top, right, bottom in pixels."""
    picture = Image.new("RGB", (width, height))
    if white is not None:
        picture.paste((255, 255, 255), white)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def classes(graph: Graph) -> list[str]:
    """The classes of a graph's nodes in order."""
    return [str(body["class_type"]) for body in graph.nodes.values()]


def nodes(graph: Graph, kind: str) -> list[Mapping[str, Any]]:
    """The inputs of a graph's nodes of one class."""
    return [body["inputs"] for body in graph.nodes.values() if body["class_type"] == kind]


def source(graph: Graph, link: Sequence[Any]) -> str:
    """The class of the node a link comes from."""
    return str(graph.nodes[link[0]]["class_type"])


def worn_by(graph: Graph, link: list[Any]) -> list[str]:
    """The LoRAs a model wears, the first laid first."""
    body = graph.nodes[link[0]]
    if body["class_type"] != "LoraLoader":
        return []
    return [*worn_by(graph, body["inputs"]["model"]), body["inputs"]["lora_name"]]
