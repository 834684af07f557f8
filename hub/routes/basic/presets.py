"""Basic family: presets, stars, preset links and parameter edits."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hub.accounts import LINKS, PARAM_EDITS, STARS, Caller, Draft, Keepsakes, Preset, PresetFailed, Presets
from hub.errors import BadInput, HubError
from hub.wire import Body, Done, api


class PresetIn(Struct, frozen=True):
    """A preset to save."""

    title: Annotated[str, Meta(description="What it is called; `/` makes folders, dots vanish.")]
    description: str
    body: Annotated[Body, Meta(description="`param_map`: parameter id to value, at the root.")]
    preview_image: Annotated[
        str, Meta(description="`data:image/jpeg;base64,…`; empty keeps what there is.")
    ] = ""
    preview_image_metadata: Annotated[str, Meta(description="The metadata text of that image.")] = ""
    is_edit: Annotated[bool, Meta(description="Save over the preset that `editing` names.")] = False
    editing: Annotated[str, Meta(description="The title of the preset being changed.")] = ""
    is_starred: bool = False


class PresetTitleIn(Struct, frozen=True):
    """Which preset."""

    preset: Annotated[str, Meta(description="Its title, in any letter case.")]


class WholeIn(Struct, frozen=True):
    """An object at the root of the body."""

    body: Body


class PresetDone(Struct, frozen=True, omit_defaults=True):
    """`success`, or `preset_fail` with the reason in words for the user."""

    success: bool | UnsetType = UNSET
    preset_fail: str | UnsetType = UNSET


class Deleted(Struct, frozen=True):
    """`success` is false when there was no such preset."""

    success: bool


class PresetsOut(Struct, frozen=True):
    """Presets with their pictures inline."""

    presets: list[Preset]


@api("AddNewPreset", permission="manage_presets", active=True)
async def add_new_preset(caller: Caller, given: PresetIn, presets: Presets) -> PresetDone:
    """Save a preset, new or over an old one."""
    draft = Draft(
        given.title,
        given.description,
        _texts(_object(given.body, "param_map")),
        given.preview_image,
        given.preview_image_metadata,
        given.is_starred,
    )
    try:
        if given.is_edit:
            await presets.edit(caller.user, given.editing or given.title, draft)
        else:
            await presets.add(caller.user, draft)
    except PresetFailed as problem:
        return PresetDone(preset_fail=str(problem))
    return PresetDone(success=True)


@api("DuplicatePreset", permission="manage_presets", active=True)
async def duplicate_preset(caller: Caller, given: PresetTitleIn, presets: Presets) -> PresetDone:
    """Save a copy of a preset as "title (2)"."""
    try:
        await presets.duplicate(caller.user, given.preset)
    except PresetFailed as problem:
        return PresetDone(preset_fail=str(problem))
    return PresetDone(success=True)


@api("DeletePreset", permission="manage_presets", active=True)
async def delete_preset(caller: Caller, given: PresetTitleIn, presets: Presets) -> Deleted:
    """Delete a preset of one's own; those that the server shares stay."""
    try:
        return Deleted(await presets.delete(caller.user, given.preset))
    except PresetFailed as problem:
        raise HubError(str(problem), field="preset") from problem


@api("ExportUserPresets", permission="fundamental_generate_tab_access")
async def export_user_presets(caller: Caller, given: WholeIn, presets: Presets) -> PresetsOut:
    """The caller's presets with their pictures inline; all, or those whose `titles` are given."""
    titles = given.body.get("titles")
    if titles is not None and not isinstance(titles, list):
        raise BadInput("'titles' must be a list of preset titles.", field="titles", limit="a list of texts")
    wanted = None if titles is None else [str(title) for title in titles]
    return PresetsOut(presets.export(caller.user, wanted))


@api("SetStarredModels", permission="fundamental_model_access", active=True)
async def set_starred_models(caller: Caller, given: WholeIn, keepsakes: Keepsakes) -> Done:
    """Replace the caller's starred models: names by subtype, at the root of the body."""
    await keepsakes.put_names(caller.user, STARS, given.body)
    return Done()


@api("SetPresetLinks", permission="fundamental_model_access", active=True)
async def set_preset_links(caller: Caller, given: WholeIn, keepsakes: Keepsakes) -> Done:
    """Replace the caller's links of models to presets: titles by subtype and model, at the root of the
    body."""
    await keepsakes.put_links(caller.user, LINKS, given.body)
    return Done()


@api("SetParamEdits", permission="edit_params", active=True)
async def set_param_edits(caller: Caller, given: WholeIn, keepsakes: Keepsakes) -> Done:
    """Keep the caller's own arrangement of the parameters, given as `edits`; ListT2IParams gives it back."""
    await keepsakes.put(caller.user, PARAM_EDITS, _object(given.body, "edits"), field="edits")
    return Done()


def _object(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key)
    if value is None:
        raise BadInput(f"Missing required parameter '{key}'", field=key)
    if not isinstance(value, dict):
        raise BadInput(f"'{key}' must be an object.", field=key, limit="an object")
    return value


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Every value as text, the way SwarmUI keeps a preset's parameters."""
    return {key: _text(value) for key, value in values.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "\n|||\n".join(_text(item) for item in value)
    return "" if value is None else msgspec.json.encode(value).decode()
