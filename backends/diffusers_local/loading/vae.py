"""Autoencoders of their own, to encode and decode with in place of a model's: folders and single files.

A file says by its shapes what it is built like, but not by which number its latents are scaled: that it
takes from the model it goes with.
"""

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, AutoencoderTiny
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from safetensors.torch import load_file

from backends.contract import ModelRef
from backends.diffusers_local.families import Family
from backends.diffusers_local.loading.weights import ModelTrouble, read_header, stamp_of, weight_files

_CLASSES = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
_PREFIXES = ("first_stage_model.", "vae.", "")
_SAME = 1e-3  # scaling factors differ by tens of per cent between latent spaces, by rounding within one


class Vae:
    """One loaded autoencoder. `module` has its weights; `scaled` says that its own files name its scaling.

    `key` names this state of the files and changes with it.
    """

    def __init__(self, ref: ModelRef, module: Any, *, scaled: bool) -> None:
        self.ref = ref
        self.key = f"{ref.path}@{stamp_of(Path(ref.path))}"
        self.module = module
        self._scaled = scaled
        self._fitted: dict[tuple[float, float | None], Any] = {}

    @property
    def size(self) -> int:
        """Bytes in memory."""
        tensors = (*self.module.parameters(), *self.module.buffers())
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def fit(self, family: Family, own: Any, dtype: torch.dtype) -> Any:
        """The autoencoder to use for a model of this family in place of its `own`; the same object each time.

        Raises ModelTrouble where their latents are not of one space.
        """
        if why := _other_space(own, self.module, scaled=self._scaled):
            raise ModelTrouble(f"The VAE {self.ref.name!r} does not go with this {family.name} model: {why}.")
        module = self.module
        if family.upcast and dtype == torch.float16 and module.config.get("force_upcast"):
            module.to(torch.float32)  # in half precision its largest numbers overflow: a black picture
        if self._scaled:
            return module
        scaling = own.config.scaling_factor, own.config.get("shift_factor")
        if scaling not in self._fitted:
            fitted = self._fitted[scaling] = copy.copy(module)  # shares every weight
            fitted.register_to_config(scaling_factor=scaling[0], shift_factor=scaling[1])
        return self._fitted[scaling]


def load_vae(ref: ModelRef, device: torch.device, dtype: torch.dtype) -> Vae:
    """Load an autoencoder's folder (or a whole model's, for its `vae`) or file. Raises ModelTrouble."""
    path = Path(ref.path)
    if not path.exists():
        raise ModelTrouble(f"The VAE {ref.name!r} is no longer there; refresh the list of models.")
    try:
        module, scaled = _from_file(ref, path, dtype) if path.is_file() else _from_folder(ref, path, dtype)
    except ModelTrouble:
        raise
    except Exception as error:
        # the traceback would keep its tensors in memory
        error.__traceback__ = None
        raise ModelTrouble(f"The VAE {ref.name!r} could not be loaded: {error}") from None
    return Vae(ref, module.to(device=device).eval().requires_grad_(False), scaled=scaled)


def _from_folder(ref: ModelRef, path: Path, dtype: torch.dtype) -> tuple[Any, bool]:
    folder = path if (path / "config.json").is_file() else path / "vae"
    if not (folder / "config.json").is_file():
        raise ModelTrouble(f"{ref.name!r} is no autoencoder (VAE): it has no config.json.")
    named = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("_class_name")
    kind = _CLASSES.get(named)
    if kind is None:
        raise ModelTrouble(f"{ref.name!r} is a {named}; a VAE here is an {' or '.join(_CLASSES)}.")
    files = weight_files(folder)
    for file in files:
        read_header(file)
    half = all(".fp16." in file.name for file in files)
    module = kind.from_pretrained(
        folder,
        dtype=dtype,
        variant="fp16" if half else None,
        use_safetensors=True,
        local_files_only=True,
    )
    return _whole(ref, module), True


def _from_file(ref: ModelRef, path: Path, dtype: torch.dtype) -> tuple[Any, bool]:
    header = read_header(path)
    header.pop("__metadata__", None)
    prefix = next(p for p in _PREFIXES if p == "" or any(name.startswith(p) for name in header))
    shapes = {
        name.removeprefix(prefix): entry["shape"] for name, entry in header.items() if name.startswith(prefix)
    }
    if "decoder.layers.0.weight" in shapes or "decoder.layers.1.weight" in shapes:
        return _tiny(ref, path, prefix, dtype), True
    config = _config_of(ref, shapes)
    with init_empty_weights():
        module = AutoencoderKL.from_config(config)
    tensors = load_file(path, device="cpu")
    if "decoder.up.0.block.0.conv1.weight" in shapes:
        state = convert_ldm_vae_checkpoint(tensors, module.config)
    else:
        state = _without(prefix, tensors)
    return _filled(ref, module, state, dtype), False


