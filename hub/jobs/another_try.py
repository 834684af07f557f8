"""Which images of an ended job can be asked for once more. Pure."""

from collections.abc import Set as AbstractSet

from hub.errors import HubError
from hub.jobs.ends import read
from hub.jobs.keep import Kept
from hub.store import JobRow

DAYS = 7
"""How long the request of a failed or cancelled job is kept for another try."""


def missing_of(row: JobRow | None, kept: Kept | None, done: AbstractSet[int]) -> tuple[Kept, tuple[int, ...]]:
    """The request and those of its images that did not come; `done` have a picture. Raises HubError."""
    if row is None:
        raise HubError("You have no job of that id.", field="job")
    drawn = () if kept is None else kept.only or range(row.images)
    missing = tuple(drawn[index] for index in sorted(read(row.ends).keys() - done) if index < len(drawn))
    if row.state == "done" or (kept is not None and not missing):
        raise HubError("Every image of that job was made; there is nothing to try again.", field="job")
    if kept is None:
        raise HubError(
            f"The request of that job is no longer kept (after {DAYS} days, or when it is very large). "
            "Send it again.",
            field="job",
        )
    return kept, missing
