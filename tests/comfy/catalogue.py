"""What a ComfyUI server says it has: `GET /object_info`, with the lists of models it was started with.

object_info.json holds facts only (class names, inputs, types, ranges, choices): 47 classes of the recorded
server, others of a 0.3.64. Both spellings of a choice stand in one file, as recorded.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

# What a class's list is filled from. `text_encoders` and the like are the server's own names of its folders.
LISTS = {
    ("CheckpointLoaderSimple", "ckpt_name"): "checkpoints",
    ("UNETLoader", "unet_name"): "diffusion_models",
    ("LoraLoader", "lora_name"): "loras",
    ("LoraLoaderModelOnly", "lora_name"): "loras",
    ("VAELoader", "vae_name"): "vae",
    ("CLIPLoader", "clip_name"): "text_encoders",
    ("DualCLIPLoader", "clip_name1"): "text_encoders",
    ("DualCLIPLoader", "clip_name2"): "text_encoders",
    **{("TripleCLIPLoader", f"clip_name{at}"): "text_encoders" for at in (1, 2, 3)},
    **{("QuadrupleCLIPLoader", f"clip_name{at}"): "text_encoders" for at in (1, 2, 3, 4)},
    ("CLIPVisionLoader", "clip_name"): "clip_vision",
    ("ControlNetLoader", "control_net_name"): "controlnet",
    ("UpscaleModelLoader", "model_name"): "upscale_models",
    ("StyleModelLoader", "style_model_name"): "style_models",
}
MODELS: Mapping[str, Sequence[str]] = {
    "checkpoints": ("mini-sd15.safetensors", "random-sd15.safetensors"),
    "loras": ("style-a.safetensors", "style-b.safetensors", "sub/nested.safetensors"),
    "embeddings": ("testembed.safetensors",),
    "vae": ("mini-vae.safetensors",),
    "upscale_models": ("mini-x4.safetensors",),
    "controlnet": ("mini-control.safetensors",),
    "diffusion_models": (),
    "text_encoders": (),
    "clip_vision": (),
    "style_models": (),
}
PSEUDO_VAES = ("pixel_space",)


@cache
def classes() -> Mapping[str, Any]:
    """Every class of the fixture as it stands there; not to be changed."""
    with (Path(__file__).parent / "object_info.json").open(encoding="utf-8") as file:
        return json.load(file)  # type: ignore[no-any-return]


def object_info(models: Mapping[str, Sequence[str]], without: Sequence[str] = ()) -> dict[str, Any]:
    """The whole answer for a server that has these models by folder and lacks the classes in `without`."""
    told = {name: copy.deepcopy(info) for name, info in classes().items() if name not in without}
    for (name, field), folder in LISTS.items():
        if name in told:
            _fill(told[name], field, list(models.get(folder, ())))
    if "VAELoader" in told:
        _fill(told["VAELoader"], "vae_name", [*models.get("vae", ()), *PSEUDO_VAES])
    return told


def choices(spec: Sequence[Any]) -> list[Any] | None:
    """What may be chosen for an input of this description, in either spelling; None when it is no choice or
    its list is not told."""
    if isinstance(spec[0], list):
        return spec[0]
    if spec[0] == "COMBO" and len(spec) > 1:
        return spec[1].get("options")  # type: ignore[no-any-return]
    return None


def inputs(info: Mapping[str, Any]) -> dict[str, tuple[Sequence[Any], bool]]:
    """The inputs of a class by name: description, and whether it must be given. Hidden ones are left out, and
    so is whatever is not spelled as a list."""
    found: dict[str, tuple[Sequence[Any], bool]] = {}
    for group in ("required", "optional"):
        for name, spec in info["input"].get(group, {}).items():
            if isinstance(spec, list) and spec:
                found[name] = (spec, group == "required")
    return found


def _fill(info: dict[str, Any], field: str, names: list[str]) -> None:
    """Put a list in its place, in the spelling that is there."""
    for group in info["input"].values():
        if field in group:
            spec = group[field]
            if isinstance(spec[0], list):
                spec[0] = names
            else:
                spec[1]["options"] = names