def _tiny(ref: ModelRef, path: Path, prefix: str, dtype: torch.dtype) -> Any:
    state = _without(prefix, load_file(path, device="cpu"))
    first = min((name for name in state if re.match(r"decoder\.layers\.\d+\.weight", name)), key=_number)
    with init_empty_weights():
        module = AutoencoderTiny.from_config({"latent_channels": state[first].shape[1]})
    return _filled(ref, module, state, dtype)


def _number(name: str) -> int:
    return int(name.split(".")[2])


def _without(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _config_of(ref: ModelRef, shapes: Mapping[str, Any]) -> dict[str, Any]:
    """What a file's shapes say of how it is built. Raises ModelTrouble for what is no such autoencoder."""
    original = "decoder.up.0.block.0.conv1.weight" in shapes
    block = r"encoder\.down\.(\d+)\.block" if original else r"encoder\.down_blocks\.(\d+)\.resnets"
    found = {
        (int(match[1]), int(match[2])): shape[0]
        for name, shape in shapes.items()
        if (match := re.fullmatch(rf"{block}\.(\d+)\.conv1\.weight", name))
    }
    needed = ("encoder.conv_in.weight", "decoder.conv_in.weight", "decoder.conv_out.weight")
    if not found or any(name not in shapes for name in needed):
        raise ModelTrouble(
            f"{ref.name!r} is no autoencoder (VAE) with encoder and decoder in the names of Stable Diffusion "
            "or of diffusers."
        )
    widths = [found[number, 0] for number in sorted({number for number, _ in found})]
    return {
        "block_out_channels": widths,
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
        "layers_per_block": sum(1 for number, _ in found if number == 0),
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "in_channels": shapes["encoder.conv_in.weight"][1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "use_quant_conv": "quant_conv.weight" in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
        "mid_block_add_attention": any("mid.attn_1" in n or "mid_block.attentions" in n for n in shapes),
    }


def _filled(ref: ModelRef, module: Any, state: Mapping[str, torch.Tensor], dtype: torch.dtype) -> Any:
    """The module with these tensors in place of its empty ones: no number is copied that need not be."""
    wanted = module.state_dict().keys()
    given = {name: tensor.to(dtype) for name, tensor in state.items() if name in wanted}
    module.load_state_dict(given, strict=False, assign=True)
    return _whole(ref, module)


def _whole(ref: ModelRef, module: Any) -> Any:
    """Refuse a file with gaps."""
    missing = [name for name, tensor in module.state_dict().items() if tensor.is_meta]
    if missing:
        raise ModelTrouble(
            f"The VAE {ref.name!r} is not whole: it lacks {len(missing)} of its tensors, first {missing[0]}."
        )
    return module


def _other_space(own: Any, other: Any, *, scaled: bool) -> str:
    """Why latents of one autoencoder are nothing to the other; "" when they are of one space."""
    if not isinstance(own, AutoencoderKL | AutoencoderTiny):
        return f"its autoencoder is a {type(own).__name__}, and no other goes in its place"
    ours, theirs = own.config, other.config
    if ours.latent_channels != theirs.latent_channels:
        return f"its latents have {theirs.latent_channels} channels, the model's {ours.latent_channels}"
    if _pixels(own) != _pixels(other):
        return (
            f"its latents stand for {_pixels(other)} pixels each where the model's stand for {_pixels(own)}"
        )
    both = isinstance(own, AutoencoderKL) and isinstance(other, AutoencoderKL)
    if not both or not scaled:
        return ""
    for name in ("scaling_factor", "shift_factor"):
        mine, its = ours.get(name) or 0.0, theirs.get(name) or 0.0
        if abs(mine - its) > _SAME * max(abs(mine), abs(its)):
            named = name.replace("_", " ")
            return f"its {named} is {its:g}, the model's {mine:g}: it is of another family"
    return ""


def _pixels(vae: Any) -> int:
    """Pixels along one side of a latent cell."""
    return int(2 ** (len(vae.config.block_out_channels) - 1))
