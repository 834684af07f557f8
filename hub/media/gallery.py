"""A user's history over the index: lists, stars, deleting (swarm-api §7)."""

import asyncio
import os
import shutil
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import UNSET, Struct, UnsetType

from hub.media.outputs import SIBLINGS, Outputs, OutsideOutputs
from hub.store import DEEPEST, Asked, ImageRow, Images

STARRED = "Starred"
_STAR_MARK = '"is_starred": true'


class NoSuchFolder(Exception):
    """There is no such folder in the user's outputs."""


class NoSuchImage(Exception):
    """There is no such image in the user's outputs."""


class Wanted(Struct, frozen=True):
    """Which images of a folder a list shall hold: `depth` levels of folders down, newest or highest name
    first unless `reverse`, at most `most`, behind the page that ended with `before`. `search` narrows to
    prompts with these words, `starred` to starred images; both look at the newest `scanned` that match.
    """

    path: str = ""
    depth: int = DEEPEST
    by_date: bool = False
    reverse: bool = False
    most: int = 1_000
    scanned: int = 10_000
    before: str = ""
    starred: bool = False
    search: str = ""


class BadMark(Exception):
    """What a list should go on behind is nothing that a list has ended with."""


class Listed(Struct, frozen=True):
    """One image of a list: `src` relative to the folder asked for, its metadata text with the star in it."""

    src: str
    metadata: str | None


class Listing(Struct, frozen=True):
    """A folder's content: names of folders below (with '/' between levels) and images.

    `next`, where there are more images, is the `before` of the page that follows.
    """

    folders: list[str]
    files: list[Listed]
    next: str | UnsetType = UNSET


