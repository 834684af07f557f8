"""Single-file checkpoints of Stable Diffusion 1 and 2, loaded offline by the configurations in `configs/`.

Such a file holds weights only. Which family it is follows from the shapes in its header; what it lacks is
CLIP's tokenizer, which is looked for beside it.
"""

import json
import struct
from pathlib import Path
from typing import Any

from diffusers import StableDiffusionPipeline
from safetensors import safe_open
from transformers import CLIPTokenizer

from backends.diffusers_local.folders import ModelTrouble, check_safetensors

CONFIGS = Path(__file__).parent / "configs"

_FIRST = "model.diffusion_model.input_blocks.0.0.weight"
_TEXT = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
_LAST_NORM = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
_V_SPREAD = 0.09  # that bias spreads wider than this in the version 2 models that predict velocity
_FAMILIES = {768: "sd1", 1024: "sd2"}
_PADDING = {"sd1": "<|endoftext|>", "sd2": "!", "sd2_v": "!"}


def load_single_file(path: Path, dtype: Any) -> StableDiffusionPipeline:
    """The checkpoint in a stock pipeline. Raises ModelTrouble."""
    check_safetensors(path)
    family = recognise(path)
    tokenizer = find_tokenizer(path)
    tokenizer.pad_token = _PADDING[family]
    return StableDiffusionPipeline.from_single_file(
        str(path),
        config=str(CONFIGS / family),
        tokenizer=tokenizer,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        local_files_only=True,
        dtype=dtype,
    )


def recognise(path: Path) -> str:
    """The name of the configuration folder that fits. Raises ModelTrouble for other kinds of files."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    first, text = header.get(_FIRST), header.get(_TEXT)
    if first is None or text is None:
        raise ModelTrouble(
            f"{path.name!r} is no checkpoint of Stable Diffusion 1 or 2; no other kind is drawn from a file."
        )
    if first["shape"][1] != 4:
        raise ModelTrouble(
            f"{path.name!r} takes {first['shape'][1]} input channels: an inpainting or depth model."
        )
    family = _FAMILIES.get(text["shape"][1])
    if family is None:
        raise ModelTrouble(
            f"{path.name!r} has text states of width {text['shape'][1]}; "
            "Stable Diffusion 1 has 768 and 2 has 1024."
        )
    if family == "sd2" and _LAST_NORM in header:
        with safe_open(path, "pt") as weights:
            spread = float(weights.get_tensor(_LAST_NORM).float().std(unbiased=False))
        return "sd2_v" if spread > _V_SPREAD else "sd2"
    return family


def find_tokenizer(path: Path) -> Any:
    """CLIP's tokenizer: from `tokenizer/` beside the file, or of any model folder near it. Raises
    ModelTrouble.
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
    raise ModelTrouble(
        f"{path.name!r} is a single file and brings no tokenizer. Put the folder 'tokenizer' of any "
        "Stable Diffusion 1 or 2 model (vocab.json and merges.txt, or tokenizer.json) beside it."
    )
