"""`<preset:title>`: applies one of the caller's presets; its prompt stands in place of the tag."""

from hub.params.keys import letters
from hub.params.tags.filling import Filling, Setting, cut
from hub.params.tags.tag import Tag

_VALUE = "{value}"


def _fill(filling: Filling, options: str | None, body: str) -> str:
    title = filling.fill(body).strip()
    found = filling.around.presets.get(title.lower())
    if found is None:
        raise filling.lost(f"you have no such preset as '{cut(title)}'")
    values = {letters(key): value for key, value in found.items()}
    prompt, negative = values.pop("prompt", ""), values.pop("negativeprompt", "")
    if filling.field == "negativeprompt" and prompt.replace(_VALUE, "").strip():
        raise filling.lost(f"the preset '{cut(title)}' has a prompt; put <preset:…> into Prompt instead")
    filling.settings.append(Setting(values, title))
    if filling.field == "negativeprompt":
        return filling.fill(negative.replace(_VALUE, ""))
    if negative:
        before = filling.texts.get("negativeprompt", "")
        filling.texts["negativeprompt"] = negative.replace(_VALUE, before)
    return filling.fill(prompt.replace(_VALUE, ""))


TAG = Tag(
    names=("preset", "p"),
    forms=("<preset:title>", "<p:title>"),
    description="Applies one of your presets, as if it were named in `presets`. Its prompt stands here, "
    "without its `{value}`.",
    fill=_fill,
)