class Gallery:
    """Finished pictures of every user, found through the index."""

    def __init__(self, outputs: Outputs, images: Images) -> None:
        self._outputs = outputs
        self._images = images

    async def browse(self, user: str, wanted: Wanted) -> Listing:
        """What is in a folder; the deepest folders are named but not read, and only on a list's first page.

        Raises NoSuchFolder, BadMark, and TooLong of the store when a search takes too much time.
        """
        folder = self._clean(user, wanted.path)
        asked = Asked(
            user,
            folder,
            max(1, min(wanted.depth, DEEPEST)),
            by_date=wanted.by_date,
            newest_first=not wanted.reverse,
            after=read_mark(wanted.before, by_date=wanted.by_date),
            most=max(0, wanted.most),
            scanned=wanted.scanned,
            starred=wanted.starred,
            search=wanted.search,
        )
        below = [] if wanted.before else await self._images.folders(user, folder, asked.depth)
        page = await self._images.page(asked)
        nothing = not page.rows and not below
        if nothing and folder and not (self._outputs.home(user) / folder).is_dir():
            raise NoSuchFolder(wanted.path)
        cut = len(folder) + 1 if folder else 0
        following = UNSET if page.after is None else mark(page.after)
        return Listing([path[cut:] for path in below], _listed(page.rows, folder), following)

    async def delete(self, user: str, path: str) -> None:
        """Remove an image, its siblings and its row. Raises NoSuchImage, OSError when the file stays.

        The row goes last: until then the list shows an image that is there or is just going.
        """
        path = self._clean_file(user, path)
        file = self._outputs.inside(user, path)
        row = self._images.by_path(user, path)
        if row is None and not (file.is_file() and self._outputs.append_user):
            raise NoSuchImage(path)
        with suppress(FileNotFoundError):
            file.unlink()
        for ending in SIBLINGS:
            with suppress(OSError):
                file.with_suffix(ending).unlink()
        self._outputs.retire(user, path)
        await self._images.delete(user, path)
        if path.startswith(f"{STARRED}/"):
            await self._images.star(user, await self._original(user, path), False)

    async def toggle_star(self, user: str, path: str, *, flat: bool = False) -> bool:
        """Star an image by a copy under `Starred/`, or take the star back; gives the new state.

        Raises NoSuchImage. A star whose original is gone moves the copy back instead of deleting it. `flat`
        leaves the original's folders out of the copy's path, unless that is taken.
        """
        path = self._clean_file(user, path)
        if path.startswith(f"{STARRED}/") and self._images.exists(user, path):
            await self._unstar(user, path, await self._original(user, path))
            return False
        original = await self._original(user, path) if path.startswith(f"{STARRED}/") else path
        row = self._images.by_path(user, original)
        places = [_starred_path(original), _flat_path(original)]
        copy = next((place for place in places if self._images.exists(user, place)), None)
        if copy is not None and (copy == places[0] or (row is not None and row.starred)):
            await self._unstar(user, copy, original)
            return False
        if row is None:
            raise NoSuchImage(path)
        await self._star(user, row, places[1] if flat and copy is None else places[0])
        return True

    def folder(self, user: str, path: str) -> Path:
        """The real folder at a path, or the one that the file there lies in. Raises NoSuchFolder."""
        clean = self._clean(user, path)
        place = self._outputs.inside(user, clean) if clean else self._outputs.home(user)
        if place.is_file():
            place = place.parent
        if not place.is_dir():
            raise NoSuchFolder(path)
        return place

    def file(self, user: str, path: str) -> Path:
        """The real file at a path of the user's own. Raises NoSuchImage."""
        clean = self._clean_file(user, path)
        found = self._outputs.inside(user, clean)
        if not self.owns(user, clean) or not found.is_file():
            raise NoSuchImage(path)
        return found

    def owns(self, user: str, path: str) -> bool:
        """Whether `path` belongs to `user`: where all share one folder, only what the index says is his."""
        return self._outputs.append_user or self._images.exists(user, path)

    async def missed(self, user: str, path: str) -> None:
        """A file was asked for that is gone: its row, if there is one, goes too."""
        if self._images.exists(user, path):
            await self._images.delete(user, path)

    # ---- inner -------------------------------------------------------------------------------------------

    async def _star(self, user: str, row: ImageRow, starred: str) -> None:
        source, target = self._outputs.inside(user, row.path), self._outputs.inside(user, starred)
        if not source.is_file():
            raise NoSuchImage(row.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(_copy, source, target)
        copy = ImageRow(
            job="",
            index=0,
            user=user,
            path=starred,
            created=row.created,
            model=row.model,
            prompt=row.prompt,
            metadata=row.metadata,
            width=row.width,
            height=row.height,
            bytes=row.bytes,
            starred=True,
        )
        await asyncio.gather(self._images.add(copy), self._images.star(user, row.path, True))

    async def _unstar(self, user: str, starred: str, original: str) -> None:
        copy = self._outputs.inside(user, starred)
        target = self._outputs.inside(user, original)
        if self._images.exists(user, original) and target.is_file():
            await self._images.star(user, original, False)
            with suppress(FileNotFoundError):
                copy.unlink()
            await self._images.delete(user, starred)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        await self._images.delete(user, original)
        copy.replace(target)
        await self._images.move(user, starred, original)
        await self._images.star(user, original, False)

    async def _original(self, user: str, starred: str) -> str:
        """Where a starred copy came from: below `raw/` unless it is known elsewhere."""
        bare = starred.removeprefix(f"{STARRED}/")
        for path in (bare, f"raw/{bare}"):
            if self._images.exists(user, path):
                return path
        if "/" not in bare:
            for path in await self._images.starred_as(user, bare):
                if not path.startswith(f"{STARRED}/"):
                    return path
        return f"raw/{bare}"

    def _clean(self, user: str, path: str) -> str:
        """A folder as the index knows it. Raises NoSuchFolder when it leads out."""
        parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
        folder = "/".join(parts)
        try:
            if folder:
                self._outputs.inside(user, folder)
        except OutsideOutputs as out:
            raise NoSuchFolder(path) from out
        if any(part.startswith(".") for part in parts):
            raise NoSuchFolder(path)
        return folder

    def _clean_file(self, user: str, path: str) -> str:
        for prefix in (f"View/{user}/", f"/View/{user}/", "Output/", "/Output/"):
            path = path.removeprefix(prefix)
        try:
            clean = self._clean(user, path)
        except NoSuchFolder as wrong:
            raise NoSuchImage(path) from wrong
        if not clean:
            raise NoSuchImage(path)
        return clean


def mark(key: str | tuple[int, int]) -> str:
    """The text that stands for the end of a page."""
    return msgspec.json.encode(key).decode()


def read_mark(text: str, *, by_date: bool) -> str | tuple[int, int] | None:
    """The end of a page that `mark` made, None for "". Raises BadMark."""
    if not text:
        return None
    try:
        if by_date:
            return msgspec.json.decode(text, type=tuple[int, int])
        return msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeError) as bad:
        raise BadMark(text) from bad


def _listed(rows: list[ImageRow], folder: str) -> list[Listed]:
    """Rows as SwarmUI shows them: a star in the metadata, an original hidden beside its starred copy."""
    cut = len(folder) + 1 if folder else 0
    copies = {row.path for row in rows if row.path.startswith(f"{STARRED}/")}
    listed = []
    for row in rows:
        if row.path not in copies and _starred_path(row.path) in copies:
            continue
        if row.path not in copies and row.starred and _flat_path(row.path) in copies:
            continue
        listed.append(Listed(row.path[cut:], with_star(row.metadata) if row.starred else row.metadata))
    return listed


def with_star(metadata: str | None) -> str:
    """The metadata text with `is_starred` at its root."""
    if not metadata or not metadata.startswith("{"):
        return "{" + _STAR_MARK + "}"
    rest = metadata[1:].lstrip()
    return "{" + _STAR_MARK + ("" if rest.startswith("}") else ",") + metadata[1:]


def _starred_path(path: str) -> str:
    return f"{STARRED}/{path.removeprefix('raw/')}"


def _flat_path(path: str) -> str:
    return f"{STARRED}/{path.rpartition('/')[2]}"


def _copy(source: Path, target: Path) -> None:
    """A second name for the same content where the disk can, else a copy under a temporary name first."""
    with suppress(FileExistsError):
        try:
            os.link(source, target)
        except OSError:
            temporary = target.with_name(f".{target.name}.part")
            shutil.copyfile(source, temporary)
            temporary.replace(target)
