"""One job as the store knows it."""

from msgspec import Struct

NAMES = 'id, "user", session, request_id, state, images, created, finished'
"""The columns before the request."""


class JobRow(Struct, frozen=True):
    """One job. `id` 32 hex digits; `state` waiting, running, done, failed or cancelled; `images` how many
    are promised, `made` how many came of an ended one; times in unix milliseconds; `request` an encoded
    GenRequest, None once nothing is left to be drawn from it. Of one user's jobs the higher `priority` comes
    first, then the lower `place`. `ends` tells of images cancelled or failed, a line of JSON each."""

    id: str
    user: str
    session: str
    request_id: int
    state: str
    images: int
    created: int
    finished: int | None = None
    request: bytes | None = None
    error: str = ""
    priority: int = 0
    place: int = 0
    made: int | None = None
    ends: str = ""
