"""The roles of this hub: the five automatic ones as an admin has changed them, and any further ones."""

import json
from collections.abc import Iterable

import msgspec

from hub.accounts.caller import Limits
from hub.accounts.sessions import Grants
from hub.store import RoleRow, Store
from permissions import FLAGS, RANKS, ROLES, Quotas, Role, merge

_TRACKED = "tracked_flags"


class Roles:
    """All roles in memory; `bring_up` writes what is missing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._roles = {row.id: _role(row) for row in store.roles.all()}

    async def bring_up(self) -> None:
        """Make the automatic roles and give flags that are new in this version to them once.

        The list of flags already given keeps a flag that an admin took from a role from coming back.
        """
        tracked = set(json.loads(self._store.user_data.get("", _TRACKED) or "[]"))
        new = FLAGS.keys() - tracked
        for role in ROLES.values():
            known = self._roles.get(role.id)
            if known is None:
                await self.put(role)
            elif added := {flag for flag in new if FLAGS[flag].default <= RANKS[role.id]} - known.flags:
                await self.put(msgspec.structs.replace(known, flags=known.flags | added))
        if new:
            await self._store.user_data.put("", _TRACKED, json.dumps(sorted(tracked | FLAGS.keys())))

    def all(self) -> list[Role]:
        """Every role by id."""
        return [self._roles[role_id] for role_id in sorted(self._roles)]

    def get(self, role_id: str) -> Role | None:
        """The role, or None."""
        return self._roles.get(role_id)

    async def put(self, role: Role) -> None:
        """Write or replace a role."""
        await self._store.roles.put(
            RoleRow(
                role.id,
                role.name,
                role.text,
                tuple(sorted(role.flags)),
                role.model_whitelist,
                role.model_blacklist,
                role.max_outpath_depth,
                role.max_t2i_simultaneous,
                role.allow_unsafe_outpaths,
                role.automatic,
                role.check_content,
                *msgspec.structs.astuple(role.quotas),
            )
        )
        self._roles[role.id] = role

    async def delete(self, role_id: str) -> bool:
        """Remove a role; False for an automatic or unknown one."""
        role = self._roles.get(role_id)
        if role is None or role.automatic:
            return False
        await self._store.roles.delete(role_id)
        del self._roles[role_id]
        return True

    def grants(self, role_ids: Iterable[str]) -> Grants:
        """What several roles add up to; unknown ones count for nothing."""
        merged = merge(self._roles[role_id] for role_id in role_ids if role_id in self._roles)
        limits = Limits(
            merged.max_outpath_depth,
            merged.max_t2i_simultaneous,
            merged.allow_unsafe_outpaths,
            merged.model_whitelist,
            merged.model_blacklist,
            merged.quotas,
            merged.check_content,
        )
        return merged.flags, limits


def _role(row: RoleRow) -> Role:
    return Role(
        row.id,
        row.name,
        row.description,
        frozenset(row.flags),
        row.model_whitelist,
        row.model_blacklist,
        row.max_outpath_depth,
        row.max_t2i_simultaneous,
        row.allow_unsafe_outpaths,
        row.automatic,
        Quotas(
            row.max_images_at_once,
            row.max_queued,
            row.max_per_day,
            row.max_pixels,
            row.max_steps,
            row.max_files,
            row.max_storage_mib,
        ),
        row.check_content,
    )
