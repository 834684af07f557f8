"""How models of a class want to be drawn where neither a request nor the model itself says so.

Only classes that the documented defaults (20 steps, CFG scale 7) do not suit are here.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from hub.catalog.entry import Defaults

Config = Callable[[str, str], Mapping[str, Any]]
"""Gives a file of JSON from a component's folder; empty when there is none."""

_GUIDED_FLOW = Defaults(steps=28, cfgscale=4.5, scheduler="simple")
_DISTILLED = Defaults(steps=4, cfgscale=1.0, scheduler="simple")
_GUIDANCE_WITHIN = Defaults(steps=20, cfgscale=1.0, scheduler="simple")

WISHES: Mapping[str, Defaults] = MappingProxyType(
    {
        "stable-diffusion-v3-medium": _GUIDED_FLOW,
        "stable-diffusion-v3.5-medium": _GUIDED_FLOW,
        "stable-diffusion-v3.5-large": _GUIDED_FLOW,
        "Flux.1-dev": _GUIDANCE_WITHIN,
        "Flux.1-schnell": _DISTILLED,
        "stable-diffusion-v2-turbo": Defaults(steps=2, cfgscale=1.0, sampler="euler_ancestral"),
        "stable-diffusion-xl-turbo-v1": Defaults(steps=2, cfgscale=1.0, sampler="euler_ancestral"),
        # as their published pipelines are called when nothing is said
        "qwen-image": Defaults(steps=30, cfgscale=4.0),
        "z-image": Defaults(steps=9, cfgscale=1.0),
        "lumina-2": Defaults(steps=30, cfgscale=4.0),
        "chroma": Defaults(steps=35, cfgscale=5.0),
        "auraflow-v1": Defaults(steps=30, cfgscale=3.5),
        "cogview-4": Defaults(steps=30, cfgscale=5.0),
        "hunyuan-dit": Defaults(steps=30, cfgscale=5.0),
        "pixart-alpha-xl-2": Defaults(steps=20, cfgscale=4.5),
        "pixart-ms-sigma-xl-2": Defaults(steps=20, cfgscale=4.5),
        "nvidia-sana-1600": Defaults(steps=20, cfgscale=4.5),
        "nvidia-sana-sprint": Defaults(steps=2, cfgscale=4.5),
    }
)
"""Wishes by class id."""

_FEW = Defaults(steps=4, cfgscale=1.0)


def distilled_wishes(index: Mapping[str, Any], config: Config) -> Defaults | None:
    """How the model of a `model_index.json` wants to be drawn that was distilled to a few steps; None for
    others.

    LCM names its scheduler, or takes the guidance scale itself; Turbo and Lightning are Euler models whose
    steps begin at the very end without their schedule ending in pure noise.
    """
    name = index.get("_class_name")
    if not isinstance(name, str) or not name.startswith(("StableDiffusion", "LatentConsistency")):
        return None
    scheduler = config("scheduler", "scheduler_config.json")
    if config("unet", "config.json").get("time_cond_proj_dim") is not None:
        # this scale is no guidance by a second forward: the published pipeline's own default
        return replace(_FEW, cfgscale=8.5, sampler="lcm")
    kind = str(scheduler.get("_class_name"))
    if kind == "LCMScheduler":
        return replace(_FEW, sampler="lcm")
    euler = {"EulerDiscreteScheduler": "euler", "EulerAncestralDiscreteScheduler": "euler_ancestral"}
    trailing = scheduler.get("timestep_spacing") == "trailing" and not scheduler.get("rescale_betas_zero_snr")
    if kind not in euler or not trailing or scheduler.get("prediction_type", "epsilon") != "epsilon":
        return None
    return replace(_FEW, sampler=euler[kind], scheduler="sgm_uniform")
