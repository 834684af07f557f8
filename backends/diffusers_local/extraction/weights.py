"""The tensors of a model by their names in diffusers, whatever file or folder it is; none of them is read
before it is asked for.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from msgspec import Struct
from safetensors import safe_open

from backends.diffusers_local.families import Family
from backends.diffusers_local.loading import flow_file, single_file
from backends.diffusers_local.loading.folders import check_folder
from backends.diffusers_local.loading.weights import ModelTrouble, read_header, weight_files

UNET, TRANSFORMER = "unet", "transformer"
_ENCODERS = ("text_encoder", "text_encoder_2")
_CLIP = {  # where checkpoints keep CLIP, by family and component
    "cond_stage_model.transformer.": "text_encoder",
    "conditioner.embedders.0.transformer.": "text_encoder",
}
_OPEN_CLIP = {  # and CLIP as OpenCLIP names it
    "cond_stage_model.model.": "text_encoder",
    "conditioner.embedders.1.model.": "text_encoder_2",
    "conditioner.embedders.0.model.": "text_encoder_2",
}
_BLOCK = re.compile(
    r"transformer\.resblocks\.(\d+)\.(attn\.in_proj_|attn\.out_proj|mlp\.c_fc|mlp\.c_proj)(.*)"
)
_INNER = {"attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}


class Weight(Struct, frozen=True):
    """A tensor: its file, its name there, the shape and which rows of it are meant (see Origin)."""

    path: Path
    key: str
    shape: tuple[int, ...]
    rows: str = "all"


class Weights(Struct, frozen=True):
    """A model's tensors by component and name (`unet.…`, `text_encoder.…`), and its family."""

    family: Family
    found: Mapping[str, Weight]

    @property
    def denoiser(self) -> str:
        """The component that draws."""
        return UNET if any(name.startswith(f"{UNET}.") for name in self.found) else TRANSFORMER


def weights_of(path: Path) -> Weights:
    """The denoiser's tensors and those of CLIP beside a U-Net. Raises ModelTrouble, OSError."""
    if path.is_dir():
        family, _ = check_folder(path)
        return Weights(family, _in_folder(path))
    header = {name: entry for name, entry in read_header(path).items() if name != "__metadata__"}
    flow = flow_file.recognise(path, header)
    if flow is not None:
        origins = flow_file.origins_of(flow)
        found = {
            f"{TRANSFORMER}.{name}": Weight(path, flow.prefix + origin.name, shape, origin.rows)
            for name, (origin, shape) in origins.items()
        }
        return Weights(flow.family, found)
    family, checkpoint = single_file.recognise(path)
    return Weights(family, _in_checkpoint(path, header, checkpoint.config))


def read(weight: Weight, file: Any) -> Any:
    """Its numbers, from its opened file."""
    part = file.get_slice(weight.key)
    count = weight.shape[0] if weight.shape else 0
    if weight.rows == "all" or not weight.shape:
        return file.get_tensor(weight.key)
    if weight.rows == "swapped":
        return torch.cat([part[count // 2 :], part[: count // 2]])
    begin = part.get_shape()[0] - count if weight.rows == "last" else int(weight.rows) * count
    return part[begin : begin + count]


class Files:
    """Opened files, so that each is opened once."""

    def __init__(self) -> None:
        self._open: dict[Path, Any] = {}

    def read(self, weight: Weight) -> torch.Tensor:
        """A tensor's numbers."""
        return read(weight, self._file(weight.path))

    def kind(self, weight: Weight) -> str:
        """What kind of numbers a tensor has, in safetensors' words."""
        return str(self._file(weight.path).get_slice(weight.key).get_dtype())

    def _file(self, path: Path) -> Any:
        if path not in self._open:
            self._open[path] = safe_open(path, "pt")
        return self._open[path]


def _in_folder(folder: Path) -> dict[str, Weight]:
    drawing = next((part for part in (UNET, TRANSFORMER) if (folder / part).is_dir()), None)
    if drawing is None:
        raise ModelTrouble(f"The folder {folder.name!r} has no unet and no transformer.")
    found: dict[str, Weight] = {}
    encoders = [part for part in _ENCODERS if drawing == UNET and (folder / part).is_dir()]
    for part in (drawing, *encoders):
        for path in weight_files(folder / part):
            for name, entry in read_header(path).items():
                if name != "__metadata__":
                    clean = name.removeprefix("text_model.") if part != drawing else name
                    found[f"{part}.{clean}"] = Weight(path, name, tuple(entry["shape"]))
    return found


def _in_checkpoint(path: Path, header: Mapping[str, Any], config: str) -> dict[str, Weight]:
    """The names of diffusers for a checkpoint in the names of the first publication."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    shape = json.loads((single_file.CONFIGS / config / "unet" / "config.json").read_text("utf-8"))
    # it only moves values to other names: here the values are the names themselves
    names = convert_ldm_unet_checkpoint({name: name for name in header}, shape)
    found = {
        f"{UNET}.{name}": Weight(path, key, tuple(header[key]["shape"]))
        for name, key in names.items()
        if key in header
    }
    for name, entry in header.items():
        for prefix, part in _CLIP.items():
            if name.startswith(prefix):
                clean = name.removeprefix(prefix).removeprefix("text_model.")
                found[f"{part}.{clean}"] = Weight(path, name, tuple(entry["shape"]))
        for prefix, part in _OPEN_CLIP.items():
            if name.startswith(prefix):
                found |= _open_clip(path, name, tuple(entry["shape"]), name.removeprefix(prefix), part)
    return found


def _open_clip(path: Path, key: str, shape: tuple[int, ...], name: str, part: str) -> dict[str, Weight]:
    """One of OpenCLIP's tensors in a layer; there query, key and value are one."""
    block = _BLOCK.fullmatch(name)
    if block is None:
        return {}
    layer = f"{part}.encoder.layers.{block[1]}"
    if block[2] != "attn.in_proj_":
        return {f"{layer}.{_INNER[block[2]]}{block[3]}": Weight(path, key, shape)}
    third = (shape[0] // 3, *shape[1:])
    return {
        f"{layer}.self_attn.{kind}_proj.{block[3]}": Weight(path, key, third, str(number))
        for number, kind in enumerate("qkv")
    }
