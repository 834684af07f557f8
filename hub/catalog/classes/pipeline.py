"""Telling an architecture from a diffusers folder: its `model_index.json` and the network's own settings."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from hub.catalog.classes.known import CLASSES, ModelClass

Config = Callable[[str], Mapping[str, Any]]
"""Gives a component's `config.json` by the component's folder name; empty when there is none."""

_PLAIN = {
    "StableVideoDiffusionPipeline": "stable-video-diffusion-img2vid-v1",
    "Flux2Pipeline": "flux.2-dev",
    "QwenImagePipeline": "qwen-image",
    "AuraFlowPipeline": "auraflow-v1",
    "PixArtSigmaPipeline": "pixart-ms-sigma-xl-2",
    "PixArtAlphaPipeline": "pixart-alpha-xl-2",
    "SanaPipeline": "nvidia-sana-1600",
    "SanaSprintPipeline": "nvidia-sana-sprint",
    "SanaSprintImg2ImgPipeline": "nvidia-sana-sprint",
    "CogView4Pipeline": "cogview-4",
    "HunyuanDiTPipeline": "hunyuan-dit",
    "FluxFillPipeline": "Flux.1-dev/inpaint",
    "FluxKontextPipeline": "Flux.1-dev/kontext",
    "QwenImageEditPipeline": "qwen-image-edit",
    "Lumina2Pipeline": "lumina-2",
    "ZImagePipeline": "z-image",
    "ChromaPipeline": "chroma",
    "HiDreamImagePipeline": "hidream-i1",
}


_HOLE_CHANNELS = 9
_REFINER_WIDTH = 1280
_TASKS = re.compile(r"(?:Img2Img|Inpaint|Text2Img|ControlNet)(?=Pipeline$)")


def by_pipeline(index: Mapping[str, Any], config: Config) -> ModelClass | None:
    """The class of the pipeline that a `model_index.json` describes, or None.

    What a pipeline does with a model says nothing of the model, so an unknown task of a known pipeline counts
    as that one.
    """
    name = index.get("_class_name")
    if isinstance(name, str) and name not in _PLAIN and not name.startswith("StableDiffusion"):
        name = _TASKS.sub("", name)
    if name == "LatentConsistencyModelPipeline":
        return _stable_diffusion(config)
    if name in ("StableDiffusion3Img2ImgPipeline", "StableDiffusion3InpaintPipeline"):
        return _stable_diffusion_3(config)
    if name in ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"):
        return _stable_diffusion(config)
    if name == "StableDiffusionInpaintPipeline":
        return _inpainting(config)
    if isinstance(name, str) and name.startswith("StableDiffusionXL"):
        return _stable_diffusion_xl(index, config)
    if name == "StableDiffusion3Pipeline":
        return _stable_diffusion_3(config)
    if name == "FluxPipeline":
        guided = bool(config("transformer").get("guidance_embeds"))
        return CLASSES["Flux.1-dev" if guided else "Flux.1-schnell"]
    return CLASSES.get(_PLAIN.get(name, "")) if isinstance(name, str) else None


def _stable_diffusion(config: Config) -> ModelClass | None:
    """Version 1 and 2 share a pipeline; the width of the text conditioning tells them apart."""
    unet = config("unet")
    width = unet.get("cross_attention_dim")
    if width == 768:
        return CLASSES["stable-diffusion-v1"]
    if width == 1024:
        large = unet.get("sample_size") == 96
        return CLASSES["stable-diffusion-v2-768-v" if large else "stable-diffusion-v2-512"]
    return None


def _inpainting(config: Config) -> ModelClass | None:
    """A model made to fill holes also sees the mask and what is around it: nine channels for four."""
    if config("unet").get("in_channels") != _HOLE_CHANNELS:
        return _stable_diffusion(config)
    second = config("unet").get("cross_attention_dim") == 1024
    return CLASSES["stable-diffusion-v2-inpainting" if second else "stable-diffusion-v1-inpainting"]


def _stable_diffusion_xl(index: Mapping[str, Any], config: Config) -> ModelClass:
    """Base and refiner share their pipelines; the refiner lacks the first text encoder."""
    alone = index.get("text_encoder") == [None, None]
    refiner = alone or config("unet").get("cross_attention_dim") == _REFINER_WIDTH
    return CLASSES["stable-diffusion-xl-v1-refiner" if refiner else "stable-diffusion-xl-v1-base"]


def _stable_diffusion_3(config: Config) -> ModelClass:
    transformer = config("transformer")
    if transformer.get("num_layers") == 38:
        return CLASSES["stable-diffusion-v3.5-large"]
    if transformer.get("dual_attention_layers"):
        return CLASSES["stable-diffusion-v3.5-medium"]
    return CLASSES["stable-diffusion-v3-medium"]
