"""Networks that enlarge pictures (ESRGAN, SPAN, SwinIR, DAT and so on), loaded through spandrel."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from backends.contract import ModelRef
from backends.diffusers_local.loading.weights import ModelTrouble, check_safetensors, stamp_of
from backends.diffusers_local.loading.without_torchvision import import_spandrel


@dataclass(slots=True, eq=False)
class Upscaler:
    """One loaded network: (1, 3, height, width) in 0..1 becomes (1, 3, height * scale, width * scale).

    `whole` says that it looks at the picture as a whole and must not be given it in tiles; `weight` is its
    number of parameters, `size` its bytes in memory.
    """

    ref: ModelRef
    key: str
    network: Any
    scale: int
    whole: bool
    weight: int
    size: int

    def enlarge(self, pixels: torch.Tensor) -> torch.Tensor:
        """(1, 3, h, w) in 0..1 -> (1, 3, h * scale, w * scale) in 0..1, float32."""
        large: torch.Tensor = self.network(pixels.to(self.network.device, self.network.dtype))
        return large.float()


def load_upscaler(ref: ModelRef, device: torch.device, dtype: torch.dtype) -> Upscaler:
    """Load an upscaler's file. Raises ModelTrouble with a sentence for the user."""
    path = Path(ref.path)
    if path.suffix.lower() not in (".safetensors", ".sft"):
        raise ModelTrouble(
            f"The upscaler {ref.name!r} is a {path.suffix or 'folder'}: only .safetensors files are loaded, "
            "because they hold no code. Choose one, or convert this one."
        )
    check_safetensors(path)
    try:
        return _load(ref, path, device, dtype)
    except ModelTrouble:
        raise
    except Exception as error:
        error.__traceback__ = None  # it would keep the tensors in memory
        raise ModelTrouble(f"The upscaler {ref.name!r} could not be loaded: {error}") from None


def _load(ref: ModelRef, path: Path, device: torch.device, dtype: torch.dtype) -> Upscaler:
    spandrel = import_spandrel()
    try:
        network = spandrel.MAIN_REGISTRY.load(load_file(path))
    except spandrel.UnsupportedModelError:
        raise ModelTrouble(
            f"The upscaler {ref.name!r} is of no kind this engine knows; ESRGAN, RealESRGAN, Compact, SPAN, "
            "SwinIR, HAT, DAT and many others work."
        ) from None
    _check_kind(ref, spandrel, network)
    network.to(device=device, dtype=_precision(network, dtype)).eval()
    network.model.requires_grad_(False)
    tensors = [*network.model.parameters(), *network.model.buffers()]
    return Upscaler(
        ref=ref,
        key=f"{ref.path}@{stamp_of(path)}",
        network=network,
        scale=network.scale,
        whole=network.tiling == spandrel.ModelTiling.INTERNAL,
        weight=sum(tensor.numel() for tensor in tensors),
        size=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
    )


def _check_kind(ref: ModelRef, spandrel: Any, network: Any) -> None:
    if not isinstance(network, spandrel.ImageModelDescriptor) or network.purpose != "SR":
        raise ModelTrouble(
            f"The upscaler {ref.name!r} ({network.architecture.name}) does not enlarge pictures but mends "
            "them; choose one that enlarges."
        )
    if (network.input_channels, network.output_channels) != (3, 3):
        raise ModelTrouble(
            f"The upscaler {ref.name!r} is made for pictures of {network.input_channels} channels, not for "
            "coloured ones; choose another."
        )


def _precision(network: Any, wanted: torch.dtype) -> torch.dtype:
    """The wanted precision where the network bears it; half of either kind where it bears only one."""
    bears = {torch.float16: network.supports_half, torch.bfloat16: network.supports_bfloat16}
    return wanted if bears.get(wanted, True) else torch.float32
