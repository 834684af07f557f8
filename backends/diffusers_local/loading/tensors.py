"""Networks made from the tensors of a safetensors file, each tensor read once and straight into its place."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from safetensors import safe_open

from backends.diffusers_local.loading.original_names import Origin
from backends.diffusers_local.loading.weights import ModelTrouble

_FLOATS = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
_SCALES = ("scale_weight", "weight_scale")
"""What eight-bit files call the number that a weight is multiplied with."""

Origins = Callable[[str], Origin | None]
"""Where a network's tensor is in the file, by its name in the network; None: left empty."""


class Tensors:
    """The tensors of one file whose names begin with `prefix`, named without it. `header` is the file's."""

    def __init__(self, path: Path, header: Mapping[str, Any], prefix: str = "") -> None:
        self.path = path
        self.prefix = prefix
        self._entries = {
            name[len(prefix) :]: entry
            for name, entry in header.items()
            if name.startswith(prefix) and name != "__metadata__"
        }

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, without the prefix."""
        return tuple(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape; () when it is not there."""
        return tuple(self._entries[name]["shape"]) if name in self._entries else ()

    def fill(self, make: Callable[[], Any], origins: Origins, dtype: torch.dtype) -> Any:
        """The network that `make` makes, its tensors from here and of `dtype`; what is not here stays empty.

        Raises ModelTrouble for tensors of another shape, and for weights packed in a way not read here.
        """
        with init_empty_weights():
            network = make()
        state = {}
        with safe_open(self.path, "pt") as file:
            for name, wanted in network.state_dict().items():
                origin = origins(name)
                if origin is not None and origin.name in self._entries:
                    state[name] = self._cut(file, origin, wanted.shape, dtype)
        network.load_state_dict(state, strict=False, assign=True)
        return network

    def _cut(self, file: Any, origin: Origin, shape: torch.Size, dtype: torch.dtype) -> torch.Tensor:
        """The rows of a tensor that are wanted, as many as `shape` says."""
        whole, count = self._entries[origin.name]["shape"], shape[0]
        fits = whole[0] >= count * (int(origin.rows) + 1 if origin.rows.isdigit() else 1)
        if (
            list(shape[1:]) != whole[1:]
            or not fits
            or (origin.rows in ("all", "swapped") and whole[0] != count)
        ):
            raise ModelTrouble(
                f"{origin.name} in {self.path.name!r} has the shape {whole} where {list(shape)} is wanted: "
                "it is another kind of model than its other tensors say."
            )
        rows = file.get_slice(self.prefix + origin.name)
        if origin.rows == "swapped":
            half = count // 2
            cut = torch.cat([rows[half:], rows[:half]])
        elif origin.rows == "last":
            cut = rows[whole[0] - count :]
        else:
            start = count * int(origin.rows) if origin.rows.isdigit() else 0
            cut = rows[start : start + count]
        return self._plain(file, origin.name, cut, dtype)

    def _plain(self, file: Any, name: str, cut: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        kind = self._entries[name]["dtype"]
        if kind not in _FLOATS:
            raise ModelTrouble(
                f"{self.path.name!r} is packed ({name} is {kind}), which this engine does not read: get it "
                "in bf16, fp16 or fp8."
            )
        stem = name.removesuffix("weight")
        scale = next((stem + own for own in _SCALES if name != stem and stem + own in self._entries), None)
        if scale is None:
            return cut.to(dtype)
        return (cut.float() * file.get_tensor(self.prefix + scale).float()).to(dtype)
