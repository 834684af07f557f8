"""Loading a model: a whole checkpoint, or a denoiser alone with text encoders and autoencoder beside it."""

import re

from msgspec import Struct

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.families import Family, family_of
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sheet import Link, Value, has_input, lacking
from backends.comfyui_api.graph.sizes import cell_size
from backends.comfyui_api.server_info import ServerInfo
from backends.contract import ModelRef

ORDER = 10

_UNETS = (("UNETLoader", "unet_name"), ("UnetLoaderGGUF", "unet_name"))


def lay(draft: Draft) -> None:
    """Load the work's model. Raises Unbuildable."""
    draft.kit = load(draft, "Model", draft.work.model, draft.work.vae)
    draft.cell = draft.kit.cell
    draft.size = cell_size(draft)


def load(draft: Draft, param: str, model: ModelRef, vae: ModelRef | None) -> Kit:
    """What a model draws with, for the parameter that names it; a denoiser alone draws with `vae` where one
    is chosen. Raises Unbuildable.
    """
    family = family_of(model)
    name = draft.server.spelling("CheckpointLoaderSimple", "ckpt_name", model.name)
    if name is not None:
        placed = draft.sheet.add(param, "CheckpointLoaderSimple", ckpt_name=name)
        parts = _Parts(placed.out("MODEL"), placed.out("CLIP"), placed.out("VAE"))
    else:
        parts = _denoiser(draft, param, model, family, vae)
    latents = family.latents if draft.server.has(family.latents) else "EmptyLatentImage"
    return Kit(parts.model, parts.clip, parts.vae, family.id, family.cell, latents)


def file(draft: Draft, param: str, node: str, key: str, model: ModelRef) -> str:
    """The server's spelling of a model that `param` names. Raises Unbuildable when it has it not."""
    if not draft.server.has(node):
        raise lacking(param, node)
    found = draft.server.spelling(node, key, model.name)
    if found is None:
        raise _absent(param, model)
    return found


class _Parts(Struct, frozen=True):
    model: Link
    clip: Link
    vae: Link


def _denoiser(draft: Draft, param: str, model: ModelRef, family: Family, vae: ModelRef | None) -> _Parts:
    for node, key in _UNETS:
        name = draft.server.spelling(node, key, model.name)
        if name is not None:
            break
    else:
        raise _absent(param, model)
    if not family.encoders:
        raise Unbuildable(
            f"Invalid value for parameter {param}: '{model.name}' is a denoiser alone, and which text "
            "encoders go with it is not known; set its architecture in the model's notes, or take "
            "a whole checkpoint."
        )
    loaded: dict[str, Value] = {"unet_name": name, "weight_dtype": "default"}
    denoiser = draft.sheet.one(param, node, "MODEL", **loaded)
    return _Parts(
        denoiser, _encoders(draft, param, model, family), _own_vae(draft, param, model, family, vae)
    )


def _encoders(draft: Draft, param: str, model: ModelRef, family: Family) -> Link:
    node = family.loader
    if not draft.server.has(node):
        raise lacking(param, node)
    count = len(family.encoders)
    inputs: dict[str, Value] = {}
    for number, words in enumerate(family.encoders, 1):
        key = f"clip_name{number}" if count > 1 else "clip_name"
        inputs[key] = _beside(draft.server, param, model, "text encoder", node, key, words)
    if family.clip_type and has_input(draft.server, node, "type"):
        inputs["type"] = family.clip_type
    return draft.sheet.one(param, node, "CLIP", **inputs)


def _own_vae(draft: Draft, param: str, model: ModelRef, family: Family, chosen: ModelRef | None) -> Link:
    if chosen is not None:
        name = file(draft, "VAE", "VAELoader", "vae_name", chosen)
    else:
        if not draft.server.has("VAELoader"):
            raise lacking(param, "VAELoader")
        name = _beside(draft.server, param, model, "VAE", "VAELoader", "vae_name", family.vae)
    return draft.sheet.one(param, "VAELoader", "VAE", vae_name=name)


def _beside(
    server: ServerInfo, param: str, model: ModelRef, what: str, node: str, key: str, words: tuple[str, ...]
) -> str:
    """The first file among an input's choices that has one of the words, from the word's begin. Raises
    Unbuildable."""
    choices = server.choices(node, key)
    for word in words:
        sought = re.compile(rf"(?<![a-z0-9]){re.escape(word)}")
        for name in choices:
            if sought.search(name.lower()):
                return name
    raise Unbuildable(
        f"Invalid value for parameter {param}: '{model.name}' is a denoiser alone and needs a {what} beside "
        f"it, and no file of the ComfyUI server has '{words[0] if words else what}' in its name; put it "
        "there, or take a whole checkpoint."
    )


def _absent(param: str, model: ModelRef) -> Unbuildable:
    return Unbuildable(
        f"Invalid value for parameter {param}: the ComfyUI server has no '{model.name}'; choose another, or "
        "refresh the lists of models."
    )
