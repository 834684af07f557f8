"""LoRA files: what may be laid over a model, told from the file's header before a number of it is read.

Read are the forms that diffusers reads: kohya's names (with LoCon's convolutions), diffusers' own, PEFT's,
and LoKr where diffusers has it for the model's family. Everything else is refused by name, because a LoRA
that fits halfway gives a picture that nobody asked for.
"""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import torch
from safetensors.torch import load_file

from backends.contract import ModelRef
from backends.diffusers_local.loading.weights import ModelTrouble, check_safetensors, read_header, stamp_of

if TYPE_CHECKING:
    from backends.diffusers_local.features.lora_layers import LoraLayers
    from backends.diffusers_local.features.lora_making import Made

_LORA = ("lora_down", "lora_up", "lora_A", "lora_B", "lora.down", "lora.up", "_lora.", "lora_linear_layer")
_LOKR = ".lokr_"
_OTHER_KINDS = (
    ("dora_scale", "a DoRA"),
    ("hada_w", "a LoHa"),
    ("oft_", "an OFT"),
    ("boft_", "a BOFT"),
    ("on_input", "an IA3"),
    (".diff_b", "a LyCORIS with whole differences"),
)
_NO_LORAS = (
    ("model.diffusion_model.", "a whole checkpoint"),
    ("first_stage_model.", "a whole checkpoint"),
    ("control_model.", "a ControlNet"),
    ("controlnet_cond_embedding", "a ControlNet"),
    ("string_to_param", "a textual inversion"),
    ("emb_params", "a textual inversion"),
    ("clip_l", "a textual inversion"),
    ("decoder.conv_in", "an autoencoder (VAE)"),
)


class LoraFile:
    """A LoRA whose file has been looked at.

    `key` names this state of the file and changes with it; `layers` are the models it is laid over, `made`
    what was prepared for others. Its
    numbers are read when a model takes it, and leave that model some time after the last reference to this
    object is gone.
    """

    def __init__(self, ref: ModelRef, path: Path, key: str, made_for: str) -> None:
        self.ref = ref
        self.path = path
        self.key = key
        self.made_for = made_for
        self.layers: WeakSet[LoraLayers] = WeakSet()
        self.made: WeakKeyDictionary[LoraLayers, Made] = WeakKeyDictionary()

    @property
    def size(self) -> int:
        """Bytes it takes in memory over all the models it lies over."""
        return sum(layers.bytes_of(self.key) for layers in self.layers)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Its numbers, copied out of the file, which may be replaced while they are in use.

        Raises ModelTrouble.
        """
        check_safetensors(self.path)
        return {name: tensor.clone() for name, tensor in load_file(self.path, device="cpu").items()}


def load_lora(ref: ModelRef, device: torch.device, dtype: torch.dtype) -> LoraFile:
    """Look at a LoRA's file, or at the only safetensors file of its folder. Raises ModelTrouble."""
    path = _file_of(ref)
    header = read_header(path)
    about = header.pop("__metadata__", None) or {}
    if why := _foreign(header):
        raise ModelTrouble(f"{ref.name!r} is {why}.")
    return LoraFile(ref, path, f"{ref.path}@{stamp_of(Path(ref.path))}", _made_for(about))


def _file_of(ref: ModelRef) -> Path:
    path = Path(ref.path)
    if not path.exists():
        raise ModelTrouble(f"The LoRA {ref.name!r} is no longer there; refresh the list of models.")
    if path.is_file():
        return path
    files = sorted(path.glob("*.safetensors"))
    if len(files) != 1:
        raise ModelTrouble(
            f"The LoRA folder {ref.name!r} holds {len(files)} .safetensors files; it must hold one."
        )
    return files[0]


def _foreign(names: Collection[str]) -> str:
    """What a file with these tensors is instead of a LoRA that can be read; "" when it is one."""
    for part, kind in _OTHER_KINDS:
        if any(part in name for name in names):
            return f"{kind}, which is not read here; LoRA, LoCon and, for some families, LoKr are"
    if any(_LOKR in name or any(part in name for part in _LORA) for name in names):
        return ""
    for part, kind in _NO_LORAS:
        if any(name.startswith(part) or f".{part}" in name for name in names):
            return f"no LoRA but {kind}"
    return f"no LoRA: none of its {len(names)} tensors is named like a LoRA's"


def _made_for(about: Any) -> str:
    """The model a LoRA says in its header that it was made for; "" when it does not say."""
    if not isinstance(about, dict):
        return ""
    said = about.get("modelspec.architecture") or about.get("ss_base_model_version") or ""
    return str(said)[:60]
