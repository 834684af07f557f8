"""Single-file checkpoints, loaded offline by the configurations in `configs/`.

Such a file holds weights only. Which family it is follows from the shapes in its header; what it lacks is
CLIP's tokenizer: one beside it is taken, else CLIP's own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
from safetensors import safe_open
from transformers import CLIPTokenizer

from backends.diffusers_local.families import FAMILIES, Checkpoint, Family
from backends.diffusers_local.loading.folders import ModelTrouble, check_safetensors
from backends.diffusers_local.loading.weights import read_header
from backends.diffusers_local.prompts.tokenizer import clip_tokenizer

CONFIGS = Path(__file__).parent / "configs"

_FIRST = "model.diffusion_model.input_blocks.0.0.weight"
_CHANNELS = (4, 9)  # the latents; beside them, for inpainting, a mask and the masked picture's latents
_DISTILLED = "model.diffusion_model.time_embed.cond_proj.weight"


def load_single_file(path: Path, dtype: Any) -> tuple[Family, Any]:
    """The checkpoint's family, and it in a stock pipeline. Raises ModelTrouble."""
    check_safetensors(path)
    family, checkpoint = recognise(path)
    made = {}
    for part in family.texts:
        made[part.tokenizer] = find_tokenizer(path)
        made[part.tokenizer].pad_token = checkpoint.padding[part.tokenizer]
    config = str(CONFIGS / checkpoint.config)
    channels = read_header(path)[_FIRST]["shape"][1]
    if channels != 4:
        made["unet"] = diffusers.UNet2DConditionModel.from_single_file(
            str(path),
            config=config,
            subfolder="unet",
            local_files_only=True,
            dtype=dtype,
            in_channels=channels,
        )
    pipeline = getattr(diffusers, family.pipelines[0]).from_single_file(
        str(path),
        config=config,
        local_files_only=True,
        dtype=dtype,
        **made,
        **dict.fromkeys(family.unused),
        **family.options,
    )
    return family, pipeline


def recognise(path: Path) -> tuple[Family, Checkpoint]:
    """The family, and which of its kinds of checkpoint this is. Raises ModelTrouble for other files."""
    header = read_header(path)
    first = header.get(_FIRST)
    kinds = [(family, kind) for family in FAMILIES.values() for kind in family.checkpoints]
    widths = {kind.text: header[kind.text]["shape"][1] for _, kind in kinds if kind.text in header}
    drawn = ", ".join(family.name for family in FAMILIES.values() if family.stock is None)
    if first is None or not widths:
        raise ModelTrouble(f"{path.name!r} is no checkpoint of {drawn}; no other kind is drawn from a file.")
    if first["shape"][1] not in _CHANNELS:
        raise ModelTrouble(
            f"{path.name!r} takes {first['shape'][1]} input channels, a depth or editing model; this engine "
            "draws with ordinary ones and those for inpainting."
        )
    if _DISTILLED in header:
        raise ModelTrouble(
            f"{path.name!r} is a model that takes the guidance scale itself (LCM): such a single file cannot "
            "be read; get it as a diffusers folder."
        )
    for family, kind in kinds:
        if _fits(path, header, kind):
            return family, kind
    found = " and ".join(str(width) for width in sorted(set(widths.values())))
    known = ", ".join(dict.fromkeys(f"{kind.width} ({family.name})" for family, kind in kinds))
    raise ModelTrouble(
        f"{path.name!r} has text states of width {found}; this engine draws checkpoints with {known}."
    )


def _fits(path: Path, header: Mapping[str, Any], kind: Checkpoint) -> bool:
    if kind.text not in header or header[kind.text]["shape"][1] != kind.width:
        return False
    if any(name not in header for name in kind.has):
        return False
    if kind.wide is None:
        return True
    name, least = kind.wide
    if name not in header:
        return False
    with safe_open(path, "pt") as weights:
        return float(weights.get_tensor(name).float().std(unbiased=False)) > least


def find_tokenizer(path: Path) -> Any:
    """CLIP's tokenizer: from `tokenizer/` beside the file, of any model folder near it, or made here.

    Raises ModelTrouble when there is none at all.
    """
    near = [path.with_suffix("") / "tokenizer", path.parent / "tokenizer"]
    near += [place for up in (path.parent, path.parent.parent) for place in sorted(up.glob("*/tokenizer"))]
    for folder in near:
        if (folder / "tokenizer.json").is_file() or (folder / "vocab.json").is_file():
            try:
                tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
            except (OSError, ValueError):
                continue
            if len(tokenizer) >= 49408:
                tokenizer.model_max_length = 77
                return tokenizer
    if (made := clip_tokenizer()) is not None:
        return made
    raise ModelTrouble(
        f"{path.name!r} is a single file and brings no tokenizer. Install open-clip-torch, or put "
        "the folder 'tokenizer' of any Stable Diffusion model (vocab.json and merges.txt, or tokenizer.json) "
        "beside it."
    )
