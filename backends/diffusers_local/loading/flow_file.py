"""Single files of Stable Diffusion 3 and Flux: the transformer by its original names, alone or with text
encoders and autoencoder in the same file. What it lacks is looked for near it.

How large the transformer is follows from the shapes in the file; everything else is in `configs/`.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from accelerate import init_empty_weights
from msgspec import Struct

from backends.contract import ModelRef
from backends.diffusers_local.families import Family
from backends.diffusers_local.families.flux import FAMILY as FLUX
from backends.diffusers_local.families.stable_diffusion_3 import FAMILY as SD3
from backends.diffusers_local.loading import single_file
from backends.diffusers_local.loading.near import find, find_t5_tokenizer, places
from backends.diffusers_local.loading.original_names import Origin, flux_origin, sd3_origin
from backends.diffusers_local.loading.pieces import Piece, config_of, pieces_of
from backends.diffusers_local.loading.tensors import Tensors
from backends.diffusers_local.loading.vae import load_vae
from backends.diffusers_local.loading.weights import ModelTrouble, weight_files

_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "")
_FLUX_MARK = "double_blocks.0.img_attn.norm.key_norm.scale"
_SD3_MARK = "joint_blocks.0.x_block.attn.qkv.weight"
_CHROMA_MARK = "distilled_guidance_layer.in_proj.weight"


class FlowFile(Struct, frozen=True):
    """A recognised file: its `header`, the `prefix` of the transformer's tensors, the folder in `configs/`,
    and another one for its scheduler.
    """

    family: Family
    path: Path
    header: Mapping[str, Any]
    prefix: str
    config: str
    scheduler: str


def recognise(path: Path, header: Mapping[str, Any]) -> FlowFile | None:
    """The file by its own tensors; None for other kinds. Raises ModelTrouble for relatives not drawn here."""
    for prefix in _PREFIXES:
        if prefix + _SD3_MARK in header:
            return FlowFile(SD3, path, header, prefix, "sd3", "sd3")
        if prefix + _FLUX_MARK in header and prefix + _CHROMA_MARK not in header:
            channels = (
                header[f"{prefix}img_in.weight"]["shape"][1] if f"{prefix}img_in.weight" in header else 0
            )
            if channels not in (0, 64):
                raise ModelTrouble(
                    f"{path.name!r} takes {channels} input channels where Flux's latents make 64: it is a "
                    "fill, depth or canny model, not drawn here."
                )
            guided = f"{prefix}guidance_in.in_layer.weight" in header
            return FlowFile(FLUX, path, header, prefix, "flux", "flux" if guided else "flux_schnell")
    return None


def load_flow_file(file: FlowFile, dtype: torch.dtype) -> Any:
    """The file and what lies near it in a stock pipeline. Raises ModelTrouble naming what is missing."""
    own, near = Tensors(file.path, file.header, file.prefix), places(file.path)
    pieces = pieces_of(file.config)
    found = {piece.part: find(piece, file.path, file.header, near) for piece in pieces}
    missing = [
        piece for piece in pieces if found[piece.part] is None and piece.part not in file.family.optional
    ]
    if missing:
        raise ModelTrouble(_lacks(file, missing))
    parts: dict[str, Any] = {"vae": _vae(found.pop("vae"), file, dtype)}
    parts |= _tokenizers(file, near, without_t5=found.get("text_encoder_3", own) is None)
    for piece in pieces:
        if piece.part in found:
            parts[piece.part] = _encoder(found[piece.part], piece.part, file, dtype)
    parts["transformer"] = _transformer(own, file, dtype)
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler.from_config(config_of(file.scheduler, "scheduler"))
    return getattr(diffusers, file.family.pipelines[0])(scheduler=scheduler, **parts)


def _lacks(file: FlowFile, missing: Sequence[Piece]) -> str:
    wanted = " and ".join(piece.says for piece in missing)
    return (
        f"{file.path.name!r} is a {file.family.name} checkpoint without {wanted}. Put it beside the file, "
        f"into a folder beside it, or keep a {file.family.name} model folder near it to take it from."
    )


def _tokenizers(file: FlowFile, near: Sequence[Path], *, without_t5: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    # the second CLIP was trained with "!" as its padding, the first with its end
    for part, padding in zip(file.family.texts, ("<|endoftext|>", "!"), strict=False):
        made[part.tokenizer] = single_file.find_tokenizer(file.path)
        made[part.tokenizer].pad_token = padding
    name = "tokenizer_3" if file.config == "sd3" else "tokenizer_2"
    made[name] = None if without_t5 else find_t5_tokenizer(near)
    if made[name] is None and not without_t5:
        raise ModelTrouble(
            f"{file.path.name!r} is a single file and brings no T5 tokenizer. Put the folder 'tokenizer_2' "
            "of any Flux model, or 'tokenizer_3' of any Stable Diffusion 3 model (spiece.model or "
            "tokenizer.json), beside it."
        )
    return made


def _vae(found: Tensors | Path | None, file: FlowFile, dtype: torch.dtype) -> Any:
    path = found.path if isinstance(found, Tensors) else found
    module = load_vae(ModelRef(file.path.stem, str(path)), torch.device("cpu"), dtype).module
    config = config_of(file.config, "vae")
    module.register_to_config(
        **{key: config[key] for key in ("scaling_factor", "shift_factor", "force_upcast")}
    )
    return module


def _encoder(found: Tensors | Path | None, part: str, file: FlowFile, dtype: torch.dtype) -> Any:
    """A text encoder; None for one that is not there."""
    if found is None:
        return None
    config = config_of(file.config, part)
    kind = getattr(transformers, config["architectures"][0])
    if isinstance(found, Path):
        half = all(".fp16." in weights.name for weights in weight_files(found))
        return kind.from_pretrained(
            found, dtype=dtype, variant="fp16" if half else None, local_files_only=True, use_safetensors=True
        )
    make = _maker(kind, config)
    encoder = found.fill(make, _t5_origins(found) if "d_model" in config else _clip_origins(found), dtype)
    if "d_model" in config:
        encoder.tie_weights()
    elif part == "text_encoder" and file.config == "sd3":
        # Stable Diffusion 3 takes CLIP-L's vector as it is, whatever projection its file may have
        encoder.text_projection.weight = torch.nn.Parameter(torch.eye(config["hidden_size"], dtype=dtype))
    return encoder


def _maker(kind: Any, config: Mapping[str, Any]) -> Callable[[], Any]:
    return lambda: kind(kind.config_class(**config))


def _clip_origins(found: Tensors) -> Callable[[str], Origin | None]:
    """The text tower lies in `text_model` in files and, since transformers 5, not always in the network."""

    def origin(name: str) -> Origin | None:
        plain = name.removeprefix("text_model.")
        return next((Origin(known) for known in (name, f"text_model.{plain}", plain) if known in found), None)

    return origin


def _t5_origins(found: Tensors) -> Callable[[str], Origin | None]:
    """The words' vectors are one tensor with two names."""

    def origin(name: str) -> Origin | None:
        if name in ("shared.weight", "encoder.embed_tokens.weight"):
            return next(
                (Origin(n) for n in ("shared.weight", "encoder.embed_tokens.weight") if n in found), None
            )
        return Origin(name)

    return origin


