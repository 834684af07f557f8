"""The second pass: the first drawing enlarged, its last part redrawn, by the same model or another.

Source of the methods: swarm-api, `refinermethod` and `refinerupscalemethod`.
"""

from backends.comfyui_api.graph.clip_skip import skipping
from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.encode import masked, soften
from backends.comfyui_api.graph.families import family_of
from backends.comfyui_api.graph.loras import wearing
from backends.comfyui_api.graph.models import file, load
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sample import Walk, first_part, swap_at, walked
from backends.comfyui_api.graph.seamless import tiled
from backends.comfyui_api.graph.sheet import Link
from backends.comfyui_api.graph.sizes import result_size, to_cells
from backends.comfyui_api.graph.start import resampling, scaled
from backends.comfyui_api.graph.vae import decoded, encoded, with_vae
from backends.contract import ModelRef, SecondPass

ORDER = 110
NEEDS = {
    "refiners": (("KSamplerAdvanced", "VAEDecode", "VAEEncode", "ImageScale", "LatentUpscale"),),
    "upscalers": (("UpscaleModelLoader", "ImageUpscaleWithModel", "ImageScale"),),
}

_METHOD, _SEEDS = "Refiner Upscale Method", 1 << 63
_METHODS = ("PostApply", "StepSwap", "StepSwapNoisy")


def lay(draft: Draft) -> None:
    """Draw the second pass, if the work has one. Raises Unbuildable."""
    second = draft.work.second
    if second is None:
        return
    if second.method not in _METHODS:
        raise Unbuildable(
            f"Invalid value for parameter Refiner Method: '{second.method}'; it can be {', '.join(_METHODS)}."
        )
    before = draft.kit
    if second.part > 0:
        draft.kit = _kit(draft, second)
    _enlarge(draft, second, before)
    if second.part > 0:
        _redraw(draft, second, before)


def _kit(draft: Draft, second: SecondPass) -> Kit:
    """What the second pass draws with. LoRAs and autoencoder of the work go with its own model and those of
    the same kind; they would not fit another."""
    work, kit = draft.work, draft.kit
    confined = any(lora.only for lora in work.loras)
    if second.model is None and second.vae is None and not confined:
        return kit
    model = second.model or work.model
    alike = draft.drawn_alike = _alike(work.model, model)
    vae = second.vae or (work.vae if alike else None)
    loaded = load(draft, "Refiner Model", model, vae)
    if vae is not None:
        loaded = with_vae(draft, "Refiner VAE" if second.vae else "VAE", loaded, vae)
    return tiled(draft, skipping(draft, wearing(draft, loaded, "refiner") if alike else loaded))


def _alike(one: ModelRef, other: ModelRef) -> bool:
    """Whether what fits one model fits the other: by their classes, where these are known."""
    if one.class_id and other.class_id:
        return one.class_id == other.class_id
    family = family_of(one).id
    return one == other or (bool(family) and family == family_of(other).id)


def _enlarge(draft: Draft, second: SecondPass, before: Kit) -> None:
    """Bring what was drawn to the size of the second pass."""
    size = to_cells(result_size(draft), draft.kit.cell)
    space, _, how = second.upscale_method.partition("-")
    if space == "model":
        draft.image = _by_model(draft, second, _picture(draft, before))
    elif size == draft.size:
        return
    elif space == "latent" and draft.image is None:
        draft.latent = draft.sheet.one(
            _METHOD,
            "LatentUpscale",
            "LATENT",
            samples=draft.latent,
            upscale_method=resampling(draft, "LatentUpscale", _METHOD, how),
            width=size[0],
            height=size[1],
            crop="disabled",
        )
        draft.size = size
        return
    else:
        draft.image = _picture(draft, before)
    draft.image = scaled(draft, _METHOD, draft.image, size, how or "lanczos")
    draft.size = size


def _picture(draft: Draft, kit: Kit) -> Link:
    return draft.image if draft.image is not None else decoded(draft, kit, draft.latent)


def _by_model(draft: Draft, second: SecondPass, image: Link) -> Link:
    if second.upscaler is None:
        raise Unbuildable(
            f"Invalid value for parameter {_METHOD}: it is an upscaler, but none is named; choose one, or "
            "pixel-lanczos."
        )
    name = file(draft, _METHOD, "UpscaleModelLoader", "model_name", second.upscaler)
    model = draft.sheet.one(_METHOD, "UpscaleModelLoader", "UPSCALE_MODEL", model_name=name)
    return draft.sheet.one(_METHOD, "ImageUpscaleWithModel", "IMAGE", upscale_model=model, image=image)


def _redraw(draft: Draft, second: SecondPass, before: Kit) -> None:
    """Walk the last part of the second pass's steps."""
    work = draft.work
    steps = work.steps if second.steps is None else second.steps
    if steps < 1:
        return
    if draft.image is None and draft.kit.vae != before.vae:  # another autoencoder reads other latents
        draft.image = decoded(draft, before, draft.latent)
    if draft.image is not None:
        draft.latent = encoded(draft, draft.kit, draft.image)
        if draft.mask is not None:
            draft.latent = masked(draft, draft.latent, draft.mask)
    elif draft.mask is not None:
        soften(draft)
    end, noisy = first_part(draft)
    start = swap_at(steps, second.part)
    if end is not None and end <= draft.start_at:  # the first pass came to no step: this one is all there is
        start, noisy = max(start, min(steps - 1, steps - round(steps * work.strength))), False
    draft.latent = walked(
        draft,
        draft.kit,
        draft.latent,
        Walk(
            steps,
            work.cfg_scale if second.cfg_scale is None else second.cfg_scale,
            second.sampler or work.sampler,
            second.scheduler or work.scheduler,
            # the same noise again would only be drawn back out of the picture
            (work.seed + 1) % _SEEDS,
            str(work.extra.get("refinerprompt", work.prompt)),
            str(work.extra.get("refinernegativeprompt", work.negative_prompt)),
            start,
            noise=not noisy,
            follow=_alike(work.model, second.model or work.model),
            prefix="Refiner ",
        ),
    )
    draft.image = None
