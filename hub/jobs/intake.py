"""From what a client sent to a checked request: what parsing needs of other rooms, gathered for a caller."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hub.accounts import Accounts, Caller
from hub.catalog import Catalog
from hub.media import Media, OutsideOutputs
from hub.params import (
    Context,
    GenRequest,
    Over,
    Registry,
    Wishes,
    filled_prompt,
    is_heavy,
    measured_prompt,
    parse,
    preset_titles,
)
from hub.params.request import Keeping
from hub.settings import Limits


class Intake:
    """Reads requests. Everything SwarmUI's routes and every dialect sends goes through here."""

    def __init__(
        self,
        accounts: Accounts,
        registry: Registry,
        catalog: Catalog,
        media: Media,
        limits: Limits,
        read_workflow: Callable[[str], str | None] | None = None,
    ) -> None:
        self._accounts = accounts
        self._registry = registry
        self._catalog = catalog
        self._media = media
        self._limits = limits
        self._read_workflow = read_workflow

    def now(self, caller: Caller) -> Caller:
        """The caller as he is now. Raises DeadSession when he is gone."""
        return self._accounts.now(caller)

    async def read(
        self, raw: Mapping[str, Any], caller: Caller, *, tags: bool = True, over: Over | None = None
    ) -> GenRequest:
        """The request that `raw` means. Raises HubError or BadInput; nothing has changed then.

        Without `tags` those in prompts stay text: for a picture that was drawn already, maybe elsewhere.
        `over` is laid over it after its presets. What the caller's roles give counts as it is now, however
        long ago he began what this is a part of; whoever is gone gets DeadSession.
        """
        caller = self._accounts.now(caller)
        context = msgspec.structs.replace(self._context(raw, caller), tags=tags)
        if over is not None:
            named = over.presets or any("<" in text for text in over.values.values())
            presets = self._all_presets(caller.user) if named else context.presets
            context = msgspec.structs.replace(context, over=over, presets=presets)
        if is_heavy(raw):
            return await asyncio.to_thread(parse, raw, caller, context)
        return parse(raw, caller, context)

    async def fill(self, prompt: str, caller: Caller) -> tuple[str, list[str]]:
        """What a prompt with tags could come to, and what is told of tags left out. Raises BadInput."""
        context = self._context({"prompt": prompt}, caller)
        return await asyncio.to_thread(filled_prompt, prompt, caller, context)

    async def measure(self, prompt: str, caller: Caller) -> str:
        """About the longest that a prompt with tags could come to."""
        context = self._context({"prompt": prompt}, caller)
        return await asyncio.to_thread(measured_prompt, prompt, caller, context)

    def _presets(self, raw: Mapping[str, Any], user: str) -> dict[str, Mapping[str, str]]:
        """The presets a request may need: those it names; all where a text with tags could name more."""
        titles = preset_titles(raw) or any(key.lower().endswith("presets") for key in raw)
        if titles or any(isinstance(value, str) and "<" in value for value in raw.values()):
            return self._all_presets(user)
        return {}

    def _all_presets(self, user: str) -> dict[str, Mapping[str, str]]:
        return {preset.title.lower(): preset.param_map for preset in self._accounts.presets.all(user)}

    def _context(self, raw: Mapping[str, Any], caller: Caller) -> Context:
        user = caller.user

        def read_output(path: str) -> bytes | None:
            if not self._media.gallery.owns(user, path):
                return None
            try:
                return self._media.outputs.inside(user, path).read_bytes()
            except (OutsideOutputs, OSError):
                return None

        return Context(
            registry=self._registry,
            catalog=self._catalog,
            limits=self._limits,
            wishes=self._wishes(user),
            presets=self._presets(raw, user),
            read_output=read_output,
            read_workflow=self._read_workflow,
        )

    def _wishes(self, user: str) -> Wishes:
        value = self._accounts.preferences.value
        return Wishes(
            format=str(value(user, "fileformat.imageformat")),
            quality=int(str(value(user, "fileformat.imagequality"))),
            save=bool(value(user, "savefiles")),
            save_metadata=bool(value(user, "fileformat.savemetadata")),
            path_format=str(value(user, "outpathbuilder.format")),
            path_max_part=int(str(value(user, "outpathbuilder.maxlenperpart"))),
            keeping=_keeping(user, value),
            reformat_unsaved=bool(value(user, "fileformat.reformattransientimages")),
        )


def _keeping(user: str, value: Callable[[str, str], object]) -> Keeping:
    stealth = str(value(user, "fileformat.stealthmetadata"))
    return Keeping(
        dpi=max(0, int(str(value(user, "fileformat.dpi")))),
        stealth=stealth if stealth in ("Alpha", "RGB") else "",
        side_text=bool(value(user, "fileformat.savetextfilemetadata")),
        model_folders=not value(user, "outpathbuilder.modelpathsskipfolders"),
        mini_grid=int(str(value(user, "maximagesinminigrid"))),
    )
