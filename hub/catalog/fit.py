"""Whether an add-on was made for the architecture of a model; only what is known for sure is refused."""

from hub.catalog.classes import CLASSES, COMPAT_CLASSES
from hub.catalog.entry import Entry

_FOUR_CHANNELS = frozenset({"stable-diffusion-v1", "stable-diffusion-v2", "sdxl"})
_SIXTEEN_CHANNELS = frozenset({"sd3", "flux1"})
# Autoencoders whose bare files look the same and may be taken for each other: they pass for each other.
_ALIKE = (_FOUR_CHANNELS, _SIXTEEN_CHANNELS)


def unfit(addon: Entry, model: Entry) -> str:
    """Why a LoRA, VAE or ControlNet cannot be used with a model, as a sentence; "" when it may be tried."""
    if not addon.compat or not model.compat:
        return ""
    fits = _vae_fits(addon, model) if addon.subtype == "VAE" else addon.compat == model.compat
    if fits:
        return ""
    return (
        f"'{addon.name}' was made for {_kind(addon)} and does not fit the model '{model.name}' "
        f"({_kind(model)}); choose one that was made for it."
    )


def _vae_fits(vae: Entry, model: Entry) -> bool:
    one, other = _vae_family(vae), _vae_family(model)
    return one == other or any(one in alike and other in alike for alike in _ALIKE)


def _vae_family(entry: Entry) -> str:
    known = COMPAT_CLASSES.get(entry.compat)
    return known.vae_family if known is not None and known.vae_family else entry.compat


def _kind(entry: Entry) -> str:
    """The architecture in words: the class of whole models of this kind, without the add-on's own word."""
    known = CLASSES.get(entry.class_id.partition("/")[0])
    return known.name if known is not None else entry.class_name or entry.compat
