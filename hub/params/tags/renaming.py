"""A model's new name in the tags of texts that somebody keeps. Pure."""

import re

_TAGS = {"LoRA": "lora", "Embedding": "embed|embedding"}
_ENDING = ".safetensors"


def renamed_in(text: str, subtype: str, old: str, new: str) -> str:
    """The text with the tags that name a model of this kind naming it as it is called now. Names that a tag
    only hints at are left: they may mean another model."""
    tags = _TAGS.get(subtype)
    if tags is None or "<" not in text:
        return text
    bare = re.escape(old.removesuffix(_ENDING))
    ending = re.escape(_ENDING) if old.endswith(_ENDING) else ""
    named = re.compile(rf"(<\s*(?:{tags})\s*:\s*){bare}({ending})?(?=\s*[:>])", re.IGNORECASE)
    return named.sub(lambda found: f"{found[1]}{new if found[2] else new.removesuffix(_ENDING)}", text)
