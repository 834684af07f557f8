"""Small random upscalers in files, as their makers publish them."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from backends.contract import ModelRef
from backends.diffusers_local.loading.without_torchvision import import_spandrel

KINDS = ("ESRGAN", "Compact", "SPAN")


def network(kind: str, scale: int = 4) -> Any:
    """A random network of a few ten thousand numbers."""
    import_spandrel()
    torch.manual_seed(3)
    match kind:
        case "ESRGAN":
            from spandrel.architectures.ESRGAN import ESRGAN

            return ESRGAN(num_filters=8, num_blocks=1, scale=scale)
        case "Compact":
            from spandrel.architectures.Compact import Compact

            return Compact(num_feat=8, num_conv=2, upscale=scale)
        case _:
            from spandrel.architectures.SPAN import SPAN

            return SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=scale)


def write_upscaler(path: Path, kind: str = "Compact", scale: int = 4) -> ModelRef:
    """The file of a random upscaler."""
    state = {key: value.contiguous() for key, value in network(kind, scale).state_dict().items()}
    save_file(state, path)
    return ModelRef(path.name, str(path))
