"""What a server has, in the hub's words: models by subtype, samplers, what it can be asked for. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from backends.comfyui_api.graph import features
from backends.comfyui_api.server_info import ServerInfo, normalised
from backends.contract import RemoteModel


class Shelf(Struct, frozen=True):
    """Where a kind of model is listed: the choices of a node's `input`. `folder` is its name there."""

    subtype: str
    node: str
    input: str
    folder: str


SHELVES = (
    Shelf("Stable-Diffusion", "CheckpointLoaderSimple", "ckpt_name", "checkpoints"),
    Shelf("Stable-Diffusion", "UNETLoader", "unet_name", "diffusion_models"),
    Shelf("Stable-Diffusion", "UnetLoaderGGUF", "unet_name", "unet_gguf"),
    Shelf("LoRA", "LoraLoader", "lora_name", "loras"),
    Shelf("VAE", "VAELoader", "vae_name", "vae"),
    Shelf("ControlNet", "ControlNetLoader", "control_net_name", "controlnet"),
    Shelf("Clip", "CLIPLoader", "clip_name", "text_encoders"),
    Shelf("ClipVision", "CLIPVisionLoader", "clip_name", "clip_vision"),
    Shelf("upscale_models", "UpscaleModelLoader", "model_name", "upscale_models"),
)
"""Every list of models that is read (comfyui-protocol §5)."""

EMBEDDINGS = "embeddings"
"""The folder of textual inversions, whose names `GET /embeddings` tells without extension."""

_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")

Told = Mapping[tuple[str, str], Mapping[str, str]]
"""What files say of themselves, by (folder, name in the server's spelling)."""


def offers(
    info: ServerInfo, embedding_files: Sequence[str] = (), told: Told | None = None
) -> tuple[RemoteModel, ...]:
    """Every model the server has. Of two of the same subtype and name the first stays."""
    told = told or {}
    found: dict[tuple[str, str], RemoteModel] = {}
    for shelf in SHELVES:
        for name in _files(info.choices(shelf.node, shelf.input)):
            model = _model(shelf.subtype, name, told.get((shelf.folder, name), {}))
            found.setdefault((model.subtype, model.name), model)
    for name in embedding_files or info.embeddings:
        model = _model("Embedding", name, told.get((EMBEDDINGS, name), {}))
        found.setdefault((model.subtype, model.name), model)
    return tuple(found.values())


def described(info: ServerInfo, embedding_files: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """The (folder, name) of every file whose own words about itself can be asked for."""
    pairs = [
        (shelf.folder, name)
        for shelf in SHELVES
        for name in _files(info.choices(shelf.node, shelf.input))
        if shelf.subtype in ("Stable-Diffusion", "LoRA", "VAE", "ControlNet")
    ]
    pairs += [(EMBEDDINGS, name) for name in embedding_files]
    return tuple(pair for pair in dict.fromkeys(pairs) if pair[1].lower().endswith((".safetensors", ".sft")))


def samplers(info: ServerInfo) -> tuple[str, ...]:
    """The samplers' names."""
    return info.choices("KSampler", "sampler_name")


def schedulers(info: ServerInfo) -> tuple[str, ...]:
    """The schedulers' names."""
    return info.choices("KSampler", "scheduler")


def features_of(info: ServerInfo) -> tuple[str, ...]:
    """The feature flags, as SwarmUI names them (swarm-api §5.4): what these nodes allow of what the workflow
    builder can do. A node of which it makes no use gets no flag, or a parameter would be offered in vain.
    """
    return tuple(dict.fromkeys(("comfyui", *features(info))))


def _files(names: Sequence[str]) -> tuple[str, ...]:
    """The names that are files': loaders list words of their own among them."""
    return tuple(name for name in names if name.lower().endswith(_FILES))


def _model(subtype: str, name: str, told: Mapping[str, str]) -> RemoteModel:
    width, _, height = told.get("modelspec.resolution", "").lower().partition("x")
    return RemoteModel(
        name=normalised(name),
        subtype=subtype,
        title=told.get("modelspec.title", "")[:200],
        author=told.get("modelspec.author", "")[:200],
        description=told.get("modelspec.description", "")[:4000],
        class_id=told.get("modelspec.architecture", "").strip().lower()[:100],
        trigger_phrase=told.get("modelspec.trigger_phrase", "")[:1000],
        license=told.get("modelspec.license", "")[:200],
        width=_pixels(width),
        height=_pixels(height),
    )


def _pixels(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
