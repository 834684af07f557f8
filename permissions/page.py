"""The page docs/permissions.md, written from the flags and compared with them by a test."""

from collections.abc import Mapping

from permissions.discover import FLAGS
from permissions.flag import Flag, Group, Rank
from permissions.roles import ROLES

HEAD = """# Permissions

<!-- Written by `python -m permissions` from permissions/flags; edit those. -->

Every route names the one flag it needs; a caller whose roles lack it gets `bad_permissions` with the
flag's id. A user may have several roles: flags and model lists add up, of a number the highest counts. An
admin may change what the roles below hold, and add further ones; a flag that comes with an update is given
to them once.

| role | | flags |
| --- | --- | --- |
"""

WHO = {
    Rank.NOBODY: "owner",
    Rank.ADMINS: "admin",
    Rank.POWERUSERS: "power user",
    Rank.USER: "user",
    Rank.GUEST: "guest",
}


def write_page(flags: Mapping[str, Flag] = FLAGS) -> str:
    """The whole page as Markdown."""
    roles = "".join(f"| `{role.id}` | {role.text} | {len(role.flags)} |\n" for role in ROLES.values())
    groups: dict[str, tuple[Group, list[Flag]]] = {}
    for flag in flags.values():
        groups.setdefault(flag.group.name, (flag.group, []))[1].append(flag)
    return HEAD + roles + "".join(_section(group, held) for group, held in groups.values())


def _section(group: Group, flags: list[Flag]) -> str:
    rows = "".join(
        f"| `{flag.id}` | {flag.text} | {WHO[flag.default]} | {flag.safety.lower()} |\n" for flag in flags
    )
    return (
        f"\n## {group.name}\n\n{group.text}\n\n"
        f"| flag | allows | held from | risk |\n| --- | --- | --- | --- |\n{rows}"
    )
