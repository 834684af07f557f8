"""Roles and what they allow."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from hub.accounts import Caller, Governing, Roles
from hub.errors import BadInput
from hub.wire import Done, Nothing, api
from permissions import FLAGS, Quotas, Role

Names = Annotated[str, Meta(description="Names, separated by commas.")]
Amount = Annotated[int | None, Meta(ge=0, le=2**53, description="0: no limit; left out: as it is.")]


class RoleOut(Struct, frozen=True):
    """A role. Ours are: what one user may have drawn at once, waiting and accepted within 24 hours
    (images), the largest picture (pixels) and most steps, and how many pictures (files) and MiB of them may
    be kept; 0 is no limit."""

    name: str
    description: str
    max_outpath_depth: int
    is_auto_generated: bool
    model_whitelist: list[str]
    model_blacklist: list[str]
    permissions: list[str]
    max_t2i_simultaneous: int
    allow_unsafe_outpaths: bool
    max_images_at_once: int
    max_queued: int
    max_per_day: int
    max_pixels: int
    max_steps: int
    max_files: int
    max_storage_mib: int
    check_content: Annotated[
        bool,
        Meta(
            description="Whether what its holders ask for and get is checked, where the setting safety.check "
            "has that for roles."
        ),
    ] = False


class RolesOut(Struct, frozen=True):
    """Roles by id."""

    roles: dict[str, RoleOut]


class RoleNameIn(Struct, frozen=True):
    """Which role."""

    name: Annotated[str, Meta(description="Id of a role.")]


class EditRoleIn(Struct, frozen=True):
    """Everything of a role; our own limits may be left out."""

    name: Annotated[str, Meta(description="Id of the role.")]
    description: Annotated[str, Meta(max_length=1000)]
    max_outpath_depth: Annotated[int, Meta(ge=1, le=100)]
    max_t2i_simultaneous: Annotated[int, Meta(ge=1, le=100_000)]
    allow_unsafe_outpaths: bool
    model_whitelist: Names
    model_blacklist: Names
    permissions: Names
    max_images_at_once: Amount = None
    max_queued: Amount = None
    max_per_day: Amount = None
    max_pixels: Amount = None
    max_steps: Amount = None
    max_files: Amount = None
    max_storage_mib: Amount = None
    check_content: Annotated[
        bool | None,
        Meta(description="Whether its holders' requests and results are checked; left out: as it is."),
    ] = None


class FlagGroupOut(Struct, frozen=True):
    """The heading of a flag."""

    name: str
    description: str


class FlagOut(Struct, frozen=True):
    """A permission flag."""

    name: str
    description: str
    default: str
    group: FlagGroupOut
    safety_level: str
    alt_safety_text: str


class FlagsOut(Struct, frozen=True):
    """Every flag by id, and the ids in the order to show them."""

    permissions: dict[str, FlagOut]
    ordered: list[str]


@api("AdminListRoles", permission="configure_roles")
async def list_roles(caller: Caller, given: Nothing, roles: Roles) -> RolesOut:
    """List every role with its flags and limits."""
    return RolesOut({role.id: _shown(role) for role in roles.all()})


@api("AdminAddRole", permission="configure_roles", active=True)
async def add_role(caller: Caller, given: RoleNameIn, governing: Governing) -> Done:
    """Add a role, at first without any permission."""
    await governing.add_role(caller, given.name)
    return Done()


@api("AdminEditRole", permission="configure_roles", active=True)
async def edit_role(caller: Caller, given: EditRoleIn, roles: Roles, governing: Governing) -> Done:
    """Change a role; it holds at once for everybody who has it, in open sessions too.

    Nobody can give or take what they do not hold.
    """
    before = roles.get(given.name)
    if before is None:
        known = [role.id for role in roles.all()]
        raise BadInput(f"There is no role '{given.name[:80]}'.", field="name", limit=known)
    await governing.change_role(
        caller,
        msgspec.structs.replace(
            before,
            text=given.description,
            flags=frozenset(_split(given.permissions)),
            model_whitelist=_split(given.model_whitelist),
            model_blacklist=_split(given.model_blacklist),
            max_outpath_depth=given.max_outpath_depth,
            max_t2i_simultaneous=given.max_t2i_simultaneous,
            allow_unsafe_outpaths=given.allow_unsafe_outpaths,
            quotas=_quotas(given, before.quotas),
            check_content=before.check_content if given.check_content is None else given.check_content,
        ),
    )
    return Done()


@api("AdminDeleteRole", permission="configure_roles", active=True)
async def delete_role(caller: Caller, given: RoleNameIn, governing: Governing) -> Done:
    """Delete a role; the five that belong to every hub stay."""
    await governing.delete_role(caller, given.name)
    return Done()


@api("AdminListPermissions", permission="configure_roles")
async def list_permissions(caller: Caller, given: Nothing) -> FlagsOut:
    """List every permission flag."""
    listed = {
        flag.id: FlagOut(
            flag.name,
            flag.text,
            flag.default.name,
            FlagGroupOut(flag.group.name, flag.group.text),
            flag.safety.name,
            flag.alt_safety_text,
        )
        for flag in FLAGS.values()
    }
    return FlagsOut(listed, list(listed))


def _shown(role: Role) -> RoleOut:
    quotas = role.quotas
    return RoleOut(
        role.name,
        role.text,
        role.max_outpath_depth,
        role.automatic,
        list(role.model_whitelist),
        list(role.model_blacklist),
        sorted(role.flags),
        role.max_t2i_simultaneous,
        role.allow_unsafe_outpaths,
        quotas.images_at_once,
        quotas.queued,
        quotas.per_day,
        quotas.pixels,
        quotas.steps,
        quotas.files,
        quotas.storage_mib,
        role.check_content,
    )


def _quotas(given: EditRoleIn, before: Quotas) -> Quotas:
    """The limits with those replaced that were given."""
    wanted = (
        given.max_images_at_once,
        given.max_queued,
        given.max_per_day,
        given.max_pixels,
        given.max_steps,
        given.max_files,
        given.max_storage_mib,
    )
    kept = msgspec.structs.astuple(before)
    return Quotas(*(old if new is None else new for old, new in zip(kept, wanted, strict=True)))


def _split(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
