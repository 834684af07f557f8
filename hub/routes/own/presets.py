"""Presets that everybody on the server has."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller, PresetFailed, Presets
from hub.errors import BadInput
from hub.wire import Done, own


class SharedIn(Struct, frozen=True):
    """Which preset."""

    preset: Annotated[str, Meta(description="Its title, in any letter case.")]


@own("/presets/share", permission="share_presets", active=True)
async def share_preset(caller: Caller, given: SharedIn, presets: Presets) -> Done:
    """Give everybody a copy of one of the caller's presets, in place of a shared one of that title.

    In everybody's list it is marked `is_shared`. It is applied like any other and can be duplicated, but only
    sharing it anew changes it. A preset of one's own of the same title comes before it. It stays when the
    account that shared it goes.
    """
    try:
        await presets.share(caller.user, given.preset)
    except PresetFailed as problem:
        raise BadInput(str(problem), field="preset") from problem
    return Done()


@own("/presets/unshare", permission="share_presets", active=True)
async def unshare_preset(caller: Caller, given: SharedIn, presets: Presets) -> Done:
    """Take a shared preset back, whoever shared it."""
    if not await presets.unshare(given.preset):
        raise BadInput("No preset of that title is shared.", field="preset")
    return Done()
