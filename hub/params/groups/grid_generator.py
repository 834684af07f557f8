"""What the grid generator varies beside the ordinary parameters; pages hide these outside of grids."""

from typing import Literal

from hub.params.spec import Group, Param

GROUP: Group | None = None


def _hidden(name: str, description: str, kind: Literal["text", "dropdown"]) -> Param:
    return Param(
        name=name,
        description=description,
        type=kind,
        default="",
        visible=False,
        toggleable=True,
        always_retain=True,
        nonreusable=True,
    )


PARAMS = (
    _hidden(
        "[Grid Gen] Prompt Replace",
        "Text in the prompts to replace by another, as `old=new`. On an axis where no value has a `=`, the\n"
        "first is what all of them replace.",
        "text",
    ),
    _hidden("[Grid Gen] Prompt Add", "Text to put at the end of the prompt.", "text"),
    _hidden(
        "[Grid Gen] Presets",
        "Titles of presets to apply, parted by commas; on an axis `||` parts its values: `a, b || a, c`.",
        "dropdown",
    ),
)
