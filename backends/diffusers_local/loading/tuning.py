"""What the settings ask of everything loaded: set once, right after loading."""

from dataclasses import dataclass
from typing import Any

import torch

from backends.diffusers_local.loading.attention import set_attention
from backends.diffusers_local.loading.compiling import compile_denoiser
from backends.diffusers_local.loading.offload import Guests, stays_home, stream

_DENOISERS = ("unet", "transformer")


@dataclass(frozen=True, slots=True)
class Tuning:
    """`offload` is "none", "parts" or "sequential"; `attention` one of attention.CHOICES."""

    device: torch.device
    offload: str = "none"
    attention: str = "auto"
    compiled: bool = False
    channels_last: bool = False
    vae_slicing: bool = False
    vae_tiling: bool = False

    def home(self, part: str) -> torch.device:
        """Where a model's component is loaded to."""
        return torch.device("cpu") if stays_home(self.offload, part, self.device) else self.device

    def __call__(self, kind: str, thing: Any) -> None:
        """Set all of it on a thing that was just loaded."""
        if kind == "model":
            self._tune_model(thing)
        elif kind == "vae":
            self._tune_vae(thing.module)
            if self._offloads:
                Guests({"vae": thing.module}, self.device).install()
        elif kind == "controlnet":
            set_attention(thing.network, self.attention)

    @property
    def _offloads(self) -> bool:
        return self.offload != "none" and self.device.type != "cpu"

    def _tune_model(self, model: Any) -> None:
        parts = {name: part for name, part in model.parts.items() if isinstance(part, torch.nn.Module)}
        self._tune_vae(parts.get("vae"))
        for name in _DENOISERS:
            if name in parts:
                self._tune_denoiser(parts[name])
        if not self._offloads:
            return
        if self.offload == "sequential":
            stream(parts, self.device)
            return
        guests = Guests(parts, self.device)
        guests.install()
        model.layers.around_reading = guests.reading

    def _tune_denoiser(self, denoiser: Any) -> None:
        set_attention(denoiser, self.attention)
        if self.channels_last:
            denoiser.to(memory_format=torch.channels_last)
        if self.compiled:
            compile_denoiser(denoiser)

    def _tune_vae(self, vae: Any) -> None:
        if vae is None:
            return
        if self.channels_last:
            vae.to(memory_format=torch.channels_last)
        for wanted, switch in ((self.vae_slicing, "enable_slicing"), (self.vae_tiling, "enable_tiling")):
            if wanted and hasattr(vae, switch):
                getattr(vae, switch)()
