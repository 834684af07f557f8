"""What a user's roles allow of the queue: each refusal with its number and when there is room again. Pure."""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from hub.errors import HubError
from hub.params import result_size
from hub.params.request import GenRequest
from permissions import Quotas

DAY = 24 * 3600.0
MIB = 1 << 20
TOLD_BYTES = 1 << 14
"""Bytes that a picture's metadata takes at most, about."""


class Day:
    """The images a user had accepted within the last 24 hours, job by job. Times in unix seconds."""

    def __init__(self, accepted: Iterable[tuple[float, int, str]] = ()) -> None:
        self._jobs: deque[str] = deque()
        self._known: dict[str, tuple[float, int]] = {}
        self._sum = 0
        for created, images, job in accepted:
            self.add(job, created, images)

    def add(self, job: str, created: float, images: int) -> None:
        """A job was accepted."""
        self._jobs.append(job)
        self._known[job] = (created, images)
        self._sum += images

    def settle(self, job: str, made: int) -> None:
        """A job has ended with `made` pictures: the others are given back."""
        if job in self._known:
            created, images = self._known[job]
            self._known[job] = (created, made)
            self._sum += made - images

    def count(self, now: float) -> int:
        """The images of the last 24 hours."""
        while self._jobs and self._known[self._jobs[0]][0] <= now - DAY:
            self._sum -= self._known.pop(self._jobs.popleft())[1]
        return self._sum

    def frees(self, images: int) -> float:
        """When so many of them no longer count."""
        gone = 0
        for job in self._jobs:
            created, many = self._known[job]
            gone += many
            if gone >= images:
                return created + DAY
        return 0.0


def check_request(request: GenRequest, quotas: Quotas) -> None:
    """Refuse pictures that are too large or take too many steps; these limits never free by themselves."""
    width, height = result_size(request.width, request.height, request.second)
    pixels = width * height
    if quotas.pixels and pixels > quotas.pixels:
        raise HubError(
            f"The picture would have {width} x {height} = {pixels} pixels; your roles allow {quotas.pixels}. "
            "Ask for a smaller one.",
            field="width",
            limit=quotas.pixels,
        )
    if quotas.steps and request.steps > quotas.steps:
        raise HubError(
            f"You asked for {request.steps} steps; your roles allow {quotas.steps}.",
            field="steps",
            limit=quotas.steps,
        )


def bytes_of(request: GenRequest) -> int:
    """What one picture may take at most, about: every pixel in three bytes, and what it tells of itself."""
    width, height = result_size(request.width, request.height, request.second)
    return width * height * 3 + TOLD_BYTES


def check_stored(files: int, size: int, coming: int, each: int, quotas: Quotas) -> None:
    """Refuse pictures that would not fit beside what a user keeps: `files` of `size` bytes together. `coming`
    are those that wait and the new ones, of at most `each` bytes; room is set aside for all of them."""
    if quotas.files and files + coming > quotas.files:
        raise HubError(
            f"You keep {files} pictures; with {coming} to come they would be more than the {quotas.files} "
            "that your roles allow. Delete some.",
            field="images",
            limit=max(0, quotas.files - files),
        )
    most = quotas.storage_mib << 20
    if most and size + coming * each > most:
        raise HubError(
            f"Your pictures take {size / MIB:.1f} of the {quotas.storage_mib} MiB that your roles allow, and "
            f"{coming} to come may take {coming * each / MIB:.1f} MiB. "
            "Delete some, or ask for fewer or smaller ones.",
            field="images",
            limit=max(0, (most - size) // max(1, each)),
        )


def check_waiting(waiting: int, more: int, most: int, seconds: float | None) -> None:
    """Refuse what does not fit into the line any more; `seconds` until there is room, None when not known."""
    if waiting + more <= most:
        return
    extra: dict[str, Any] = {}
    when = "There is room when some of them are finished, or if you interrupt them."
    if more > most:
        when = f"No request of more than {most} images can be taken."
    elif seconds is not None:
        extra = {"frees_in": round(seconds, 1)}
        when = f"There is room in about {_span(seconds)}, or if you interrupt some."
    raise HubError(
        f"You have {waiting} images waiting; {more} more would pass the limit of {most}. {when}",
        field="images",
        limit=max(0, most - waiting),
        **extra,
    )


def check_day(day: Day, now: float, more: int, most: int) -> None:
    """Refuse more images than a day may have."""
    count = day.count(now)
    if count + more <= most:
        return
    start = f"You have had {count} of the {most} images that your roles allow within 24 hours; {more} more"
    if more > most:
        raise HubError(f"{start} can never fit.", field="images", limit=max(0, most - count))
    at = day.frees(count + more - most)
    clock = time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))
    raise HubError(
        f"{start} fit in {_span(at - now)} ({clock} UTC).",
        field="images",
        limit=max(0, most - count),
        frees_in=round(at - now, 1),
    )


def _span(seconds: float) -> str:
    for size, word in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(1, round(seconds))} seconds"
