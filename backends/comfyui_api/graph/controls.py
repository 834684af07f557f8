"""ControlNets: the drawing follows other pictures, each from a part of the steps to another."""

from backends.comfyui_api.graph.draft import Draft, Kit, Texts
from backends.comfyui_api.graph.models import file
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sheet import Link, lacking
from backends.comfyui_api.graph.start import cropped, load_picture, scaled
from backends.contract import Control

NEEDS = {"controlnet": (("ControlNetLoader", "ControlNetApplyAdvanced"),)}

_ORDINALS = ("", "Two", "Three")
_EDGES = "canny/lineart/anime_lineart/mlsd"
_LOW, _HIGH = 0.4, 0.8
"""Where edges begin and are sure, the node's own defaults."""


def controlled(draft: Draft, kit: Kit, texts: Texts) -> Texts:
    """The prompts with every ControlNet of the work upon them. Raises Unbuildable."""
    for place, control in enumerate(draft.work.controls):
        texts = _applied(draft, kit, texts, control, place)
    return texts


def _applied(draft: Draft, kit: Kit, texts: Texts, control: Control, place: int) -> Texts:
    name = f"ControlNet {_ORDINALS[place] if place < len(_ORDINALS) else place + 1}".strip()
    said = f"controlnet{_ORDINALS[place].lower() if place < len(_ORDINALS) else place + 1}"
    prepared = str(draft.work.extra.get(f"{said}preprocessor", "None"))
    union = str(draft.work.extra.get(f"{said}uniontype", "auto"))
    net = draft.sheet.one(
        f"{name} Model",
        "ControlNetLoader",
        "CONTROL_NET",
        control_net_name=file(draft, f"{name} Model", "ControlNetLoader", "control_net_name", control.model),
    )
    if union == "auto" and prepared == "Canny" and draft.server.has("SetUnionControlNetType"):
        union = _EDGES if "union" in control.model.name.lower() else union
    if union != "auto":
        net = draft.sheet.one(
            f"{name} Union Type", "SetUnionControlNetType", "CONTROL_NET", control_net=net, type=union
        )
    placed = draft.sheet.add(
        f"{name} Model",
        "ControlNetApplyAdvanced",
        positive=texts.positive,
        negative=texts.negative,
        control_net=net,
        image=_picture(draft, name, control, prepared),
        strength=control.strength,
        start_percent=control.start,
        end_percent=control.end,
        vae=kit.vae,
    )
    return Texts(placed.out("CONDITIONING", 0), placed.out("CONDITIONING", 1))


def _picture(draft: Draft, name: str, control: Control, prepared: str) -> Link:
    """The picture to follow, at the size that is drawn."""
    param = f"{name} Image Input"
    if control.image is not None:
        picture = scaled(draft, param, load_picture(draft, param, "control", control.image), draft.size)
    elif draft.original is not None:
        picture = draft.original
    else:
        raise Unbuildable(f"Invalid value for parameter {param}: there is no picture to follow; give one.")
    if draft.cut and draft.box is not None:
        picture = scaled(draft, param, cropped(draft, param, picture, draft.box), draft.size)
    if prepared == "None":
        return picture
    if prepared != "Canny" or not draft.server.has("Canny"):
        raise lacking(f"{name} Preprocessor", prepared)
    return draft.sheet.one(
        f"{name} Preprocessor", "Canny", "IMAGE", image=picture, low_threshold=_LOW, high_threshold=_HIGH
    )
