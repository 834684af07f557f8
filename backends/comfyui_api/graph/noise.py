"""Variations: the noise of one seed mixed with that of another.

SwarmUI's sampler node does it itself. Without it the noises of both seeds are made as latents and mixed;
that needs a model that predicts noise, and nothing drawn before.
"""

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.families import FAMILIES
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sheet import Link, lacking

_NODES = ("RandomNoise", "BasicScheduler", "AddNoise", "LatentInterpolate", "KSamplerAdvanced")
NEEDS = {"variation_seed": (("SwarmKSampler",), _NODES)}

_PARAM = "Variation Seed Strength"


def varied(draft: Draft, kit: Kit, latent: Link, steps: int, scheduler: str) -> Link:
    """The empty latents with the noise of both seeds in them. Raises Unbuildable."""
    family = FAMILIES.get(kit.family)
    if not draft.server.has(*_NODES):
        raise lacking(_PARAM, "SwarmKSampler")
    if draft.work.init_image is not None or family is None or not family.eps:
        raise Unbuildable(
            f"Invalid value for parameter {_PARAM}: for this model, or with an Init Image, the ComfyUI "
            "server needs the node SwarmKSampler; install it there, leave the parameter out, or choose "
            "another engine."
        )
    sheet = draft.sheet
    sigmas = sheet.one(
        _PARAM, "BasicScheduler", "SIGMAS", model=kit.model, scheduler=scheduler, steps=steps, denoise=1.0
    )
    noises = [
        sheet.one(
            _PARAM,
            "AddNoise",
            "LATENT",
            model=kit.model,
            noise=sheet.one(_PARAM, "RandomNoise", "NOISE", noise_seed=seed),
            sigmas=sigmas,
            latent_image=latent,
        )
        for seed in (draft.work.seed, draft.work.variation_seed or 0)
    ]
    return sheet.one(
        _PARAM,
        "LatentInterpolate",
        "LATENT",
        samples1=noises[0],
        samples2=noises[1],
        ratio=round(1 - draft.work.variation_strength, 4),
    )
