"""Segment refining: how the parts that <segment:…> names are found and drawn anew."""

from hub.params.spec import Group, Param

GROUP = Group(
    name="Segment Refining",
    description="For prompts with <segment:…>.",
    priority=9.5,
    advanced=True,
)

_ORDERS = {
    "left-right": "From left to right",
    "right-left": "From right to left",
    "top-bottom": "From top to bottom",
    "bottom-top": "From bottom to top",
    "largest-smallest": "The largest first",
    "smallest-largest": "The smallest first",
}


def _pixels(name: str, description: str, default: int, most: int, priority: float) -> Param:
    return Param(
        name=name,
        description=description,
        type="integer",
        default=str(default),
        min=0,
        max=most,
        priority=priority,
        group=GROUP.id,
        toggleable=True,
        to_engine=True,
        needs="segments",
        examples=(str(default // 2), str(default), str(default * 2)),
    )


PARAMS = (
    _pixels("Segment Mask Blur", "How many pixels wide the edge of what was found fades.", 10, 64, 4),
    _pixels("Segment Mask Grow", "How many pixels what was found is widened by.", 16, 512, 5),
    _pixels("Segment Mask Oversize", "How many pixels around what was found are shown too.", 16, 512, 5.5),
    Param(
        name="Segment Threshold Max",
        description="From how sure a finding on it counts in full; between the threshold and this it fades.",
        type="decimal",
        default="1",
        min=0,
        max=1,
        step=0.05,
        view_type="slider",
        priority=6,
        group=GROUP.id,
        toggleable=True,
        to_engine=True,
        needs="segments",
        examples=("0.5", "1"),
    ),
    Param(
        name="Segment Sort Order",
        description="In which order findings are counted, for segments that name one by its number.",
        type="dropdown",
        default="left-right",
        values=tuple(_ORDERS),
        value_names=tuple(_ORDERS.values()),
        priority=7,
        group=GROUP.id,
        ignore="left-right",
        to_engine=True,
        needs="segments",
    ),
    Param(
        name="Segment Apply After",
        description="Whether segments are drawn anew after the first pass or after the second.",
        type="dropdown",
        default="Refiner",
        values=("Base", "Refiner"),
        value_names=("The first pass", "The second pass"),
        priority=8,
        group=GROUP.id,
        ignore="Refiner",
        to_engine=True,
        needs="segments",
    ),
)
