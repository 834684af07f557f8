"""Previews by a small decoder (TAESD and its kin), where one lies near the model.

Such a decoder gives a far truer picture than one matrix and costs some hundred times as much, so it is only
used as long as it takes no more than a hundredth of the time. Source of the network and of its files' names:
the TAESD project; diffusers has it as AutoencoderTiny.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file

from backends.diffusers_local.loading.weights import ModelTrouble, check_safetensors
from backends.diffusers_local.pictures.pictures import as_picture
from backends.diffusers_local.pictures.preview import Floats, PreviewMap, as_jpeg

SHARE = 0.01
"""The part of the time that previews may take."""

_RAREST = 2.0
"""Seconds between two previews from which on the matrix's frequent ones tell more."""

_FIRST = 8
"""Latent cells along a side of the corner that it is tried with first."""

_LARGEST = 64
"""Latent cells along the longer side that are decoded; of larger ones every second, third … is."""

_SPACES = {
    (4, 0.18215): "taesd",
    (4, 0.13025): "taesdxl",
    (16, 1.5305): "taesd3",
    (16, 0.3611): "taef1",
}
"""Channels and scale of an autoencoder's latents -> the name that decoders of this latent space go by."""

_FOLDERS = ("vae_approx", "VAE-approx", "preview_decoder")
_UP = 3
"""How many folders above a model are looked into for those."""


class TinyDecoder:
    """Draws previews while that is cheap enough, else by `map_`. Lives on one thread, not the engine's."""

    def __init__(
        self,
        network: Any,
        map_: PreviewMap,
        device: torch.device,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._network = network
        self._map = map_
        self._device = device
        self._dtype = next(network.parameters()).dtype
        self._clock = clock
        self._proved = 0  # latent cells that were decoded in time
        self._too_many = 2**31  # cells that were not
        self._next = 0.0
        # a stream of its own does not wait for the steps that the engine has queued
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def jpeg(self, latents: Floats) -> bytes | None:
        """Latents (channels, h, w) -> a small JPEG; None while the last one is still being paid for."""
        every = -(-max(latents.shape[1:]) // _LARGEST)
        given = latents[:, ::every, ::every]
        begun = self._clock()
        if begun < self._next:
            return None
        if not self._affordable(given):
            return self._map.jpeg(latents)
        begun = self._clock()
        pixels = self.decode(given)
        took = self._clock() - begun
        self._next = begun + took / SHARE
        return as_jpeg(as_picture(pixels))

    def _affordable(self, given: Floats) -> bool:
        """Whether so many cells are decoded soon enough: tried with a corner of them, then larger ones, so
        that it is known for little where it is not.
        """
        side = _FIRST
        while self._proved < given[0].size < self._too_many:
            corner = given[:, :side, :side]
            if self._seconds(corner) > SHARE * _RAREST:
                self._too_many = min(self._too_many, corner[0].size)
            else:
                self._proved = max(self._proved, corner[0].size)
            side *= 2
        return given[0].size < self._too_many

    def _seconds(self, given: Floats) -> float:
        """What decoding takes; the first time also pays for choosing how."""
        self.decode(given)
        begun = self._clock()
        self.decode(given)
        return self._clock() - begun

    def decode(self, latents: Floats) -> Floats:
        """Latents (channels, h, w) -> pixels (3, height, width) in about -1..1."""
        if self._device.type == "cpu" and torch.get_num_threads() > 1:
            torch.set_num_threads(1)  # of this thread: the others are the engine's
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            given = torch.from_numpy(np.ascontiguousarray(latents))[None].to(self._device, self._dtype)
            pixels: Floats = self._network.decode(given, return_dict=False)[0][0].float().cpu().numpy()
        return pixels


def find_decoder(model: Path, vae: Any) -> Path | None:
    """The decoder for this model's previews: its own folder `preview_decoder`, or by the name of its latent
    space a file or folder in a folder `vae_approx` above it; None when there is none.
    """
    own = model / "preview_decoder"
    if own.is_dir():
        return own
    name = _SPACES.get((vae.config.get("latent_channels"), vae.config.get("scaling_factor")))
    if name is None:
        return None
    for above in list(model.parents)[:_UP]:
        for folder in _FOLDERS:
            for found in (above / folder / f"{name}_decoder.safetensors", above / folder / name):
                if found.is_file() or (found / "config.json").is_file():
                    return found
    return None


def load_decoder(path: Path, channels: int, device: torch.device, dtype: torch.dtype) -> Any:
    """The network of a decoder file or folder for latents of so many channels. Raises ModelTrouble."""
    try:
        network = _from_folder(path) if path.is_dir() else _from_file(path)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        error.__traceback__ = None
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelTrouble(f"The preview decoder {path.name!r} cannot be read: {first}") from None
    if network.config.latent_channels != channels:
        raise ModelTrouble(
            f"The preview decoder {path.name!r} is for latents of {network.config.latent_channels} channels, "
            f"and this model's have {channels}."
        )
    del network.encoder
    return network.to(device, dtype).eval().requires_grad_(False)


def _from_folder(folder: Path) -> Any:
    for file in folder.glob("*.safetensors"):
        check_safetensors(file)
    return AutoencoderTiny.from_pretrained(folder, use_safetensors=True, local_files_only=True)


def _from_file(path: Path) -> Any:
    """The original project's file holds the decoder alone, its layers counted from one more."""
    check_safetensors(path)
    tensors = {_renamed(name): tensor for name, tensor in load_file(path).items()}
    first = tensors.get("layers.0.weight")
    if first is None:
        raise ValueError("it has no first layer")
    network: Any = AutoencoderTiny(latent_channels=first.shape[1])
    network.decoder.load_state_dict(tensors)
    return network


def _renamed(name: str) -> str:
    """A tensor's name as diffusers has it inside the decoder."""
    name = name.removeprefix("decoder.")
    if name.startswith("layers."):
        return name
    number, dot, rest = name.partition(".")
    return f"layers.{int(number) - 1}{dot}{rest}"
