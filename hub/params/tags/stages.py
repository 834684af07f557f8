"""The stages of drawing and the parts of the picture that parts of a prompt may be for. Pure."""

import re
from collections.abc import Callable

import msgspec
from msgspec import Struct

from backends.contract import ModelRef, Region
from hub.params.tags.areas import BACKGROUND, END, KINDS, area, worn_in

MARKS = {"base": "\0base\0", "refiner": "\0refiner\0"}
"""What stands for the tag of a stage while a text is filled in; texts have no NUL of their own."""

_MARK = re.compile(f"\0(base|refiner|(?:{'|'.join(KINDS)}):[^\0]*)\0")
_TOLD = re.compile(f"\0(base|refiner|(?:{'|'.join((*KINDS, 'lora'))}):[^\0]*)\0")
_SHARED = f"region:{END}"


def _nobody(name: str) -> ModelRef:
    return ModelRef(name, "")


class Stages(Struct, frozen=True):
    """A filled text by stage: `base` is for the first pass, `refiner` for the second (None: the same), each
    of `regions` for a part of the picture in both."""

    base: str
    refiner: str | None
    regions: tuple[Region, ...] = ()


def split(text: str, *, negative: bool = False, refer: Callable[[str], ModelRef] = _nobody) -> Stages:
    """The text of each pass and of each part of the picture: what stands before the first mark, or behind the
    end of a region, is for all of it. `negative` says that it is the negative prompt; `refer` knows by name
    the LoRAs that act in parts."""
    if "\0" not in text:
        return Stages(text, None)
    first, *rest = _MARK.split(text)
    base, refiner, background = [first.strip()], [first.strip()], ""
    staged = False
    regions: list[Region] = []
    for tag, part in zip(rest[::2], rest[1::2], strict=True):
        part, (kind, _, body) = part.strip(), tag.partition(":")
        if tag in ("base", _SHARED):
            base.append(part)
        if tag in ("refiner", _SHARED):
            refiner.append(part)
        if tag in MARKS:
            staged = True
        elif tag == f"region:{BACKGROUND}":
            background = f"{background} {part}".strip()
        elif tag != _SHARED:
            own, loras = worn_in(part, refer)
            found = area(kind, body, own, negative=negative)
            regions.append(msgspec.structs.replace(found, loras=loras) if loras else found)
    if background:
        regions.append(area("region", BACKGROUND, background, negative=negative))
    return Stages(_joined(base), _joined(refiner) if staged else None, tuple(regions))


def written(text: str) -> str:
    """The text with the tags as people write them, to be sent again."""
    return _TOLD.sub(lambda mark: f"<{mark[1]}>", text)


def _joined(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)
