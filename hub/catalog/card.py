"""A model as clients see it."""

import base64
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from hub.catalog.beside import preview_of
from hub.catalog.entry import Entry

PLACEHOLDER_PREVIEW = "imgs/model_placeholder.jpg"
"""The address clients are given when a model has no picture; the page draws one of its own."""


def card(entry: Entry, *, loaded: bool, with_picture: bool) -> dict[str, Any]:
    """The model object of ListModels, DescribeModel and ListLoadedModels (swarm-api §8).

    `with_picture` puts the preview itself in, as a data URL, and so reads the disk; otherwise its address.
    """
    return {
        "name": entry.name,
        "title": entry.title,
        "author": entry.author,
        "description": entry.description if entry.description is not None else entry.reason or None,
        "preview_image": _preview(entry, with_picture),
        "loaded": loaded,
        "architecture": entry.class_id or None,
        "class": entry.class_name or None,
        "compat_class": entry.compat or None,
        "resolution": f"{entry.standard_width}x{entry.standard_height}",
        "standard_width": entry.standard_width,
        "standard_height": entry.standard_height,
        "license": entry.license,
        "date": entry.date,
        "prediction_type": entry.prediction_type,
        "usage_hint": entry.usage_hint,
        "trigger_phrase": entry.trigger_phrase,
        "merged_from": entry.merged_from,
        "tags": None if entry.tags is None else list(entry.tags),
        "is_supported_model_format": entry.supported,
        "is_negative_embedding": entry.is_negative_embedding,
        "lora_default_weight": entry.lora_default_weight,
        "lora_default_confinement": entry.lora_default_confinement,
        "local": entry.path is not None,
        "time_created": entry.created,
        "time_modified": entry.modified,
        "hash": entry.hash,
        "hash_sha256": entry.hash,
        "special_format": entry.special_format,
        # Ours, beyond the documented keys: what our page proposes when a request leaves it out, and which
        # engines elsewhere have the model.
        "native_sizes": entry.native_sizes,
        "defaults": msgspec.structs.asdict(entry.defaults),
        "engines": list(entry.engines),
    }


def cards(entries: Iterable[Entry], loaded: Collection[str], *, with_picture: bool) -> list[dict[str, Any]]:
    """The model objects of several models; `loaded` are the names of those in an engine's memory."""
    return [card(entry, loaded=entry.name in loaded, with_picture=with_picture) for entry in entries]


def none_card() -> dict[str, Any]:
    """The model object of `(None)`: what clients ask for when no model is chosen."""
    nothing = Entry(
        name="(None)", subtype="Stable-Diffusion", path=Path(), title="(None)", description="No model chosen."
    )
    return card(nothing, loaded=False, with_picture=False)


def _preview(entry: Entry, with_picture: bool) -> str:
    if entry.preview is None and not entry.preview_in_header:
        return PLACEHOLDER_PREVIEW
    if not with_picture:
        return f"/ViewSpecial/{entry.subtype}/{quote(entry.name)}?editid={entry.modified}"
    found = preview_of(entry)
    if found is None:
        return PLACEHOLDER_PREVIEW
    data, media = found
    return f"data:{media};base64,{base64.b64encode(data).decode()}"
