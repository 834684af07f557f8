"""How previews are drawn: by one matrix, by a small decoder, or not at all."""

from collections import OrderedDict
from pathlib import Path
from typing import Any, Protocol

import torch

from backends.contract import Emit, Log, ModelRef
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.pictures.preview import Floats, PreviewMap
from backends.diffusers_local.pictures.tiny_decoder import TinyDecoder, find_decoder, load_decoder

KINDS = ("fast", "decoder", "none")
"""What the engine's setting `previews` can be."""

_KEPT = 4
"""Decoders kept, each of some megabytes."""


class Shower(Protocol):
    """Draws a preview."""

    def jpeg(self, latents: Floats) -> bytes | None:
        """Latents (channels, h, w) -> a small JPEG, or None when this one is left out."""


class Shown(Protocol):
    """What a model has that previews are drawn with."""

    @property
    def ref(self) -> ModelRef:
        """Where it lies."""

    @property
    def vae(self) -> Any:
        """Its autoencoder."""

    @property
    def preview(self) -> PreviewMap:
        """Its own matrix."""

    @property
    def device(self) -> torch.device:
        """Where it is."""

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""


class Previews:
    """Chooses who draws a model's previews. Raises RuntimeError for a setting that is none of KINDS."""

    def __init__(self, kind: str, emit: Emit) -> None:
        if kind not in KINDS:
            raise RuntimeError(f"The setting previews is {kind!r}; it can be {', '.join(KINDS)}.")
        self._kind = kind
        self._emit = emit
        self._known: OrderedDict[tuple[str, int], Shower] = OrderedDict()

    def of(self, model: Shown) -> Shower | None:
        """Who draws this model's previews; None when there are to be none. Cheap after the first time."""
        if self._kind == "none":
            return None
        if self._kind == "fast":
            return model.preview
        key = (model.ref.path, id(model.preview))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._look_up(model)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known

    def forget(self) -> None:
        """Let go of every decoder."""
        self._known.clear()

    def _look_up(self, model: Shown) -> Shower:
        """The decoder near the model, or its matrix where there is none that can be used, which is told."""
        path = find_decoder(Path(model.ref.path), model.vae)
        if path is None:
            return model.preview
        try:
            network = load_decoder(path, len(model.preview.basis), model.device, model.dtype)
        except ModelTrouble as trouble:
            self._emit(Log("warning", f"{trouble} Previews of {model.ref.name!r} are drawn the fast way."))
            return model.preview
        return TinyDecoder(network, model.preview, model.device)
