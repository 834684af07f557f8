"""What can be asked: the registry of parameters, and the way from a loose request to checked works."""

from hub.params.able import pairs_now
from hub.params.context import Context, Wishes, random_seed
from hub.params.keys import DOCUMENTED, letters
from hub.params.listing import listing
from hub.params.over import Over, over_of
from hub.params.pairs import Pairs
from hub.params.parse import is_heavy, parse, preset_titles
from hub.params.prompts import filled_prompt, measured_prompt
from hub.params.registry import Registry
from hub.params.request import GenRequest
from hub.params.second import result_size
from hub.params.spec import Group, Param
from hub.params.spread import spread, work
from hub.params.tags.renaming import renamed_in
from hub.params.template import checked_graph

__all__ = [
    "DOCUMENTED",
    "Context",
    "GenRequest",
    "Group",
    "Over",
    "Pairs",
    "Param",
    "Registry",
    "Wishes",
    "checked_graph",
    "filled_prompt",
    "is_heavy",
    "letters",
    "listing",
    "measured_prompt",
    "over_of",
    "pairs_now",
    "parse",
    "preset_titles",
    "random_seed",
    "renamed_in",
    "result_size",
    "spread",
    "work",
]
