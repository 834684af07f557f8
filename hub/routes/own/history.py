"""One's pictures, all together."""

import time
from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Accounts, Caller
from hub.errors import BadInput, Forbidden
from hub.media import Archives, Chosen
from hub.wire import Streamed, own

FLAG = "view_image_history"
MOST_NAMED = 10_000


class ChosenIn(Struct, frozen=True):
    """Which pictures; without anything all of them."""

    ids: Annotated[str, Meta(description="Only these, by their numbers with commas between.")] = ""
    paths: Annotated[
        str, Meta(description="Only these, by their paths below one's own folder, one a line.")
    ] = ""
    folder: Annotated[str, Meta(max_length=1000, description="Only those in this folder and below it.")] = ""
    search: Annotated[
        str, Meta(max_length=1000, description="Only those with these words in their prompts.")
    ] = ""
    starred: Annotated[bool, Meta(description="Only starred ones.")] = False
    since: Annotated[
        float, Meta(ge=0, le=2**40, description="Only those from this time on (unix seconds).")
    ] = 0
    until: Annotated[
        float, Meta(ge=0, le=2**40, description="Only those before this time (unix seconds); 0: any time.")
    ] = 0
    metadata: Annotated[bool, Meta(description="Whether each one's metadata lies beside it as JSON.")] = True


@own("/history/zip", permission=FLAG, method="GET")
@own("/history/zip", permission=FLAG)
async def download_history(
    caller: Caller, given: ChosenIn, archives: Archives, accounts: Accounts
) -> Streamed:
    """Download the caller's pictures as one zip file, newest first, packed while it is sent.

    What was deleted meanwhile is left out and named in `not in here.txt`. It ends, cut short, when the caller
    is signed out. With GET a plain link will do: the caller comes by cookie, token or as the local user.
    """
    chosen = Chosen(
        _numbers(given.ids),
        _lines(given.paths),
        given.folder,
        given.search,
        given.starred,
        int(given.since * 1000),
        int(given.until * 1000),
    )

    def demand() -> None:
        if not accounts.now(caller).may(FLAG):
            raise Forbidden(FLAG)

    pieces = archives.pack(caller.user, chosen, metadata=given.metadata, demand=demand)
    name = f"history-{caller.user}-{time.strftime('%Y%m%d-%H%M%S')}.zip"
    headers = [
        (b"content-type", b"application/zip"),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return Streamed(200, headers, pieces)


def _numbers(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if len(words) > MOST_NAMED or not all(
        word.isascii() and word.isdigit() and len(word) < 19 for word in words
    ):
        raise BadInput("'ids' are numbers with commas between.", field="ids", limit=MOST_NAMED)
    return tuple(map(int, words))


def _lines(text: str) -> tuple[str, ...]:
    lines = tuple(line.strip("\r") for line in text.split("\n") if line.strip())
    if len(lines) > MOST_NAMED:
        raise BadInput(f"At most {MOST_NAMED} paths can be named.", field="paths", limit=MOST_NAMED)
    return lines
