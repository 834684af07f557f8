"""One found model to its entry: its header or pipeline, the notes beside it, what its class implies."""

import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.catalog.beside import UNREADABLE, HubNotes, header_preview, hub_notes, spec_notes
from hub.catalog.classes import CLASSES, ModelClass, by_addon, by_component, by_name, by_pipeline
from hub.catalog.classes.wishes import WISHES, distilled_wishes
from hub.catalog.entry import Defaults, Entry
from hub.catalog.header import BadHeader, Header, read_header, tensor_hash

MAX_CONFIG_BYTES = 1024 * 1024
"""A pipeline's JSON file longer than this is not read."""

HASH_NOW_BYTES = 64 * 1024 * 1024
"""Main models up to this size are hashed while scanning; others carry the hash their metadata names.

Add-ons never are: reading every LoRA of a large library would take an hour.
"""

_HASHED = "Stable-Diffusion"

WEIGHTS = (
    "unet/diffusion_pytorch_model.safetensors",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
)
"""Where a pipeline folder keeps its main network, the likeliest first."""

COMPONENT_CONFIG = "config.json"
"""What describes the network in a folder of one."""

COMPONENT_WEIGHTS = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "model.safetensors",
)
"""Where a folder of one network keeps it."""

_MAX_TEXT = 256 * 1024
_SIZE = re.compile(r"\s*(\d{1,5})\s*x\s*(\d{1,5})\s*", re.IGNORECASE)
_ARCHITECTURE_KEYS = ("modelspec.architecture", "architecture", "general.architecture", "model_type")

_log = logging.getLogger("hub.catalog")


class Found(Struct, frozen=True):
    """One model on disk, not read yet: its name, its path, and the files beside it by their role."""

    name: str
    path: Path
    notes: Path | None
    spec: Path | None
    preview: Path | None
    stamp: tuple[int, ...]


def read_file(subtype: str, found: Found) -> Entry:
    """The entry of a single safetensors file; a damaged one is listed as unsupported with the reason."""
    try:
        header = read_header(found.path)
    except (OSError, BadHeader) as trouble:
        _log.warning("model %s is listed but cannot be used: %s", found.name, trouble)
        return _entry(
            subtype, found, {}, None, supported=False, reason=f"This file cannot be used: {trouble}."
        )
    beside = _spec(found)
    notes = dict(header.metadata) | beside
    in_header = beside.get("modelspec.thumbnail") != "" and bool(header_preview(header.metadata))
    guess = partial(_from_header, subtype, header)
    digest = partial(_hash, found.path) if subtype == _HASHED else None
    return _entry(subtype, found, notes, guess, digest=digest, in_header=in_header)


def read_folder(subtype: str, found: Found) -> Entry:
    """The entry of a diffusers folder."""
    index = _config(found.path / "model_index.json")
    guess = partial(by_pipeline, index, lambda part: _config(found.path / part / "config.json"))
    weights = next((found.path / name for name in WEIGHTS if (found.path / name).is_file()), None)
    digest = None if weights is None else partial(_hash, weights)
    usual = distilled_wishes(index, lambda part, file: _config(found.path / part / file))
    return _entry(subtype, found, _spec(found), guess, digest=digest, special_format="diffusers", usual=usual)


def read_component(subtype: str, found: Found) -> Entry:
    """The entry of a diffusers folder that holds one network, as ControlNets and autoencoders are shared."""
    guess = partial(by_component, _config(found.path / COMPONENT_CONFIG))
    return _entry(subtype, found, _spec(found), guess, special_format="diffusers")


def read_builtin(subtype: str, found: Found) -> Entry:
    """The entry of a model that comes with an engine."""
    return msgspec.structs.replace(read_folder(subtype, found), builtin=True)


def read_listed(subtype: str, found: Found, *, pickle: bool) -> Entry:
    """The entry of a file in a format that is shown but never opened."""
    ending = found.path.suffix
    reason = (
        f"{ending} files can run code when they are loaded, so they never are; an administrator can have it "
        "converted to .safetensors (Pickle2SafeTensor)."
        if pickle
        else f"No engine here can load {ending} files; use the .safetensors version of this model."
    )
    return _entry(subtype, found, _spec(found), None, supported=False, reason=reason)


