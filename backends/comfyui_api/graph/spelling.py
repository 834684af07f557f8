"""A prompt as ComfyUI spells it: `(word:1.2)` is the same there, embeddings are words, breaks are none."""

import re

from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.server_info import ServerInfo

_EMBED = re.compile(r"<embed(?:ding)?:([^<>]{1,400})>", re.IGNORECASE)
_BREAK = re.compile(r"<(?i:break)>|(?<!\w)BREAK(?!\w)")


def sections(prompt: str) -> tuple[str, ...]:
    """The prompt between its breaks, empty ones left out, at least one."""
    return tuple(part.strip() for part in _BREAK.split(prompt) if part.strip()) or ("",)


def spelled(prompt: str, server: ServerInfo) -> str:
    """The prompt with each `<embed:name>` as the server's tokenizer reads it. Raises Unbuildable for one
    that it has not."""
    return _EMBED.sub(lambda tag: _word(tag[1].strip(), server), prompt)


def _word(name: str, server: ServerInfo) -> str:
    found = server.embedding(name)
    if found is None:
        raise Unbuildable(
            f"Invalid value for parameter Prompt: the ComfyUI server has no embedding '{name}'; take it out, "
            "or refresh the lists of models."
        )
    if any(sign.isspace() for sign in found):
        raise Unbuildable(
            f"Invalid value for parameter Prompt: ComfyUI cannot read the embedding '{name}', whose name has "
            "a blank in it; rename its file there."
        )
    escaped = found.replace("(", r"\(").replace(")", r"\)")
    return f" embedding:{escaped} "  # the tokenizer takes what stands up to the next blank as the name
