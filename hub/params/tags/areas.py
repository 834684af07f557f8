"""Parts of a picture that have prompts of their own: what stands in their tags (swarm-api §8). Pure."""

import re
from collections.abc import Callable, Sequence

from backends.contract import Lora, ModelRef, Region
from hub.params.tags.filling import Filling, cut

KINDS = ("region", "object", "segment", "clear")
"""The tags that such a part begins with."""

DRAWN_ANEW = frozenset(("object", "segment"))
"""Those that are drawn once more, alone: a LoRA can act there and nowhere else."""

BACKGROUND, END = "background", "end"
"""What `<region:…>` may have instead of numbers: what no region covers, and the end of a region's text."""

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]{1,9}\.?[0-9]{0,9}|\.[0-9]{1,9})\s*")
_CREATIVITY, _SURE, _SURE_YOLO = 0.6, 0.5, 0.25
_YOLO = "yolo-"
_WORN = re.compile("\0lora:([^\0]*)\0")


def mark(filling: Filling, kind: str, body: str) -> str:
    """What stands for the tag while the text is filled in; texts have no NUL of their own.

    Raises Lost for one that cannot be understood.
    """
    body = filling.fill(body).strip()
    if "\0" in body:
        raise filling.lost(f"<{kind}:…> may have no tags of stages, regions or triggers in it")
    if kind == "region" and body.lower() in (BACKGROUND, END):
        body = body.lower()
    elif kind in ("region", "object"):
        _check_area(filling, kind, body)
    elif not _named(body)[0]:
        raise filling.lost(f"<{kind}:…> needs a name for what is to be found, like <{kind}:face>")
    filling.section = "" if body == END else kind
    filling.areas += 1
    filling.count(range(filling.areas), "regions")
    return f"\0{kind}:{body}\0"


def worn_mark(name: str, weight: float, text_weight: float) -> str:
    """What stands for a LoRA that acts in a part of the picture, while its text is filled in."""
    return f"\0lora:{name}:{weight:g}:{text_weight:g}\0"


def worn_in(text: str, refer: Callable[[str], ModelRef]) -> tuple[str, tuple[Lora, ...]]:
    """The text of a part without the LoRAs that act in it, and those. `refer` knows the models by name."""
    loras = []
    for told in _WORN.findall(text):
        name, weight, text_weight = told.rsplit(":", 2)
        loras.append(Lora(refer(name), float(weight), float(text_weight)))
    return _WORN.sub("", text).strip(), tuple(loras)


def area(kind: str, body: str, prompt: str, *, negative: bool) -> Region:
    """The part of the picture that a tag, which `mark` has checked, means."""
    if kind in ("segment", "clear"):
        what, numbers = _named(body)
        sure = _SURE_YOLO if what.startswith(_YOLO) else _SURE
        return Region(
            kind,
            prompt,
            strength=_within(numbers[-1], -1, 1) if numbers else sure,
            creativity=_within(numbers[0], 0, 1) if len(numbers) == 2 else _CREATIVITY,
            what=what,
            negative=negative,
        )
    if body == BACKGROUND:
        return Region(BACKGROUND, prompt, negative=negative)
    x, y, width, height, *rest = (float(part) for part in body.split(","))
    x, y = _within(x, 0, 1), _within(y, 0, 1)
    return Region(
        kind,
        prompt,
        x,
        y,
        _within(width, 0, 1 - x),
        _within(height, 0, 1 - y),
        _within(rest[0], -1, 1) if rest else 1.0,
        _within(rest[1], 0, 1) if len(rest) > 1 else 1.0,
        negative=negative,
    )


def _check_area(filling: Filling, kind: str, body: str) -> None:
    parts = body.split(",")
    most = 6 if kind == "object" else 5
    if not 4 <= len(parts) <= most or not all(_NUMBER.fullmatch(part) for part in parts):
        form = "x,y,width,height,strength" + (",creativity" if kind == "object" else "")
        raise filling.lost(
            f"<{kind}:{cut(body)}> needs numbers as parts of the picture: <{kind}:{form}>, like "
            f"<{kind}:0,0,0.5,1>"
        )
    found = area(kind, body, "", negative=False)
    if found.width <= 0 or found.height <= 0:
        raise filling.lost(f"<{kind}:{cut(body)}> covers nothing of the picture")


def _named(body: str) -> tuple[str, Sequence[float]]:
    """What a segment names, and up to two numbers that stand behind it: creativity and threshold, or the
    threshold alone."""
    parts = body.split(",")
    count = 0
    while count < min(2, len(parts) - 1) and _NUMBER.fullmatch(parts[-1 - count]):
        count += 1
    numbers = [float(part) for part in parts[len(parts) - count :]]
    return ",".join(parts[: len(parts) - count]).strip(), numbers


def _within(value: float, least: float, most: float) -> float:
    return max(least, min(most, value))
