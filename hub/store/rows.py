"""One image as the index knows it, and how it is read from the table."""

from typing import Any

from msgspec import Struct

NAMES = (
    "job",
    "index",
    "user",
    "path",
    "created",
    "model",
    "prompt",
    "metadata",
    "width",
    "height",
    "bytes",
    "starred",
    "id",
)
COLUMNS = ", ".join(f'"{name}"' for name in NAMES)
SELECT = f"SELECT {COLUMNS} FROM images"  # noqa: S608


class ImageRow(Struct, frozen=True):
    """One saved picture: image `index` of `job`; `path` below the user's output folder, with '/';
    `created` in unix milliseconds; `metadata` its JSON text or None; sizes in pixels, `bytes` of the file;
    adding it gives `id`."""

    job: str
    index: int
    user: str
    path: str
    created: int
    model: str = ""
    prompt: str = ""
    metadata: str | None = None
    width: int = 0
    height: int = 0
    bytes: int = 0
    starred: bool = False
    id: int | None = None


def row_of(values: tuple[Any, ...]) -> ImageRow:
    """A row as `SELECT` gives it."""
    fields = (*values[:11], bool(values[11]), values[12])
    return ImageRow(*fields)
