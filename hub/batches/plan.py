"""From what a client asks to a batch that can be run: whose folders, which files, where the pictures go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.accounts import Caller
from hub.batches.source import MODES
from hub.errors import BadInput, HubError
from hub.media import Media, OutsideOutputs, clean_path
from hub.params import Registry, letters

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
MOST_SIDE = 16384
_CONTROLS = ("controlnet", "controlnettwo", "controlnetthree")
_NOT_OF_FILES = frozenset(("images", "batchsize", "outputintermediateimages"))


class Order(Struct, frozen=True):
    """A batch as it is asked for. `init_image`, `revision` and `controlnet` are what each picture is used
    for; `side` is a length in pixels."""

    base: Any
    source: str
    target: str
    mode: str = "From Parameter"
    init_image: bool = True
    revision: bool = False
    controlnet: bool = False
    append_name: bool = False
    side: int = 1024


class Plan(Struct, frozen=True):
    """A batch that can be run: the `base` parameters, the files in order, the parameters that take each
    picture, the folder below the user's outputs where the results go, and the size in pixels that the model
    draws where nothing says another. `warnings` tell what is left out of its requests."""

    order: Order
    base: Mapping[str, Any]
    files: tuple[Path, ...]
    takers: tuple[str, ...]
    folder: str
    model_size: tuple[int, int] = (512, 512)
    warnings: tuple[str, ...] = ()


def write_plan(plan: Plan) -> bytes:
    """The plan as bytes, for a restart."""
    return msgspec.msgpack.encode(plan, enc_hook=str)


def read_plan(data: bytes) -> Plan:
    """The plan again. Raises ValueError when it is of another version."""
    try:
        return msgspec.msgpack.decode(data, type=Plan, dec_hook=lambda kind, text: kind(text))
    except msgspec.MsgspecError as trouble:
        raise ValueError(str(trouble)) from trouble


def make_plan(
    order: Order, caller: Caller, media: Media, registry: Registry, allowed: tuple[Path, ...], most: int
) -> Plan:
    """The plan of an order; blocking. `allowed` are the folders beyond the user's outputs that may be read.

    Raises BadInput, HubError.
    """
    if not isinstance(order.base, dict):
        raise BadInput(
            "Invalid value for parameter 'baseParams': it must be an object of parameters.",
            field="baseParams",
            limit="an object",
        )
    if order.mode not in MODES:
        raise BadInput("Invalid resolution mode", field="resMode", limit=list(MODES))
    if not 64 <= order.side <= MOST_SIDE:
        raise BadInput(
            f"Side length must be 64 to {MOST_SIDE} pixels.",
            field="side_length",
            limit={"min": 64, "max": MOST_SIDE},
        )
    base = {key: value for key, value in order.base.items() if letters(key) not in _NOT_OF_FILES}
    source = _source(order.source, caller.user, media, allowed)
    folder = _target(order.target, caller.user, media)
    if source == (media.outputs.home(caller.user) / folder).resolve():
        raise BadInput("Input and output folder cannot be the same", field="output_folder")
    files = _files(source, caller.user, media)
    if not files:
        raise BadInput("Input folder does not contain any images", field="input_folder", limit=list(ENDINGS))
    if len(files) > most:
        raise BadInput(
            f"Input folder contains {len(files)} images, at most {most} are accepted.",
            field="input_folder",
            limit=most,
        )
    return Plan(order, {**base, "images": 1}, tuple(files), _takers(order, base, registry), folder)


def _source(text: str, user: str, media: Media, allowed: tuple[Path, ...]) -> Path:
    """The real folder that is read: below the user's outputs, or one that an administrator allowed."""
    path = Path(text.strip())
    real: Path | None = None
    if path.is_absolute():
        real = path.resolve()
        roots = (*allowed, *([media.outputs.home(user)] if media.outputs.append_user else []))
        if not any(real.is_relative_to(root.resolve()) for root in roots):
            real = None
    elif text.strip():
        try:
            real = media.outputs.inside(user, text.strip().rstrip("/\\")).resolve()
        except (OutsideOutputs, ValueError):
            real = None
    if real is None:
        raise BadInput(
            "Input or output folder looks invalid, please fill it in carefully. The input folder lies below "
            "your outputs, like raw/2026-01-31, or is one that the setting folders.batches allows.",
            field="input_folder",
            limit="a folder below your outputs",
        )
    try:
        is_there = real.is_dir()
    except OSError:  # a name that no file system takes
        is_there = False
    if not is_there:
        raise BadInput("Input folder does not exist", field="input_folder")
    return real


def _target(text: str, user: str, media: Media) -> str:
    """The folder below the user's outputs that the results go to."""
    bare = text.strip().replace("\\", "/")
    home = str(media.outputs.home(user))
    bare = bare.removeprefix(home) if media.outputs.append_user else bare
    parts = [part for part in bare.split("/") if part]
    outside = (bare.startswith("/") and bare == text.strip()) or ".." in parts
    folder = clean_path("/".join(parts), depth=100).replace("[", "(").replace("]", ")")
    if not parts or outside or any(part.startswith(".") for part in parts):
        raise BadInput(
            "Input or output folder looks invalid, please fill it in carefully. The output folder lies below "
            "your outputs, like batches/first.",
            field="output_folder",
            limit="a folder below your outputs",
        )
    try:
        media.outputs.inside(user, folder)
    except OutsideOutputs as out:
        raise BadInput("The output folder leads out of your outputs.", field="output_folder") from out
    return folder


def _files(source: Path, user: str, media: Media) -> list[Path]:
    """The pictures of a folder by name. A link that leads out of it is none of them."""
    home = media.outputs.home(user).resolve()
    try:
        found = sorted(file for file in source.iterdir() if file.suffix.lower() in ENDINGS)
    except OSError as trouble:
        raise HubError(
            f"The input folder cannot be read: {trouble.strerror or trouble}.", field="input_folder"
        ) from trouble
    kept = []
    for file in found:
        hidden = file.name.startswith(".") or ".swarmpreview." in file.name
        if hidden or not file.is_file() or file.resolve().parent != source:
            continue
        if source.is_relative_to(home) and not media.gallery.owns(user, file.relative_to(home).as_posix()):
            continue
        kept.append(file)
    return kept


def _takers(order: Order, base: Mapping[str, Any], registry: Registry) -> tuple[str, ...]:
    """The parameters that each picture is given to. Raises BadInput where there is none."""
    if order.revision and not _can_be_taken("promptimages", registry):
        raise BadInput(
            "No engine here takes pictures as a part of the prompt (`revision`); use init_image or "
            "controlnet.",
            field="revision",
            limit=False,
        )
    chosen = {letters(key) for key, value in base.items() if value not in (None, "", "(None)", "None")}
    controls = [f"{head}imageinput" for head in _CONTROLS if f"{head}model" in chosen]
    if order.controlnet and not controls:
        raise BadInput(
            "The images shall go to a ControlNet, and none is chosen: set ControlNet Model among the "
            "parameters.",
            field="controlnet",
        )
    takers = [
        *(["initimage"] if order.init_image else []),
        *(["promptimages"] if order.revision else []),
        *(controls if order.controlnet else []),
    ]
    if not takers:
        raise BadInput(
            "Image batch needs to supply the images to at least one parameter.",
            field="init_image",
            limit=["init_image", "revision", "controlnet"],
        )
    return tuple(takers)


def _can_be_taken(key: str, registry: Registry) -> bool:
    """Whether some kind of engine here knows a parameter."""
    param, features = registry.find(key), registry.features
    return param is not None and (features is None or features.issuperset(param.asked_of_engines))
