"""ControlNets in the step loop: what each row follows, from when to when, and how strongly.

Rows with the same ControlNets share their forwards; pictures, strengths and times are each row's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image as Picture

from backends.contract import Control, Work
from backends.diffusers_local.features.canny import canny
from backends.diffusers_local.features.canvas import Canvas
from backends.diffusers_local.loading.controlnets import ControlPart
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.sizes import SizePlan

if TYPE_CHECKING:
    from backends.diffusers_local.loading.model import Model

_NUMBERS = ("", "two", "three")  # how the parameters of the first, second and third are told apart
_KINDS = (
    "openpose",
    "depth",
    "hed/pidi/scribble/ted",
    "canny/lineart/anime_lineart/mlsd",
    "normal",
    "segment",
    "tile",
    "repaint",
)
"""The kinds of picture of the published union ControlNet, in its order."""

_PREPROCESSORS = {"": None, "none": None, "canny": canny, "cannyedgepreprocessor": canny}


@dataclass(frozen=True, slots=True, eq=False)
class Controlled:
    """One ControlNet of a row. It acts with `strength` from the part `start` to the part `end` of the
    steps; one for many kinds of picture is told the `kind` (0 where there is but one).
    """

    part: ControlPart
    strength: float
    start: float
    end: float
    kind: int = 0

    def scale(self, index: int, count: int) -> float:
        """Its strength at step `index` of `count`, by the stock pipelines' arithmetic."""
        idle = index / count < self.start or (index + 1) / count > self.end
        return 0.0 if idle else self.strength


def control(
    work: Work, parts: Sequence[ControlPart], model: "Model", plan: SizePlan, canvas: Canvas | None
) -> tuple[tuple[Controlled, ...], dict[str, torch.Tensor]]:
    """The work's ControlNets, and their pictures "control0" and so on, each (1, 3, height, width) in 0..1.

    Raises ValueError with a sentence for what does not fit.
    """
    chosen, seen = [], {}
    for number, (asked, part) in enumerate(zip(work.controls, parts, strict=True)):
        if why := _misfit(part, model):
            raise ValueError(why)
        kind = _kind(work, part, number)
        chosen.append(Controlled(part, asked.strength, asked.start, asked.end, kind))
        drawn = _picture(work, asked, number, plan, canvas)
        levels = np.asarray(drawn).astype(np.float32)[None] / 255.0
        pixels = torch.from_numpy(levels.transpose(0, 3, 1, 2)).repeat_interleave(1, dim=0)
        seen[f"control{number}"] = pixels.to(model.device, model.dtype)
    return tuple(chosen), seen


def _misfit(part: ControlPart, model: "Model") -> str:
    """Why this ControlNet does not go with the model; "" when it does."""
    unet = model.parts.get("unet")
    if unet is None:
        return (
            f"The model {model.ref.name!r} is of {model.family.name}, which this engine draws without "
            "ControlNets; leave them out or choose a model of Stable Diffusion 1, 2 or XL."
        )
    told = ("cross_attention_dim", "addition_embed_type", "block_out_channels")
    own, others = ([_plain(net.config.get(name)) for name in told] for net in (part.network, unet))
    if own == others:
        shrinks = 2 ** (len(part.network.config.conditioning_embedding_out_channels) - 1)
        if shrinks == model.scale:
            return ""
        return (
            f"The ControlNet {part.ref.name!r} makes one cell of {shrinks} pixels of its picture, and the "
            f"model {model.ref.name!r} of {model.scale}. Choose one that was made for this model."
        )
    return (
        f"The ControlNet {part.ref.name!r} is made for another family than the model {model.ref.name!r} "
        f"({model.family.name}): it follows prompts of width {own[0]}, the model {others[0]}. Choose one "
        "that was made for it."
    )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


def _picture(work: Work, asked: Control, number: int, plan: SizePlan, canvas: Canvas | None) -> Picture.Image:
    """What a ControlNet follows, of the drawn size."""
    data = asked.image or work.init_image
    if data is None:
        raise ValueError(
            f"The ControlNet {asked.model.name!r} needs a picture to follow: give it one, or an initial "
            "picture."
        )
    picture = pictures.open_picture(data)
    drawn = pictures.place_start(picture, plan) if canvas is None else canvas.place(picture)
    prepare = _preprocessor(work, number)
    return drawn if prepare is None else prepare(drawn)


def _kind(work: Work, part: ControlPart, number: int) -> int:
    """The number of the kind of picture that a ControlNet for many is told; Canny's edges tell it
    themselves.
    """
    if not part.kinds:
        return 0
    name = f"controlnet{_NUMBERS[min(number, 2)]}uniontype"
    said = str(work.extra.get(name, "auto")).lower()
    if said == "auto" and _preprocessor(work, number) is canny:
        said = "canny"
    kinds = _KINDS[: part.kinds]
    found = next((n for n, kind in enumerate(kinds) if said == kind or said in kind.split("/")), None)
    if found is None:
        raise ValueError(
            f"{name} is {said!r}: tell the ControlNet {part.ref.name!r} what its picture is: "
            f"{', '.join(kinds)}."
        )
    return found


def _preprocessor(work: Work, number: int) -> Any:
    name = f"controlnet{_NUMBERS[min(number, 2)]}preprocessor"
    said = str(work.extra.get(name, "None"))
    if said.lower() not in _PREPROCESSORS:
        raise ValueError(
            f"{name} is {said!r}; this engine has: None, Canny. Give the picture as the ControlNet wants it."
        )
    return _PREPROCESSORS[said.lower()]
