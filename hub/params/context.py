"""What parsing needs to know besides the request: handed in, so that parsing itself asks nobody."""

import secrets
from collections.abc import Callable, Mapping

from msgspec import Struct

from hub.catalog import Catalog
from hub.params.groups.swarm_internal import PATH_FORMAT
from hub.params.over import NOTHING, Over
from hub.params.pictures import ReadOutput
from hub.params.registry import Registry
from hub.params.request import Keeping
from hub.settings import Limits

PresetMap = Mapping[str, Mapping[str, str]]
"""Presets by lower-case title: parameter id to text."""


class Wishes(Struct, frozen=True):
    """A user's own settings about finished pictures (swarm-api §6): `format` as in the parameter
    Image Format, `quality` 1..100, the path pattern and how long each of its parts may be. Pictures that are
    not saved stay PNG unless a request names a format or `reformat_unsaved`."""

    format: str = "PNG"
    quality: int = 100
    save: bool = True
    save_metadata: bool = True
    path_format: str = PATH_FORMAT
    path_max_part: int = 40
    keeping: Keeping = Keeping()
    reformat_unsaved: bool = False


def random_seed() -> int:
    """A random 31-bit seed, as a request without one gets."""
    return secrets.randbelow(1 << 31)


class Context(Struct, frozen=True):
    """One request's surroundings. `presets` need only hold those the request names (see `preset_titles`);
    `read_workflow` gives the graph of a stored workflow and `read_output` a file below the caller's own
    outputs; without `tags` those in prompts stay text. `over` is laid over the request after its presets."""

    registry: Registry
    catalog: Catalog
    limits: Limits = Limits()
    wishes: Wishes = Wishes()
    presets: PresetMap = {}
    read_output: ReadOutput | None = None
    random: Callable[[], int] = random_seed
    tags: bool = True
    read_workflow: Callable[[str], str | None] | None = None
    over: Over = NOTHING
