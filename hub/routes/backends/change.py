"""AddNewBackend, EditBackend, ToggleBackend, DeleteBackend and RestartBackends."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.engines import Engines
from hub.errors import BadInput
from hub.routes.backends.views import BackendView, view_of
from hub.wire import Body, api


class NewIn(Struct, frozen=True):
    """Of which type."""

    type_id: Annotated[str, Meta(description="Id of a type, see ListBackendTypes.")]


class EditIn(Struct, frozen=True):
    """What is changed; what is not named stays."""

    backend_id: Annotated[int, Meta(description="Number of the engine.")]
    title: Annotated[str | None, Meta(description="What it is called; empty: as its type.")] = None
    new_id: Annotated[int, Meta(description="Another number for it; -1: the same.")] = -1
    raw: Annotated[Body, Meta(description="`settings`: {name: value} of the settings to change.")] = {}


class WhichIn(Struct, frozen=True):
    """Which engine."""

    backend_id: Annotated[int, Meta(description="Number of the engine.")]


class ToggleIn(Struct, frozen=True):
    """Which engine, on or off."""

    backend_id: Annotated[int, Meta(description="Number of the engine.")]
    enabled: Annotated[bool, Meta(description="Whether it is to work.")]


class RestartIn(Struct, frozen=True):
    """Which engines."""

    backend: Annotated[str, Meta(description="Number of an engine, or `all`.")] = "all"


class ResultOut(Struct, frozen=True):
    """What was done, in a word."""

    result: str


class RestartOut(Struct, frozen=True):
    """How many engines were started anew."""

    result: str
    count: int


@api("AddNewBackend", permission="add_remove_backends", active=True)
async def add_new_backend(caller: Caller, given: NewIn, engines: Engines) -> BackendView:
    """Set up one more engine, with its type's own settings, and start it."""
    return view_of(await engines.add(given.type_id.strip()))


@api("EditBackend", permission="edit_backends", active=True)
async def edit_backend(caller: Caller, given: EditIn, engines: Engines) -> BackendView:
    """Change an engine's settings, title or number; it starts anew with them once its images are done.

    Settings that are not named stay as they are, and so does a secret that is sent back as it was shown.
    Nothing is changed when anything cannot be used: the answer names it and what would be accepted.
    """
    settings = given.raw.get("settings", {})
    if not isinstance(settings, dict):
        raise BadInput("`settings` must be an object of names and values.", field="settings", limit="object")
    view = await engines.edit(
        given.backend_id, title=given.title, settings=_plain(settings), number=given.new_id
    )
    return view_of(view)


@api("ToggleBackend", permission="toggle_backends", active=True)
async def toggle_backend(caller: Caller, given: ToggleIn, engines: Engines) -> ResultOut:
    """Switch an engine on or off; the answer comes when the images it was drawing are done."""
    changed = await engines.toggle(given.backend_id, given.enabled)
    return ResultOut("Success." if changed else "No change.")


@api("DeleteBackend", permission="add_remove_backends", active=True)
async def delete_backend(caller: Caller, given: WhichIn, engines: Engines) -> ResultOut:
    """Remove an engine and what it has learned; the answer comes when its last images are done."""
    return ResultOut("Deleted." if await engines.delete(given.backend_id) else "Already didn't exist.")


@api("RestartBackends", permission="restart_backends", active=True)
async def restart_backends(caller: Caller, given: RestartIn, engines: Engines) -> RestartOut:
    """Start engines anew once the images they are drawing are done; errored ones are tried again."""
    return RestartOut("Success.", await engines.restart(given.backend))


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings by name, each a single value."""
    for name, value in settings.items():
        if isinstance(value, dict | list):
            raise BadInput(f"The setting '{name[:80]}' must be a single value.", field=name, limit="text")
    return settings
