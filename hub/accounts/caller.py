"""Who is calling: the one value every route, limit and query starts from."""

from msgspec import Struct

from permissions import Quotas


class Limits(Struct, frozen=True):
    """What the merged roles of a user allow (swarm-api §3 "Roles"); numeric limits are the maximum over
    the roles."""

    max_outpath_depth: int = 0
    max_t2i_simultaneous: int = 0
    allow_unsafe_outpaths: bool = False
    model_whitelist: tuple[str, ...] = ()
    model_blacklist: tuple[str, ...] = ()
    quotas: Quotas = Quotas()
    check_content: bool = False


class Caller(Struct, frozen=True):
    """A checked caller. `session` is the 40-digit session id ("" for a call without one), `token` the id
    of the token that made the session ("" for none), `flags` the merged permission flags, `address` the
    client's text."""

    user: str
    session: str
    flags: frozenset[str]
    limits: Limits
    token: str = ""
    address: str = ""

    def may(self, flag: str) -> bool:
        """Whether the caller holds `flag` (or the star)."""
        return flag in self.flags or "*" in self.flags
