"""Pictures whose opposite edges fit: by SwarmUI's nodes, or by those of ComfyUI-seamless-tiling."""

import msgspec

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.sheet import lacking

ORDER = 45
NEEDS = {"seamless": (("SwarmModelTiling", "SwarmTileableVAE"), ("SeamlessTile", "MakeCircularVAE"))}

_AXES = {"true": ("Both", "enable"), "x-only": ("X", "x_only"), "y-only": ("Y", "y_only")}
_PARAM = "Seamless Tileable"


def lay(draft: Draft) -> None:
    """Make the model and its autoencoder draw around the edges. Raises Unbuildable."""
    draft.kit = tiled(draft, draft.kit)


def tiled(draft: Draft, kit: Kit) -> Kit:
    """The kit that draws around the edges, where the work asks. Raises Unbuildable."""
    axes = _AXES.get(str(draft.work.extra.get("seamlesstileable", "false")).lower())
    if axes is None:
        return kit
    swarm, other = NEEDS["seamless"]
    sheet = draft.sheet
    if draft.server.has(*swarm):
        model = sheet.one(_PARAM, swarm[0], "MODEL", model=kit.model, tile_axis=axes[0])
        vae = sheet.one(_PARAM, swarm[1], "VAE", vae=kit.vae, tile_axis=axes[0])
    elif draft.server.has(*other):
        model = sheet.one(
            _PARAM, other[0], "MODEL", model=kit.model, tiling=axes[1], copy_model="Make a copy"
        )
        vae = sheet.one(_PARAM, other[1], "VAE", vae=kit.vae, tiling=axes[1], copy_vae="Make a copy")
    else:
        raise lacking(_PARAM, swarm[0], other[0])
    return msgspec.structs.replace(kit, model=model, vae=vae)
