"""Objects: regions that are drawn anew after the first pass, each alone and large: they come out well."""

from backends.comfyui_api.graph.draft import Box, Draft
from backends.comfyui_api.graph.loras import wearing_for
from backends.comfyui_api.graph.masks import blurred_mask, solid
from backends.comfyui_api.graph.redraw import Anew, all_of_it, in_box, picture_of
from backends.comfyui_api.graph.sheet import Link
from backends.contract import Region

ORDER = 90

_PARAM = "Prompt"
_REACH = 16  # pixels around an object that are shown too: its edges are drawn into what is there
_FADE = 8.0


def lay(draft: Draft) -> None:
    """Draw the work's objects anew, then all of it a little where asked. Raises Unbuildable."""
    work = draft.work
    found = [r for r in work.regions if r.kind == "object" and not r.negative and r.strength > 0]
    drawn = [r for r in found if round(work.steps * r.creativity) > 0]
    for number, region in enumerate(drawn):
        box = _box(draft, region)
        anew = Anew(
            _PARAM, region.prompt, _negative(work.regions, region) or work.negative_prompt, region.creativity,
            work.steps, work.cfg_scale, 2 + number,
        )  # fmt: skip
        kit = wearing_for(draft, draft.kit, region)
        draft.image = in_box(draft, kit, picture_of(draft), _soft(draft, region, box), box, anew)
    cleanup = float(work.extra.get("regionalobjectcleanupfactor", 0))
    if found and round(work.steps * cleanup) > 0:
        anew = Anew(
            "Regional Object Cleanup Factor", work.prompt, work.negative_prompt, cleanup, work.steps,
            work.cfg_scale, 1,
        )  # fmt: skip
        draft.image = all_of_it(draft, draft.kit, picture_of(draft), None, anew)


def _negative(regions: tuple[Region, ...], region: Region) -> str:
    """The negative prompt of the same place, "" when it has none."""
    place = (region.x, region.y, region.width, region.height)
    same = (
        r for r in regions if r.negative and r.kind == "object" and (r.x, r.y, r.width, r.height) == place
    )
    return next((r.prompt for r in same), "")


def _area(draft: Draft, region: Region) -> Box:
    wide, high = draft.size
    left, top = min(wide - 1, int(region.x * wide)), min(high - 1, int(region.y * high))
    width = max(1, min(wide - left, round(region.width * wide)))
    height = max(1, min(high - top, round(region.height * high)))
    return left, top, left + width, top + height


def _box(draft: Draft, region: Region) -> Box:
    """The object with what is around it."""
    left, top, right, bottom = _area(draft, region)
    wide, high = draft.size
    return max(0, left - _REACH), max(0, top - _REACH), min(wide, right + _REACH), min(high, bottom + _REACH)


def _soft(draft: Draft, region: Region, box: Box) -> Link:
    """The object within its box, with soft edges where the server can."""
    left, top, right, bottom = _area(draft, region)
    size = (box[2] - box[0], box[3] - box[1])
    mask = draft.sheet.one(
        _PARAM,
        "MaskComposite",
        "MASK",
        destination=solid(draft, _PARAM, 0.0, size),
        source=solid(draft, _PARAM, 1.0, (right - left, bottom - top)),
        x=left - box[0],
        y=top - box[1],
        operation="add",
    )
    return blurred_mask(draft, _PARAM, mask, size, _FADE) if draft.server.has("ImageBlur") else mask
