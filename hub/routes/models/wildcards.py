"""Wildcards and what prompts with them come to: EditWildcard, DeleteWildcard, TestPromptFill."""

import asyncio
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from hub.accounts import Caller
from hub.catalog import Wildcards
from hub.jobs import Intake
from hub.routes.models.thumbnail import small_jpeg
from hub.settings import Limits
from hub.wire import api

CLEAR = "clear"


class WildcardIn(Struct, frozen=True):
    """Which wildcard."""

    card: Annotated[str, Meta(description="Its name, with `/` between folders.")]


class EditWildcardIn(Struct, frozen=True):
    """A wildcard to write."""

    card: Annotated[str, Meta(description="Its name, with `/` between folders; a new one is made.")]
    options: Annotated[str, Meta(description="One option a line; what follows a `#` is a comment.")]
    preview_image: Annotated[
        str | None, Meta(description="A picture as data URL, `clear` for none; left out keeps what there is.")
    ] = None
    preview_image_metadata: Annotated[str | None, Meta(description="What made the picture; kept in it.")] = (
        None
    )


class WildcardDone(Struct, frozen=True):
    """Done."""

    success: bool = True


@api("EditWildcard", permission="edit_wildcards", active=True)
async def edit_wildcard(
    caller: Caller, given: EditWildcardIn, wildcards: Wildcards, limits: Limits
) -> WildcardDone:
    """Writes a wildcard, new or over the old one of that name."""
    text = given.preview_image or ""
    picture = None
    if text and text != CLEAR:
        made_by = given.preview_image_metadata or ""
        picture = await asyncio.to_thread(
            small_jpeg, text, limits.image_megapixels, made_by, field="preview_image"
        )
    await wildcards.edit(given.card, given.options, picture, keep_picture=text != CLEAR)
    return WildcardDone()


@api("DeleteWildcard", permission="edit_wildcards", active=True)
async def delete_wildcard(caller: Caller, given: WildcardIn, wildcards: Wildcards) -> WildcardDone:
    """Takes a wildcard and its preview picture away."""
    await wildcards.delete(given.card)
    return WildcardDone()


class PromptIn(Struct, frozen=True):
    """A prompt with tags."""

    prompt: Annotated[str, Meta(description="The text, as a request would have it.")]


class FilledOut(Struct, frozen=True):
    """What the prompt came to this time; `warnings` tell of tags that were left out, where some were."""

    result: str
    warnings: list[str] | UnsetType = UNSET


@api("TestPromptFill", permission="fundamental_model_access")
async def test_prompt_fill(caller: Caller, given: PromptIn, intake: Intake) -> FilledOut:
    """Carries out a prompt's tags by chance, to see what it could come to."""
    result, warnings = await intake.fill(given.prompt, caller)
    return FilledOut(result, warnings or UNSET)
