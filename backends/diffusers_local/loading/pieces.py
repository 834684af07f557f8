"""The components of Stable Diffusion 3 and Flux besides their transformer: how files and folders name them,
and what they must look like.
"""

import json
from typing import Any

from msgspec import Struct

from backends.diffusers_local.loading import single_file

_WORD = ("token_embedding.weight",)
_T5_WORD = ("shared.weight", "embed_tokens.weight")


class Piece(Struct, frozen=True):
    """A component to be found. `part` is its name in the family, `says` what it is in words.

    Inside a file its tensors begin with one of `prefixes`; a loose file has a name like `files`, in small
    letters; a model folder keeps it as one of `folders`. The tensor that ends with one of `probes` must have
    the shape `shape`, and a folder's config the entries of `config`.
    """

    part: str
    says: str
    prefixes: tuple[str, ...]
    files: tuple[str, ...]
    folders: tuple[str, ...]
    probes: tuple[str, ...]
    shape: tuple[int, ...]
    config: dict[str, Any]


def config_of(folder: str, part: str) -> dict[str, Any]:
    """What is shipped in `configs/` for a component."""
    name = "scheduler_config.json" if part == "scheduler" else "config.json"
    text = (single_file.CONFIGS / folder / part / name).read_text(encoding="utf-8")
    made: dict[str, Any] = json.loads(text)
    return made


def pieces_of(config: str) -> list[Piece]:
    """What a file of this kind needs besides its transformer."""
    made = [
        _clip("text_encoder", "CLIP-L", "clip_l", config),
        _t5("text_encoder_3" if config == "sd3" else "text_encoder_2", config),
    ]
    if config == "sd3":
        made.insert(1, _clip("text_encoder_2", "CLIP-G", "clip_g", config))
    vae = config_of(config, "vae")
    names = ("*sd3*vae*", "sd3*") if config == "sd3" else ("ae.*", "ae_*", "ae-*", "*flux*vae*", "*flux*ae*")
    made.append(
        Piece(
            part="vae",
            says=f"the autoencoder ({'sd3_vae' if config == 'sd3' else 'ae'}.safetensors)",
            prefixes=("first_stage_model.", "vae."),
            files=names,
            folders=("vae",),
            probes=("decoder.conv_in.weight",),
            shape=(vae["block_out_channels"][-1], vae["latent_channels"], 3, 3),
            config={key: vae[key] for key in ("latent_channels", "scaling_factor", "shift_factor")},
        )
    )
    return made


def _clip(part: str, says: str, name: str, config: str) -> Piece:
    wanted = config_of(config, part)
    return Piece(
        part=part,
        says=f"the text encoder {says} ({name}.safetensors)",
        prefixes=(f"text_encoders.{name}.transformer.",),
        files=(f"*{name}*",),
        folders=("text_encoder", "text_encoder_2"),
        probes=_WORD,
        shape=(wanted["vocab_size"], wanted["hidden_size"]),
        config={key: wanted[key] for key in ("architectures", "hidden_size", "num_hidden_layers")},
    )


def _t5(part: str, config: str) -> Piece:
    wanted = config_of(config, part)
    return Piece(
        part=part,
        says="the text encoder T5 (t5xxl_fp16.safetensors)",
        prefixes=("text_encoders.t5xxl.transformer.",),
        files=("*t5xxl*", "*t5-xxl*", "*t5_xxl*", "*t5-v1_1-xxl*"),
        folders=("text_encoder_3", "text_encoder_2", "text_encoder"),
        probes=_T5_WORD,
        shape=(wanted["vocab_size"], wanted["d_model"]),
        config={key: wanted[key] for key in ("architectures", "d_model", "num_layers")},
    )
