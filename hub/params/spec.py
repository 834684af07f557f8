"""What a parameter and a group of parameters are; the fields are those of the wire (swarm-api §5.1)."""

from typing import Literal

import msgspec
from msgspec import Struct

from hub.params.keys import letters

Kind = Literal[
    "text",
    "integer",
    "decimal",
    "boolean",
    "dropdown",
    "image",
    "model",
    "list",
    "image_list",
    "audio",
    "audio_list",
    "video_list",
]
"""The types of parameters (swarm-api §5.1)."""

View = Literal["normal", "prompt", "small", "big", "slider", "pot_slider", "seed", "video_frames"]

Source = Literal["samplers", "schedulers", "engine_types", "engines", "upscale_methods", "workflows"]
"""Where the values of a dropdown come from when they are not written down."""

NEVER_BLOCKING = frozenset({"sd3", "flux-dev", "text2video", "cascade", "sdxl", "text2audio"})
"""Feature flags that speak of the chosen model; no engine is refused for lacking one (swarm-api §5.4)."""


class Group(Struct, frozen=True, kw_only=True):
    """A group of parameters. `id` is the letters of its name; lower priorities come first."""

    name: str
    description: str = ""
    toggles: bool = False
    open: bool = True
    priority: float = 10
    advanced: bool = False
    can_shrink: bool = True
    parent: str | None = None
    id: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "id", letters(self.name))


class Param(Struct, frozen=True, kw_only=True):
    """One parameter, declared once: listing, validation and docs follow from it.

    `id` is the letters of its name. `default` is what a page shows, as text, None for none. Range and view
    range are in the parameter's own unit, 0 to 0 when there is none. A dropdown has `values` (with
    `value_names` of the same length) or a `source`. `ignore` is the value that counts as not given. `splice`
    lets a preset use `{value}` for what the request said. `hide_from_metadata` keeps it out of the picture's
    metadata. With `to_engine` a given value goes to the engine as it is, among the work's `extra`. A list has
    models of its `subtype` as items, else numbers within its range. `needs` is the feature an engine must
    have where `feature_flag`, which clients see, does not say it. `longest` is the bytes a text may have (0:
    as prompts).
    """

    name: str
    description: str
    type: Kind
    default: str | None = ""
    subtype: str | None = None
    min: float | int = 0
    max: float | int = 0
    view_min: float | int = 0
    view_max: float | int = 0
    step: float | int = 1
    values: tuple[str, ...] | None = None
    value_names: tuple[str, ...] | None = None
    source: Source | None = None
    examples: tuple[str, ...] | None = None
    visible: bool = True
    advanced: bool = False
    feature_flag: str | None = None
    permission: str | None = None
    toggleable: bool = False
    priority: float = 10
    group: str | None = None
    always_retain: bool = False
    do_not_save: bool = False
    do_not_preview: bool = False
    view_type: View = "small"
    extra_hidden: bool = False
    can_sectionalize: bool = False
    nonreusable: bool = False
    depend_non_default: str | None = None
    ignore: str | None = None
    splice: bool = False
    hide_from_metadata: bool = False
    to_engine: bool = False
    needs: str | None = None
    longest: int = 0
    id: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "id", letters(self.name))

    @property
    def asked_of_engines(self) -> tuple[str, ...]:
        """The features an engine must have for this parameter."""
        flags = self.needs or self.feature_flag or ""
        return tuple(flag for flag in flags.split(",") if flag and flag not in NEVER_BLOCKING)

    @property
    def bounded(self) -> bool:
        """Whether the range means anything."""
        return self.min != 0 or self.max != 0
