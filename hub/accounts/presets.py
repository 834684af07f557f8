"""The presets of a user: add, change, copy, delete, export (swarm-api §6)."""

import base64
from collections.abc import Collection, Mapping
from urllib.parse import quote

import msgspec
from msgspec import Struct

from hub.accounts.pictures import JPEG_URL, BadPicture, read_jpeg
from hub.accounts.preset_titles import LONGEST_TITLE, clean_title, copy_title
from hub.store import PresetRow, Store

PLACEHOLDER = "imgs/model_placeholder.jpg"
MOST = 5000
LONGEST_DESCRIPTION = 20_000
LARGEST_MAP = 1_000_000  # characters of all parameters together
LONGEST_METADATA = 500_000


class PresetFailed(Exception):
    """Why a preset was not saved, as the sentence for `preset_fail`."""


class Preset(Struct, frozen=True):
    """A preset as it is sent."""

    author: str
    title: str
    description: str
    preview_image: str
    is_starred: bool
    param_map: Mapping[str, str]


class Draft(Struct, frozen=True):
    """What a user wants saved. `preview_image` None, "" or an own address keeps the picture of the edited
    one."""

    title: str
    description: str
    param_map: Mapping[str, str]
    preview_image: str = ""
    preview_metadata: str = ""
    is_starred: bool = False


class Presets:
    """The presets room; every function is given the user whose presets it may touch."""

    def __init__(self, store: Store) -> None:
        self._rows = store.presets

    def get(self, user: str, title: str) -> PresetRow | None:
        """The preset of that title in any letter case, or None."""
        return self._rows.by_title(user, title)

    def all(self, user: str) -> list[Preset]:
        """Every preset; pictures by address, so that hundreds of them stay a small answer."""
        return [_sent(row) for row in self._rows.all(user)]

    def preview(self, user: str, title: str) -> bytes | None:
        """The JPEG bytes of a preset's picture, or None."""
        return self._rows.preview(user, title)

    def export(self, user: str, titles: Collection[str] | None = None) -> list[Preset]:
        """Presets with their pictures inline: all, or those with these titles."""
        wanted = None if titles is None else {title.lower() for title in titles}
        chosen = [row for row in self._rows.all(user) if wanted is None or row.title.lower() in wanted]
        return [self._inline(user, row) for row in chosen]

    async def add(self, user: str, draft: Draft) -> None:
        """Save a new preset. Raises PresetFailed."""
        title = self._usable_title(draft.title)
        if self.get(user, title) is not None:
            raise PresetFailed("A preset with that title already exists.")
        if len(self._rows.all(user)) >= MOST:
            raise PresetFailed(f"You have {MOST} presets, which is the most. Delete some first.")
        await self._save(user, title, draft, old=None)

    async def edit(self, user: str, editing: str, draft: Draft) -> None:
        """Save over the preset titled `editing`, which goes when the title changed. Raises PresetFailed."""
        title = self._usable_title(draft.title)
        if title.lower() != editing.lower() and self.get(user, title) is not None:
            raise PresetFailed("A preset with that title already exists.")
        await self._save(user, title, draft, old=self.get(user, editing))

    async def duplicate(self, user: str, title: str) -> None:
        """Save a copy as "title (2)" and so on. Raises PresetFailed."""
        row = self.get(user, title)
        if row is None:
            raise PresetFailed("No such preset.")
        name = copy_title(row.title, lambda wanted: self.get(user, wanted) is not None)
        copy = msgspec.structs.replace(row, title=name, author=user)
        await self._rows.put(user, copy, preview=self._rows.preview(user, title))

    async def delete(self, user: str, title: str) -> bool:
        """Remove a preset; False when there was none."""
        return await self._rows.delete(user, title) > 0

    async def _save(self, user: str, title: str, draft: Draft, old: PresetRow | None) -> None:
        _check_sizes(draft)
        picture, path = _read_picture(draft.preview_image)
        edits = old.edits if old is not None else 0
        if picture is None and not path and old is not None:
            picture, path = self._rows.preview(user, old.title), old.preview_path
        else:
            edits += 1
        row = PresetRow(
            title,
            user,
            draft.description,
            draft.is_starred,
            draft.param_map,
            edits,
            draft.preview_metadata or (old.preview_metadata if old is not None else ""),
            path,
        )
        await self._rows.put(user, row, preview=picture, replaces=old.title if old is not None else None)

    def _usable_title(self, wanted: str) -> str:
        title = clean_title(wanted)
        if not title:
            raise PresetFailed("Invalid or empty title.")
        if len(title) > LONGEST_TITLE:
            raise PresetFailed(f"The title is longer than {LONGEST_TITLE} characters.")
        return title

    def _inline(self, user: str, row: PresetRow) -> Preset:
        sent = _sent(row)
        data = self._rows.preview(user, row.title)
        if data is None:
            return sent
        return msgspec.structs.replace(sent, preview_image=JPEG_URL + base64.b64encode(data).decode())


def _sent(row: PresetRow) -> Preset:
    image = row.preview_path or PLACEHOLDER
    if row.has_preview:
        image = f"/ViewSpecial/Preset/{quote(row.title, safe='/')}?editid={row.edits}"
    return Preset(row.author, row.title, row.description, image, row.is_starred, row.param_map)


def _check_sizes(draft: Draft) -> None:
    if len(draft.description) > LONGEST_DESCRIPTION:
        raise PresetFailed(f"The description is longer than {LONGEST_DESCRIPTION} characters.")
    if sum(len(key) + len(value) for key, value in draft.param_map.items()) > LARGEST_MAP:
        raise PresetFailed(f"The parameters are longer than {LARGEST_MAP} characters together.")
    if len(draft.preview_metadata) > LONGEST_METADATA:
        raise PresetFailed(f"The preview's metadata are longer than {LONGEST_METADATA} characters.")


def _read_picture(url: str) -> tuple[bytes | None, str]:
    """(JPEG bytes, address) of a sent preview; (None, "") when the old one shall stay."""
    if not url or url.startswith("/ViewSpecial/") or url == PLACEHOLDER:
        return None, ""
    if url.startswith(JPEG_URL):
        try:
            return read_jpeg(url), ""
        except BadPicture as problem:
            raise PresetFailed(str(problem)) from problem
    if url.startswith("/Output") and "?" not in url and len(url) <= LONGEST_TITLE:
        return None, url
    raise PresetFailed("Forbidden preview-image path.")
