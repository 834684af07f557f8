"""The presets of a user: add, change, copy, delete, export (swarm-api §6)."""

import base64
from collections.abc import Collection, Mapping
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Struct, UnsetType

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


SERVER = ""
"""Who has the presets that everybody sees."""

READ_ONLY = (
    "That preset is shared by the server and cannot be changed here. Duplicate it and change the copy."
)


class Preset(Struct, frozen=True):
    """A preset as it is sent. One that `is_shared` is the server's: everybody sees it, nobody edits it."""

    author: str
    title: str
    description: str
    preview_image: str
    is_starred: bool
    param_map: Mapping[str, str]
    is_shared: bool | UnsetType = UNSET


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
    """The presets room; every function is given the user whose presets it may touch. Those of the server are
    seen by everybody; one's own of the same title comes before."""

    def __init__(self, store: Store) -> None:
        self._rows = store.presets

    def get(self, user: str, title: str) -> PresetRow | None:
        """The preset of that title in any letter case, one's own or else the server's, or None."""
        return self._own(user, title) or self._rows.by_title(SERVER, title)

    def all(self, user: str) -> list[Preset]:
        """Every preset, the server's last; pictures by address, so that hundreds of them stay a small
        answer."""
        own = [_sent(row) for row in self._rows.all(user)]
        titles = {preset.title.lower() for preset in own}
        shared = [row for row in self._rows.all(SERVER) if row.title.lower() not in titles]
        return own + [msgspec.structs.replace(_sent(row), is_shared=True, is_starred=False) for row in shared]

    def preview(self, user: str, title: str) -> bytes | None:
        """The JPEG bytes of a preset's picture, or None."""
        whose = user if self._own(user, title) is not None else SERVER
        return self._rows.preview(whose, title)

    def export(self, user: str, titles: Collection[str] | None = None) -> list[Preset]:
        """One's own presets with their pictures inline: all, or those with these titles."""
        wanted = None if titles is None else {title.lower() for title in titles}
        chosen = [row for row in self._rows.all(user) if wanted is None or row.title.lower() in wanted]
        return [self._inline(user, row) for row in chosen]

    async def add(self, user: str, draft: Draft) -> None:
        """Save a new preset. Raises PresetFailed."""
        title = self._usable_title(draft.title)
        if self._own(user, title) is not None:
            raise PresetFailed("A preset with that title already exists.")
        if len(self._rows.all(user)) >= MOST:
            raise PresetFailed(f"You have {MOST} presets, which is the most. Delete some first.")
        await self._save(user, title, draft, old=None)

    async def edit(self, user: str, editing: str, draft: Draft) -> None:
        """Save over the preset titled `editing`, which goes when the title changed. Raises PresetFailed."""
        title = self._usable_title(draft.title)
        if title.lower() != editing.lower() and self._own(user, title) is not None:
            raise PresetFailed("A preset with that title already exists.")
        old = self._own(user, editing)
        if old is None and self._rows.by_title(SERVER, editing) is not None:
            raise PresetFailed(READ_ONLY)
        await self._save(user, title, draft, old=old)

    async def duplicate(self, user: str, title: str) -> None:
        """Save a copy as "title (2)" and so on, of a shared one too. Raises PresetFailed."""
        row = self.get(user, title)
        if row is None:
            raise PresetFailed("No such preset.")
        name = copy_title(row.title, lambda wanted: self.get(user, wanted) is not None)
        copy = msgspec.structs.replace(row, title=name, author=user)
        await self._rows.put(user, copy, preview=self.preview(user, title))

    async def delete(self, user: str, title: str) -> bool:
        """Remove a preset; False when there was none. Raises PresetFailed for one of the server's."""
        if self._own(user, title) is None and self._rows.by_title(SERVER, title) is not None:
            raise PresetFailed(READ_ONLY)
        return await self._rows.delete(user, title) > 0

    async def share(self, user: str, title: str) -> None:
        """Give everybody a copy of a preset of `user`, in place of a shared one of that title; later changes
        of one's own do not reach it. Raises PresetFailed."""
        row = self._own(user, title)
        if row is None:
            raise PresetFailed("You have no preset of that title.")
        if self._rows.by_title(SERVER, title) is None and len(self._rows.all(SERVER)) >= MOST:
            raise PresetFailed(f"{MOST} presets are shared, which is the most. Take some back first.")
        before = self._rows.by_title(SERVER, title)
        edits = max(row.edits, before.edits + 1 if before is not None else 0)  # part of the picture's address
        shared = msgspec.structs.replace(row, author=user, is_starred=False, edits=edits)
        await self._rows.put(SERVER, shared, preview=self._rows.preview(user, row.title))

    async def unshare(self, title: str) -> bool:
        """Take a shared preset back, whoever shared it; False when there is none."""
        return await self._rows.delete(SERVER, title) > 0

    async def disown(self, user: str) -> None:
        """What a user has shared stays the server's when the account goes, without the name."""
        for row in self._rows.all(SERVER):
            if row.author == user:
                nameless = msgspec.structs.replace(row, author="")
                await self._rows.put(SERVER, nameless, preview=self._rows.preview(SERVER, row.title))

    def _own(self, user: str, title: str) -> PresetRow | None:
        return self._rows.by_title(user, title)

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
