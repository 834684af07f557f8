"""Another autoencoder than the model's own, and encoding and decoding with it, in tiles where asked."""

import msgspec

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.models import file
from backends.comfyui_api.graph.sheet import Link, Value
from backends.contract import ModelRef

ORDER = 20
NEEDS = {"vae": (("VAELoader",),), "vae_tiling": (("VAEDecodeTiled", "VAEEncodeTiled"),)}


def lay(draft: Draft) -> None:
    """Put the work's autoencoder in place of the model's. Raises Unbuildable."""
    if draft.work.vae is not None and draft.sheet.kind_of(draft.kit.vae) != "VAELoader":
        draft.kit = with_vae(draft, "VAE", draft.kit, draft.work.vae)


def with_vae(draft: Draft, param: str, kit: Kit, model: ModelRef) -> Kit:
    """The kit with this autoencoder. Raises Unbuildable."""
    name = file(draft, param, "VAELoader", "vae_name", model)
    return msgspec.structs.replace(kit, vae=draft.sheet.one(param, "VAELoader", "VAE", vae_name=name))


def decoded(draft: Draft, kit: Kit, latent: Link) -> Link:
    """The picture of latents. Raises Unbuildable."""
    tiles = _tiles(draft)
    node = "VAEDecodeTiled" if tiles else "VAEDecode"
    return draft.sheet.one("VAE Tile Size", node, "IMAGE", samples=latent, vae=kit.vae, **tiles)


def encoded(draft: Draft, kit: Kit, image: Link) -> Link:
    """The latents of a picture. Raises Unbuildable."""
    tiles = _tiles(draft)
    node = "VAEEncodeTiled" if tiles else "VAEEncode"
    return draft.sheet.one("VAE Tile Size", node, "LATENT", pixels=image, vae=kit.vae, **tiles)


def _tiles(draft: Draft) -> dict[str, Value]:
    size = draft.work.extra.get("vaetilesize")
    if size is None:
        return {}
    # a quarter at most: the server also goes over it in tiles of half the size, and fails without any step
    overlap = min(int(draft.work.extra.get("vaetileoverlap", 64)), int(size) // 4)
    return {"tile_size": int(size), "overlap": overlap}
