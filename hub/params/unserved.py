"""What SwarmUI documents and no engine of this hub can do yet: listed as any parameter, and refused by name.

Each needs a feature that no engine has (`needs` in unserved.json), so that the way of refusing is the one of
everything an engine lacks. The few without one ask for nothing that would have to be done.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

from hub.params.spec import Group, Param


class _Unserved(Struct, frozen=True):
    groups: tuple[Group, ...]
    params: tuple[Param, ...]


_data = msgspec.json.decode(Path(__file__).with_name("unserved.json").read_bytes(), type=_Unserved)

GROUPS = _data.groups
"""The groups that have nothing but these parameters."""

PARAMS = _data.params
"""The parameters, as documented (swarm-api §5.3, §5.4), in our words."""
