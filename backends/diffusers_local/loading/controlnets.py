"""ControlNets: diffusers folders, and single files in diffusers' or in the first publication's names."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import ControlNetModel, ControlNetUnionModel
from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
from safetensors.torch import load_file

from backends.contract import ModelRef
from backends.diffusers_local.loading.single_file import CONFIGS
from backends.diffusers_local.loading.weights import ModelTrouble, read_header, stamp_of, weight_files

_BASES = ("sd1", "sd2", "sdxl")
_ORIGINAL = "control_model."
_OTHER_KINDS = (
    ("lora_controlnet", "a Control-LoRA"),
    ("adapter.conv_in.weight", "a T2I adapter"),
    ("controlnet_x_embedder.weight", "a ControlNet of a flow model (Flux)"),
    ("controlnet_blocks.0.weight", "a ControlNet of a flow model (Stable Diffusion 3 or Flux)"),
    ("lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.cond_emb.weight", "a ControlNet-LLLite"),
)
_CROSS = "attn2.to_k.weight"
_UNION = "task_embedding"
_LAYERS = "transformer_layes."  # so spelt in the files
_CLASSES = {"ControlNetModel": ControlNetModel, "ControlNetUnionModel": ControlNetUnionModel}


@dataclass(slots=True, eq=False)
class ControlPart:
    """One loaded ControlNet; `key` names this state of its files, `size` is its bytes in memory."""

    ref: ModelRef
    key: str
    network: Any
    size: int

    @property
    def kinds(self) -> int:
        """How many kinds of picture it can be told to follow (0: it follows one kind and is told nothing)."""
        count: int = self.network.config.get("num_control_type", 0)
        return count


def load_controlnet(ref: ModelRef, device: torch.device, dtype: torch.dtype) -> ControlPart:
    """Load a ControlNet's folder or file. Raises ModelTrouble with a sentence for the user."""
    path = Path(ref.path)
    if not path.exists():
        raise ModelTrouble(f"The ControlNet {ref.name!r} is no longer there; refresh the list of models.")
    key = f"{ref.path}@{stamp_of(path)}"
    try:
        network = _from_file(ref, path, dtype) if path.is_file() else _from_folder(ref, path, dtype)
    except ModelTrouble:
        raise
    except Exception as error:
        error.__traceback__ = None  # it would keep the tensors in memory
        raise ModelTrouble(f"The ControlNet {ref.name!r} could not be loaded: {error}") from None
    network.to(device=device).eval().requires_grad_(False)
    tensors = (*network.parameters(), *network.buffers())
    return ControlPart(ref, key, network, sum(tensor.numel() * tensor.element_size() for tensor in tensors))


def _from_folder(ref: ModelRef, folder: Path, dtype: torch.dtype) -> Any:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelTrouble(f"{ref.name!r} is no ControlNet: its config.json cannot be read.") from error
    kind = config.get("_class_name") if isinstance(config, dict) else None
    if kind not in _CLASSES:
        raise ModelTrouble(
            f"{ref.name!r} is a {kind}; this engine takes ControlNets of Stable Diffusion 1, 2 and XL "
            f"({' or '.join(_CLASSES)})."
        )
    files = weight_files(folder)
    for path in files:
        read_header(path)
    return _CLASSES[kind].from_pretrained(
        folder,
        dtype=dtype,
        use_safetensors=True,
        local_files_only=True,
        variant="fp16" if all(".fp16." in path.name for path in files) else None,
    )


def _from_file(ref: ModelRef, path: Path, dtype: torch.dtype) -> Any:
    header = read_header(path)
    header.pop("__metadata__", None)
    names = {name.removeprefix(_ORIGINAL): entry["shape"] for name, entry in header.items()}
    for name, kind in _OTHER_KINDS:
        if name in names:
            raise ModelTrouble(
                f"{ref.name!r} is {kind}, which this engine does not draw with; choose a plain ControlNet of "
                "Stable Diffusion 1, 2 or XL."
            )
    ours = "controlnet_cond_embedding.conv_in.weight" in names
    if not ours and "input_hint_block.0.weight" not in names:
        raise ModelTrouble(f"{ref.name!r} is no ControlNet: it has no layers that take a picture to follow.")
    made = ControlNetUnionModel if _UNION in names else ControlNetModel
    with init_empty_weights():
        network = made.from_config(_config(ref, names, made, ours=ours))
    tensors = {name.removeprefix(_ORIGINAL): tensor for name, tensor in load_file(path).items()}
    if not ours:
        tensors = convert_controlnet_checkpoint(tensors, network.config)
    wanted = network.state_dict()
    wrong = [
        name
        for name, tensor in wanted.items()
        if tensors.get(name) is None or tensors[name].shape != tensor.shape
    ]
    if wrong:
        raise ModelTrouble(
            f"The ControlNet {ref.name!r} has not the tensors of its kind: {len(wrong)} are missing or of "
            f"another shape, {wrong[0]} the first."
        )
    network.load_state_dict({name: tensors[name].to(dtype) for name in wanted}, assign=True)
    return network


def _config(ref: ModelRef, names: Mapping[str, list[int]], made: Any, *, ours: bool) -> dict[str, Any]:
    """The configuration of a single file: its family's UNet's, with what the shapes say otherwise."""
    width = next((shape[1] for name, shape in names.items() if name.endswith(_CROSS)), None)
    pooled = any(name.startswith(("add_embedding.", "label_emb.")) for name in names)
    known = inspect.signature(made.__init__).parameters
    for base in _BASES:
        unet = json.loads((CONFIGS / base / "unet" / "config.json").read_text(encoding="utf-8"))
        if (unet.get("addition_embed_type") is not None) != pooled:
            continue
        if width in (unet["cross_attention_dim"], None):
            shaped = _shaped(names, len(unet["down_block_types"])) if ours else {}
            return {name: value for name, value in (unet | shaped).items() if name in known}
    raise ModelTrouble(
        f"The ControlNet {ref.name!r} has text states of width {width}; this engine takes those of Stable "
        "Diffusion 1 (768), 2 (1024) and XL (2048)."
    )


def _shaped(names: Mapping[str, list[int]], blocks: int) -> dict[str, Any]:
    """What files with diffusers' names may have of their own: fewer transformers (the small ControlNets of
    XL), other widths of the layers that take the picture, and many kinds of those (union ControlNets).
    """
    depths = [_depth(names, f"down_blocks.{block}.attentions.0") for block in range(blocks)]
    middle = _depth(names, "mid_block.attentions.0")
    widths = [names["controlnet_cond_embedding.conv_in.weight"][0]]
    while (inner := names.get(f"controlnet_cond_embedding.blocks.{2 * len(widths) - 1}.weight")) is not None:
        widths.append(inner[0])
    union = {}
    if _UNION in names:
        union = {
            "num_control_type": names[_UNION][0],
            "num_trans_channel": names[_UNION][1],
            "num_trans_layer": len({name.split(".")[1] for name in names if name.startswith(_LAYERS)}),
            "num_proj_channel": names["spatial_ch_projs.weight"][0],
        }
    return union | {
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "transformer_layers_per_block": [*(max(1, depth) for depth in depths[:-1]), max(1, middle)],
        "mid_block_type": "UNetMidBlock2DCrossAttn" if middle else "UNetMidBlock2D",
        "conditioning_embedding_out_channels": widths,
    }


def _depth(names: Mapping[str, list[int]], attention: str) -> int:
    """How many transformer blocks an attention has."""
    start = f"{attention}.transformer_blocks."
    return len({name[len(start) :].split(".")[0] for name in names if name.startswith(start)})
