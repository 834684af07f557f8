"""How long a prompt is for the models that read it: CountTokens, TokenizeInDetail."""

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.catalog import Catalog, find_tokenizers
from hub.errors import BadInput, HubError
from hub.jobs import Intake
from hub.wire import api

MOST_BYTES = 100 * 1024
"""Bytes of text that are taken apart."""

CLIP = "clip"
"""The tokens that are always there."""

_COUNTING = "backends.diffusers_local.prompts.counting"


class TextIn(Struct, frozen=True):
    """A text to take apart."""

    text: Annotated[str, Meta(description="The prompt.")]
    skipPromptSyntax: Annotated[
        bool, Meta(description="Whether tags are carried out first, the longest way; off: they are text.")
    ] = False
    tokenset: Annotated[
        str,
        Meta(
            description="Whose words: `clip`, or those of a text encoder whose tokenizer lies with a model "
            "here: `t5`, `gemma`, `qwen`, `llama`, `bert`."
        ),
    ] = CLIP
    weighting: Annotated[
        bool, Meta(description="Whether `(text:1.5)` and `<break>` are read as such; off: they are text.")
    ] = True


class TokenCount(Struct, frozen=True):
    """Tokens without those around a text; of several sections those of the longest."""

    count: int


class TokenOut(Struct, frozen=True):
    """A token: its number, its weight in the prompt, its text."""

    id: int
    weight: float
    text: str


class TokensOut(Struct, frozen=True):
    """The tokens in order."""

    tokens: list[TokenOut]


@api("CountTokens", permission="use_tokenizer")
async def count_tokens(caller: Caller, given: TextIn, intake: Intake, catalog: Catalog) -> TokenCount:
    """Counts the tokens of a prompt as a text encoder reads it."""
    sections = await _sections(caller, given, intake, catalog)
    return TokenCount(max(map(len, sections), default=0))


@api("TokenizeInDetail", permission="use_tokenizer")
async def tokenize_in_detail(caller: Caller, given: TextIn, intake: Intake, catalog: Catalog) -> TokensOut:
    """Takes a prompt apart into the tokens that a text encoder reads."""
    sections = await _sections(caller, given, intake, catalog)
    return TokensOut([TokenOut(one.id, one.weight, one.text) for section in sections for one in section])


async def _sections(caller: Caller, given: TextIn, intake: Intake, catalog: Catalog) -> list[list[Any]]:
    """The tokens of each section. Raises BadInput or HubError."""
    file = await _file(given.tokenset, caller, catalog)
    length = len(given.text.encode(errors="replace"))
    if length > MOST_BYTES:
        raise BadInput(
            f"The text is {length} bytes long, at most {MOST_BYTES} are taken apart.",
            field="text",
            limit=MOST_BYTES,
        )
    text = given.text.encode(errors="replace").decode()
    if given.skipPromptSyntax:
        text = await intake.measure(text, caller)
    return await asyncio.to_thread(_taken_apart, text, given.weighting, file)


async def _file(tokenset: str, caller: Caller, catalog: Catalog) -> Path | None:
    """The tokenizer of a tokenset, None for CLIP's. Raises BadInput."""
    if tokenset == CLIP:
        return None
    entries = [
        entry for subtype in ("Stable-Diffusion", "Clip") for entry in catalog.seen_by(caller, subtype)
    ]
    paths = [entry.path for entry in entries if entry.path is not None]
    found = await asyncio.to_thread(find_tokenizers, paths)
    if tokenset not in found:
        known = [CLIP, *sorted(found)]
        raise BadInput(
            f"There is no tokenset '{tokenset[:100]}'. There are: {', '.join(known)}.",
            field="tokenset",
            limit=known,
        )
    return found[tokenset]


def _taken_apart(text: str, weighting: bool, file: Path | None) -> list[list[Any]]:
    try:
        found: list[list[Any]] = import_module(_COUNTING).tokens_of(text, weighting=weighting, file=file)
    except (ImportError, LookupError, OSError) as error:  # a hub with engines elsewhere only
        raise HubError("This hub has no word list to count with.", reason=str(error)) from error
    return found
