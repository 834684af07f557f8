"""A user's history over the index: lists, stars, deleting (swarm-api §7)."""

import asyncio
import os
import shutil
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from hub.media.outputs import SIBLINGS, Outputs, OutsideOutputs
from hub.store import ImageRow, Images

STARRED = "Starred"
MOST_LISTED = 1_000  # images of one answer (MaxImagesInHistory)
MOST_SCANNED = 10_000  # images looked at for it (MaxImagesScannedInHistory)
MOST_FOLDERS = 5_000
_MOST_DEPTH = 10
_PAGE = 2_000
_STAR_MARK = '"is_starred": true'


class NoSuchFolder(Exception):
    """There is no such folder in the user's outputs."""


class NoSuchImage(Exception):
    """There is no such image in the user's outputs."""


class Listed(Struct, frozen=True):
    """One image of a list: `src` relative to the folder asked for, its metadata text with the star in it."""

    src: str
    metadata: str | None


class Listing(Struct, frozen=True):
    """A folder's content: names of folders below (with '/' between levels) and images."""

    folders: list[str]
    files: list[Listed]


class Gallery:
    """Finished pictures of every user, found through the index."""

    def __init__(self, outputs: Outputs, images: Images) -> None:
        self._outputs = outputs
        self._images = images

    async def browse(
        self,
        user: str,
        path: str,
        depth: int,
        *,
        by_date: bool = False,
        reverse: bool = False,
        most: int = MOST_LISTED,
        most_scanned: int = MOST_SCANNED,
    ) -> Listing:
        """What is in a folder, `depth` levels down; the deepest folders are named but not read.

        Newest or highest name first, the other way round with `reverse`; at most `most` images, found among
        the first `most_scanned`. Raises NoSuchFolder.
        """
        folder = self._clean(user, path)
        depth = max(1, min(depth, _MOST_DEPTH))
        folders = self._folders(user, folder, depth)
        rows = await self._rows(user, folder, depth, by_date, reverse, most_scanned)
        if not rows and not folders and folder and not (self._outputs.home(user) / folder).is_dir():
            raise NoSuchFolder(path)
        return Listing(folders, _listed(rows, folder)[: max(0, most)])

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
            await self._images.star(user, self._original(user, path), False)

    async def toggle_star(self, user: str, path: str) -> bool:
        """Star an image by a copy under `Starred/`, or take the star back; gives the new state.

        Raises NoSuchImage. A star whose original is gone moves the copy back instead of deleting it.
        """
        path = self._clean_file(user, path)
        starred = path if path.startswith(f"{STARRED}/") else _starred_path(path)
        original = self._original(user, path) if path == starred else path
        if self._images.exists(user, starred):
            await self._unstar(user, starred, original)
            return False
        row = self._images.by_path(user, original)
        if row is None:
            raise NoSuchImage(path)
        await self._star(user, row, starred)
        return True

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

    def _original(self, user: str, starred: str) -> str:
        """Where a starred copy came from: below `raw/` unless it is known elsewhere."""
        bare = starred.removeprefix(f"{STARRED}/")
        return bare if self._images.exists(user, bare) else f"raw/{bare}"

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

    def _folders(self, user: str, folder: str, depth: int) -> list[str]:
        found: list[str] = []
        level = [folder]
        for _ in range(depth):
            below = [
                f"{parent}/{name}" if parent else name
                for parent in level
                for name in self._images.folders(user, parent)
            ]
            found += below
            level = below
            if len(found) > MOST_FOLDERS:
                break
        cut = len(folder) + 1 if folder else 0
        return [path[cut:] for path in found[:MOST_FOLDERS]]

    async def _rows(
        self, user: str, folder: str, depth: int, by_date: bool, reverse: bool, most: int
    ) -> list[ImageRow]:
        """Rows at most `depth` levels down, page by page, so that no other query waits long."""
        rows: list[ImageRow] = []
        at_most = folder.count("/") + (1 if folder else 0) + depth - 1
        scanned = 0
        seen: ImageRow | None = None
        while scanned < most:
            if by_date:
                before = None if seen is None else (seen.created, seen.id or 0)
                page = await self._images.page(
                    user, folder_prefix=folder, before=before, limit=_PAGE, newest_first=not reverse
                )
            else:
                page = await self._images.page_by_path(
                    user,
                    folder_prefix=folder,
                    before=None if seen is None else seen.path,
                    limit=_PAGE,
                    newest_first=not reverse,
                )
            rows += [row for row in page if row.path.count("/") <= at_most]
            scanned += len(page)
            if len(page) < _PAGE:
                break
            seen = page[-1]
        return rows


def _listed(rows: list[ImageRow], folder: str) -> list[Listed]:
    """Rows as SwarmUI shows them: a star in the metadata, an original hidden beside its starred copy."""
    cut = len(folder) + 1 if folder else 0
    copies = {row.path for row in rows if row.path.startswith(f"{STARRED}/")}
    listed = []
    for row in rows:
        if row.path not in copies and _starred_path(row.path) in copies:
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


def _copy(source: Path, target: Path) -> None:
    """A second name for the same content where the disk can, else a copy under a temporary name first."""
    with suppress(FileExistsError):
        try:
            os.link(source, target)
        except OSError:
            temporary = target.with_name(f".{target.name}.part")
            shutil.copyfile(source, temporary)
            temporary.replace(target)
