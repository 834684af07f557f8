"""`<param[id]:value>` sets a parameter, `<param:id>` reads one."""

from hub.params.keys import letters
from hub.params.tags.filling import NAMES, Filling, Setting, cut
from hub.params.tags.tag import Tag

_NOT_HERE = frozenset({*NAMES, "wildcardseed", "wildcardseedbehavior"})
_OF_REFINER = {key: f"refiner{key}" for key in ("steps", "cfgscale", "sampler", "scheduler", "model", "vae")}


def _fill(filling: Filling, options: str | None, body: str) -> str:
    text = filling.fill(body)
    key = (text if options is None else options).strip()
    word = letters(key)
    known = filling.around.read(key)
    if known is None:
        raise filling.lost(f"there is no such parameter as '{cut(key)}'")
    if options is None:
        now = [setting.values[word] for setting in filling.settings if word in setting.values]
        return now[-1] if now else known
    if word in _NOT_HERE:
        raise filling.lost(f"<param[{cut(key)}]:…> cannot be set from a prompt; give it beside the prompt")
    if filling.section == "refiner":
        if word not in _OF_REFINER:
            raise filling.lost(
                f"<param[{cut(key)}]:…> cannot be set for the second pass alone; put it before <refiner>"
            )
        word = _OF_REFINER[word]
    filling.settings.append(Setting({word: text}))
    return ""


TAG = Tag(
    names=("param",),
    forms=("<param[id]:value>", "<param:id>"),
    description="Sets a parameter, as if it were given beside the prompt, or stands for its value. Behind "
    "`<refiner>` it sets that of the second pass.",
    fill=_fill,
)