def _transformer(own: Tensors, file: FlowFile, dtype: torch.dtype) -> Any:
    return own.fill(*_made_and_origins(own, file), dtype)


def _made_and_origins(own: Tensors, file: FlowFile) -> tuple[Callable[[], Any], Callable[[str], Origin]]:
    """What makes the transformer of this file, and where its tensors are."""
    if file.config == "sd3":
        config = config_of("sd3", "transformer") | _sd3_shape(own)
        layers = config["num_layers"]
        make = diffusers.SD3Transformer2DModel.from_config
        return partial(make, config), lambda name: sd3_origin(name, layers)
    config = config_of("flux", "transformer") | _flux_shape(own)
    return partial(diffusers.FluxTransformer2DModel.from_config, config), flux_origin


def origins_of(file: FlowFile) -> dict[str, tuple[Origin, tuple[int, ...]]]:
    """For each tensor of the transformer by its name in diffusers, where it is in the file, and its shape.

    Raises ModelTrouble.
    """
    own = Tensors(file.path, file.header, file.prefix)
    make, origin = _made_and_origins(own, file)
    with init_empty_weights():
        shapes = {name: tuple(tensor.shape) for name, tensor in make().state_dict().items()}
    found = {name: (origin(name), shape) for name, shape in shapes.items()}
    return {name: place for name, place in found.items() if place[0].name in own}


def _count(own: Tensors, blocks: str) -> int:
    numbers = [int(found[1]) for name in own.names if (found := re.match(rf"{blocks}\.(\d+)\.", name))]
    return max(numbers, default=-1) + 1


def _sd3_shape(own: Tensors) -> dict[str, Any]:
    """What the file's shapes say of the transformer. Raises ModelTrouble when they say nothing."""
    needed = ("x_embedder.proj.weight", "context_embedder.weight", "y_embedder.mlp.0.weight", "pos_embed")
    _check_there(own, needed)
    width, channels, patch, _ = own.shape("x_embedder.proj.weight")
    normed = own.shape("joint_blocks.0.x_block.attn.ln_q.weight")
    head = normed[0] if normed else int(config_of("sd3", "transformer")["attention_head_dim"])
    twice = {int(name.split(".")[1]) for name in own.names if ".x_block.attn2." in name}
    return {
        "num_layers": _count(own, "joint_blocks"),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "in_channels": channels,
        "out_channels": channels,
        "patch_size": patch,
        "caption_projection_dim": own.shape("context_embedder.weight")[0],
        "joint_attention_dim": own.shape("context_embedder.weight")[1],
        "pooled_projection_dim": own.shape("y_embedder.mlp.0.weight")[1],
        "pos_embed_max_size": math.isqrt(own.shape("pos_embed")[1]),
        "dual_attention_layers": tuple(sorted(twice)),
        "qk_norm": "rms_norm" if normed else None,
    }


def _flux_shape(own: Tensors) -> dict[str, Any]:
    """The same of Flux."""
    _check_there(own, ("img_in.weight", "txt_in.weight", "vector_in.in_layer.weight"))
    head = own.shape(_FLUX_MARK)[0]
    return {
        "num_layers": _count(own, "double_blocks"),
        "num_single_layers": _count(own, "single_blocks"),
        "attention_head_dim": head,
        "num_attention_heads": own.shape("img_in.weight")[0] // head,
        "in_channels": own.shape("img_in.weight")[1],
        "joint_attention_dim": own.shape("txt_in.weight")[1],
        "pooled_projection_dim": own.shape("vector_in.in_layer.weight")[1],
        "guidance_embeds": "guidance_in.in_layer.weight" in own,
    }


def _check_there(own: Tensors, names: Sequence[str]) -> None:
    for name in names:
        if name not in own:
            raise ModelTrouble(f"{own.path.name!r} lacks the tensor {own.prefix}{name}: it is not whole.")
