"""Names the engine that draws on this machine through diffusers."""

from pathlib import Path

from backends.contract import EngineType
from backends.diffusers_local.families import FAMILIES
from backends.diffusers_local.samplers.flow import FLOW_SAMPLERS
from backends.diffusers_local.samplers.sampling import MOST_STEPS, NEAREST, SAMPLERS, SCHEDULERS
from backends.diffusers_local.settings import DiffusersSettings

__all__ = ["ENGINE", "DiffusersSettings"]

_STARTER = Path(__file__).resolve().parent / "starter" / "weights"


_flow = {name: sampler.schedulers for name, sampler in FLOW_SAMPLERS.items()}

ENGINE = EngineType(
    id="diffusers_local",
    name="Diffusers on this machine",
    description="Draws with Stable Diffusion models on this machine's processor or graphics card.",
    settings=DiffusersSettings,
    drawer="backends.diffusers_local.drawer:DiffusersDrawer",
    slots=16,
    features=(
        "variation_seed",
        "embeddings",
        "loras",
        "lora_confinement",
        "vae",
        "refiners",
        "upscalers",
        "vae_tiling",
        "inpainting",
        "outpainting",
        "seamless",
        "controlnet",
        "prompt_switching",
        "intermediate_images",
        "color_depth_16",
    ),
    samplers=tuple(SAMPLERS),
    schedulers=tuple(SCHEDULERS),
    pairs={name: sampler.schedulers for name, sampler in SAMPLERS.items()},
    class_pairs={
        class_id: _flow if family.stock is None else family.stock.samplers
        for family in FAMILIES.values()
        if family.sampling == "flow" or family.stock is not None
        for class_id in family.classes
    },
    most_steps=MOST_STEPS,
    nearest=NEAREST,
    builtin_models=(_STARTER,),
    accepts=tuple(class_id for family in FAMILIES.values() for class_id in family.classes),
)