def _entry(
    subtype: str,
    found: Found,
    notes: Mapping[str, str],
    guess: Callable[[], ModelClass | None] | None,
    *,
    digest: Callable[[], str] | None = None,
    supported: bool = True,
    reason: str = "",
    special_format: str = "",
    in_header: bool = False,
    usual: Defaults | None = None,
) -> Entry:
    ours = _hub(found)

    def text(key: str) -> str | None:
        whole = f"modelspec.{key}"  # an empty one takes back what the file itself says
        value = notes[whole] if whole in notes else notes.get(key)
        return value[:_MAX_TEXT] if value else None

    known = _class(ours, notes, guess)
    width, height = _standard_size(ours, notes, known)
    tags = text("tags")
    created, modified = _times(found.path)
    fallback = found.name.rpartition("/")[2]
    return Entry(
        name=found.name,
        subtype=subtype,
        path=found.path,
        title=ours.title
        or text("title")
        or (fallback.rpartition(".")[0] if found.path.is_file() else fallback),
        author=ours.author or text("author"),
        description=ours.description or text("description"),
        class_id=known.id if known is not None else ours.class_id or "",
        class_name=known.name if known is not None else "",
        compat=known.compat_class if known is not None else "",
        standard_width=width,
        standard_height=height,
        native_sizes=ours.native_sizes,
        defaults=_wishes(ours.defaults, known, usual),
        license=ours.license or text("license"),
        date=ours.date or text("date"),
        prediction_type=text("prediction_type"),
        usage_hint=ours.usage_hint or text("usage_hint"),
        trigger_phrase=text("trigger_phrase"),
        merged_from=text("merged_from"),
        tags=ours.tags or (tuple(t.strip() for t in tags.split(",") if t.strip()) if tags else None),
        is_negative_embedding=(text("is_negative_embedding") or "").lower() == "true",
        lora_default_weight=text("lora_default_weight") or "",
        lora_default_confinement=text("lora_default_confinement") or "",
        created=created,
        modified=modified,
        hash=text("hash_sha256") or ("" if digest is None else digest()),
        special_format=text("special_format") or special_format,
        supported=supported,
        reason=reason,
        preview=found.preview,
        preview_in_header=in_header,
        stamp=found.stamp,
    )


def _class(
    ours: HubNotes, notes: Mapping[str, str], guess: Callable[[], ModelClass | None] | None
) -> ModelClass | None:
    """What we are told beats what the file says, and that beats what its tensors look like."""
    if ours.class_id:
        return CLASSES.get(ours.class_id) or by_name(ours.class_id)
    for key in _ARCHITECTURE_KEYS:
        named = by_name(notes.get(key, "")) if notes.get(key) else None
        if named is not None:
            return named
    return None if guess is None else guess()


def _wishes(own: Defaults, known: ModelClass | None, usual: Defaults | None) -> Defaults:
    """The model's own wishes, else the `usual` ones of models like it, else those of its class."""
    usual = usual or (WISHES.get(known.id) if known is not None else None)
    if usual is None:
        return own
    values = zip(
        Defaults.__struct_fields__, msgspec.structs.astuple(own), msgspec.structs.astuple(usual), strict=True
    )
    return Defaults(**{name: one if one is not None else other for name, one, other in values})


def _standard_size(ours: HubNotes, notes: Mapping[str, str], known: ModelClass | None) -> tuple[int, int]:
    if ours.native_sizes:
        return ours.native_sizes[0]
    match = _SIZE.fullmatch(notes.get("modelspec.resolution", notes.get("resolution", "")))
    if match is not None and int(match[1]) > 0 and int(match[2]) > 0:
        return int(match[1]), int(match[2])
    return (0, 0) if known is None else (known.standard_width, known.standard_height)


def _from_header(subtype: str, header: Header) -> ModelClass | None:
    return by_addon(subtype, header.tensors.keys(), header.shape)


def _hash(path: Path) -> str:
    try:
        return tensor_hash(path) if path.stat().st_size <= HASH_NOW_BYTES else ""
    except (OSError, BadHeader) as trouble:
        _log.warning("%s cannot be hashed: %s", path.name, trouble)
        return ""


def _hub(found: Found) -> HubNotes:
    if found.notes is None:
        return HubNotes()
    try:
        return hub_notes(found.notes)
    except UNREADABLE as trouble:
        _log.warning("notes of model %s are left out, %s: %s", found.name, found.notes.name, trouble)
        return HubNotes()


def _spec(found: Found) -> dict[str, str]:
    if found.spec is None:
        return {}
    try:
        return spec_notes(found.spec)
    except UNREADABLE as trouble:
        _log.warning("notes of model %s are left out, %s: %s", found.name, found.spec.name, trouble)
        return {}


def _config(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
        return msgspec.json.decode(data, type=dict[str, Any]) if len(data) <= MAX_CONFIG_BYTES else {}
    except UNREADABLE:
        return {}


def _times(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return int(status.st_ctime * 1000), int(status.st_mtime * 1000)
