"""What is noted of a model: EditModelMetadata."""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.catalog import Catalog, Facts, ModelFiles, Picture
from hub.errors import BadInput
from hub.routes.models.thumbnail import small_jpeg
from hub.settings import Limits
from hub.wire import api

CLEAR = "clear"
MOST_TEXT = 200_000
"""Characters of one field."""
MOST_SIDE = 65536
PLACEHOLDERS = ("/ViewSpecial/", "imgs/")
"""How an address begins that a page sends back for a picture it did not change."""


class EditModelIn(Struct, frozen=True):
    """The model, and everything that is to be noted of it; an empty text takes a note back."""

    model: Annotated[str, Meta(description="Exact name; .safetensors may be left out.")]
    title: Annotated[str, Meta(description="What it is called.")]
    author: Annotated[str, Meta(description="Who made it.")]
    type: Annotated[str, Meta(description="Id of its architecture, like stable-diffusion-xl-v1-base.")]
    description: Annotated[str, Meta(description="What it is for.")]
    standard_width: Annotated[int, Meta(description="Pixels; 0: not known.")]
    standard_height: Annotated[int, Meta(description="Pixels; 0: not known.")]
    usage_hint: Annotated[str, Meta(description="How it is best used.")]
    date: Annotated[str, Meta(description="When it was made.")]
    license: Annotated[str, Meta(description="Under which terms it may be used.")]
    trigger_phrase: Annotated[str, Meta(description="Words that call for what it was trained on.")]
    prediction_type: Annotated[str, Meta(description="What its network predicts, like epsilon or v.")]
    tags: Annotated[str, Meta(description="Words to find it by, with commas between.")]
    preview_image: Annotated[
        str | None, Meta(description="A picture as data URL, `clear` for none; left out keeps what there is.")
    ] = None
    preview_image_metadata: Annotated[
        str | None, Meta(description="What made the picture; kept within it.")
    ] = None
    is_negative_embedding: Annotated[bool, Meta(description="Whether it belongs in negative prompts.")] = (
        False
    )
    lora_default_weight: Annotated[str, Meta(description="Weight of a LoRA where none is given.")] = ""
    lora_default_confinement: Annotated[str, Meta(description="Part of a picture a LoRA is held to.")] = ""
    subtype: Annotated[str, Meta(description="Kind of models, like Stable-Diffusion or LoRA.")] = (
        "Stable-Diffusion"
    )


class EditModelDone(Struct, frozen=True):
    """Done."""

    success: bool = True


@api("EditModelMetadata", permission="edit_model_metadata", active=True)
async def edit_model_metadata(
    caller: Caller, given: EditModelIn, catalog: Catalog, model_files: ModelFiles, limits: Limits
) -> EditModelDone:
    """Writes what is known of a model, beside its file or into it as the server is set."""
    entry = catalog.exact(given.subtype, given.model, caller)
    facts = _facts(given)
    picture = await _picture(given, limits)
    await model_files.edit(entry, facts, picture)
    return EditModelDone()


def _facts(given: EditModelIn) -> Facts:
    for name, value in msgspec.structs.asdict(given).items():
        if name not in ("preview_image", "preview_image_metadata") and isinstance(value, str):
            if len(value) > MOST_TEXT:
                raise BadInput(
                    f"'{name}' is longer than {MOST_TEXT} characters.", field=name, limit=MOST_TEXT
                )
            if "\0" in value:
                raise BadInput(f"'{name}' has a NUL character in it.", field=name)
    for name in ("standard_width", "standard_height"):
        if not 0 <= getattr(given, name) <= MOST_SIDE:
            raise BadInput(f"'{name}' must be 0 to {MOST_SIDE}.", field=name, limit=MOST_SIDE)
    weight = given.lora_default_weight.strip()
    try:
        if weight and not abs(float(weight)) <= 1000:
            raise ValueError
    except ValueError:
        raise BadInput(
            "'lora_default_weight' must be a number.", field="lora_default_weight", limit=1000
        ) from None
    return Facts(
        title=given.title.strip(),
        author=given.author.strip(),
        architecture=given.type.strip(),
        description=given.description.strip(),
        standard_width=given.standard_width,
        standard_height=given.standard_height,
        usage_hint=given.usage_hint.strip(),
        date=given.date.strip(),
        license=given.license.strip(),
        trigger_phrase=given.trigger_phrase.strip(),
        prediction_type=given.prediction_type.strip(),
        tags=tuple(tag.strip() for tag in given.tags.split(",") if tag.strip()),
        is_negative_embedding=given.is_negative_embedding,
        lora_default_weight=weight,
        lora_default_confinement=given.lora_default_confinement.strip(),
    )


async def _picture(given: EditModelIn, limits: Limits) -> Picture | None:
    text = (given.preview_image or "").strip()
    if not text or text.startswith(PLACEHOLDERS):
        return None
    if text == CLEAR:
        return Picture(None)
    comment = given.preview_image_metadata or ""
    megapixels = limits.image_megapixels
    return Picture(await asyncio.to_thread(small_jpeg, text, megapixels, comment, field="preview_image"))
