"""Families of models: what a file that is a denoiser alone needs beside it, and the latents it draws in.

A class is known by its id, or, where nobody knows it, by a word of the file's name: ComfyUI tells only names.
Text encoders are known by words of their files' names too; the ones listed are those that ComfyUI's own
example workflows use for the family.
"""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from backends.contract import ModelRef


class Family(Struct, frozen=True):
    """A family of models.

    `classes` begin the class ids of its models, `words` stand in their files' names. `loader` is the node
    that brings its `encoders` (each a tuple of words one of which stands in the file's name) as a `clip_type`
    ("" when the loader asks for none); `vae` are words for its autoencoder's file. `latents` is the node that
    makes an empty start and `cell` the pixels its sizes are multiples of. `eps` says whether it predicts
    noise, of which a start may be mixed; `guided` whether it takes the strength of guidance as an input.
    """

    id: str
    classes: tuple[str, ...]
    words: tuple[str, ...] = ()
    loader: str = "CLIPLoader"
    clip_type: str = ""
    encoders: tuple[tuple[str, ...], ...] = ()
    vae: tuple[str, ...] = ()
    latents: str = "EmptySD3LatentImage"
    cell: int = 16
    eps: bool = False
    guided: bool = False


_T5 = ("t5xxl", "t5-v1_1-xxl", "t5_xxl")
_CLIP_L, _CLIP_G = ("clip_l", "clip-l", "vit-l"), ("clip_g", "clip-g", "bigg")
_DUAL, _TRIPLE, _QUADRUPLE = "DualCLIPLoader", "TripleCLIPLoader", "QuadrupleCLIPLoader"
_AE = ("ae.safetensors", "ae.sft", "flux_vae", "flux-vae", "flux1_vae", "flux-ae")

_LISTED = (
    Family(
        "sdxl",
        ("stable-diffusion-xl-",),
        ("sdxl", "sd_xl", "xl_base", "pony", "illustrious"),
        _DUAL,
        "sdxl",
        (_CLIP_L, _CLIP_G),
        ("sdxl_vae", "sdxl-vae", "sdxl.vae"),
        "EmptyLatentImage",
        8,
        eps=True,
    ),
    Family(
        "sd2",
        ("stable-diffusion-v2",),
        ("v2-1", "v2_1", "768-v", "sd21", "sd2.1"),
        clip_type="stable_diffusion",
        encoders=(("vit-h", "clip_h", "open_clip"),),
        vae=("mse-840000", "ema-560000"),
        latents="EmptyLatentImage",
        cell=8,
    ),
    Family(
        "sd3",
        ("stable-diffusion-v3", "stable-diffusion-3"),
        ("sd3",),
        _TRIPLE,
        "",
        (_CLIP_L, _CLIP_G, _T5),
        ("sd3_vae", "sd3-vae", "sd35_vae", "sd3.5_vae"),
    ),
    Family("flux2", ("flux.2", "flux-2"), ("flux2", "flux-2", "flux.2"), "CLIPLoader", "flux2",
           (("mistral", "qwen_3", "qwen3"),), ("flux2-vae", "flux2_vae", "full_encoder"),
           "EmptyFlux2LatentImage", guided=True),
    Family("chroma", ("chroma",), ("chroma",), "CLIPLoader", "chroma", (_T5,), _AE),
    Family("flux", ("flux.1", "flux-1", "flux"), ("flux",), _DUAL, "flux", (_CLIP_L, _T5), _AE, guided=True),
    Family("qwen", ("qwen-image",), ("qwen_image", "qwen-image"), "CLIPLoader", "qwen_image",
           (("qwen_2.5_vl", "qwen2.5-vl", "qwen2.5_vl"),), ("qwen_image_vae", "qwen-image-vae")),
    Family("zimage", ("z-image",), ("z_image", "z-image", "zimage"), "CLIPLoader", "lumina2",
           (("qwen_3_4b", "qwen3_4b", "qwen3-4b"),), _AE),
    Family("lumina2", ("lumina-2",), ("lumina",), "CLIPLoader", "lumina2", (("gemma_2_2b", "gemma"),), _AE),
    Family("hidream", ("hidream-i1",), ("hidream",), _QUADRUPLE, "",
           (_CLIP_L, _CLIP_G, _T5, ("llama_3.1", "llama")), _AE),
    Family("pixart", ("pixart-",), ("pixart",), "CLIPLoader", "pixart", (_T5,),
           ("sdxl_vae", "sdxl-vae", "sdxl.vae"), "EmptyLatentImage", 8, eps=True),
    Family("omnigen2", ("omnigen-2",), ("omnigen2", "omnigen_2"), "CLIPLoader", "omnigen2",
           (("qwen_2.5_vl", "qwen2.5_vl"),), _AE),
    Family("auraflow", ("auraflow",), ("auraflow", "aura_flow"), "CLIPLoader", "",
           (("pile_t5xl", "pile-t5", "auraflow"),), ("sdxl_vae", "sdxl-vae"), "EmptyLatentImage", 16),
    Family("sd1", ("stable-diffusion-v1", "segmind-", "alt_diffusion"), ("v1-5", "sd15", "sd1.5"),
           "CLIPLoader", "stable_diffusion", (_CLIP_L,), ("mse-840000", "ema-560000"),
           "EmptyLatentImage", 8, eps=True),
)  # fmt: skip

FAMILIES: Mapping[str, Family] = MappingProxyType({family.id: family for family in _LISTED})
"""Families by id."""

_OTHER = Family("", (), latents="EmptyLatentImage", cell=8)


def family_of(model: ModelRef) -> Family:
    """The family of a model, by its class, else by its name; one of no id when neither tells it.

    An unknown checkpoint is drawn in the plainest latents: samplers convert an empty start (§6).
    """
    said = model.class_id.lower()
    if said:
        named = (family for family in _LISTED if said.startswith(family.classes))
        return next(named, _OTHER)
    name = model.name.lower()
    return next((family for family in _LISTED if any(word in name for word in family.words)), _OTHER)
