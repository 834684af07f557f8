"""What a request may ask for: ListT2IParams, TriggerRefresh."""

import logging
from typing import Annotated, Any

from msgspec import Meta, Struct

from backends.pool import Pool
from hub.accounts import PARAM_EDITS, Caller, Keepsakes
from hub.catalog import Catalog
from hub.params import Registry, listing
from hub.wire import Nothing, api

REFRESH_SECONDS = 10.0
"""A second refresh within this time is skipped: nothing new would be found."""

_log = logging.getLogger("hub.params")


class TriggerRefreshIn(Struct, frozen=True):
    """What to look at again."""

    strong: Annotated[bool, Meta(description="Look at the disk again; off: only list.")] = True
    refreshType: Annotated[str | None, Meta(description="wildcards, or none for everything.")] = None


@api("ListT2IParams", permission="fundamental_generate_tab_access")
async def list_t2i_params(
    caller: Caller, given: Nothing, registry: Registry, catalog: Catalog, keepsakes: Keepsakes
) -> dict[str, Any]:
    """Lists every parameter the caller may set, the groups they stand in, and the models to choose from."""
    edits = keepsakes.get(caller.user, PARAM_EDITS) or None
    return listing(registry, catalog, caller, param_edits=edits)


@api("TriggerRefresh", permission="fundamental_generate_tab_access", active=True)
async def trigger_refresh(
    caller: Caller,
    given: TriggerRefreshIn,
    registry: Registry,
    catalog: Catalog,
    keepsakes: Keepsakes,
    pool: Pool,
) -> dict[str, Any]:
    """Looks for new models, for those who may, then answers like ListT2IParams.

    Engines elsewhere are told to look too; what they find comes a little later.
    """
    if given.strong and not given.refreshType and caller.may("control_model_refresh"):
        pool.refresh()
        await catalog.refresh(not_within=REFRESH_SECONDS)
    elif given.strong and given.refreshType == "wildcards" and caller.may("control_model_refresh"):
        await catalog.wildcards.refresh()
    elif given.refreshType and given.refreshType != "wildcards":
        _log.warning("refresh type %r is not known and was left out", given.refreshType[:100])
    edits = keepsakes.get(caller.user, PARAM_EDITS) or None
    return listing(registry, catalog, caller, param_edits=edits)
