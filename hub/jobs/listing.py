"""Jobs as people see them: their own whole, those of others without what is private, ended ones from the
store too."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hub.errors import HubError
from hub.jobs.active import SHOWN, Active
from hub.jobs.ends import End, read
from hub.jobs.events import Imaged, ImageFailed, JobEvent, Started
from hub.jobs.floor import Floor, Place
from hub.jobs.job import State
from hub.jobs.keep import Keep, has_words
from hub.jobs.memory import Memory
from hub.store import ImageRow, JobRow, JobsAsked, TooLong

TOO_LONG = "Looking through the older jobs takes too long. Narrow it down with words, a state or a time."
_COMMON = frozenset(("job", "user", "session", "request_id", "number", "at", "index"))


class ImageView(Struct, frozen=True, omit_defaults=True):
    """One image of a job as its owner sees it; `image` is its address once done."""

    index: int
    state: str
    image: str | None = None
    error: str | None = None


class JobView(Struct, frozen=True):
    """One job. `number` is that of its last event; times in unix seconds.

    `ahead` is how many images of anyone come before its next one in line (None when nothing of it waits),
    `begins_in` and `ends_in` in about how many seconds that one begins and the last one is done. Of a user's
    jobs the higher `priority` comes first. `held_up` tells why no engine takes what waits of it now, a
    sentence an engine. Jobs of others have neither prompt, session, number, addresses nor that unless the
    caller may see them; `user` is "" then, and `mine` false.
    """

    job: str
    request_id: str
    session: str
    state: str
    number: int
    images: list[ImageView]
    prompt: str
    model: str
    created: float
    finished: float | None = None
    ahead: int | None = None
    error: str = ""
    begins_in: float | None = None
    ends_in: float | None = None
    priority: int = 0
    user: str = ""
    mine: bool = True
    held_up: list[str] = []


class Moment(Struct, frozen=True, omit_defaults=True):
    """Something that happened to a job at `at` (unix seconds): `event` names it, `index` the image it is
    about (None: all of it), `what` holds the rest."""

    at: float
    event: str
    index: int | None = None
    what: Mapping[str, Any] = {}


NO_END = float(1 << 50)
"""No time is later, in seconds."""


class Filter(Struct, frozen=True):
    """Which jobs are wanted: of these `states` (empty: any), from this `session` (its first digits), with
    these `words` in the prompt, with a number below `before`, accepted before `until` (unix seconds);
    `limit` of them at most. `everyone`: of all users; `older`: also those that only the store knows. Words,
    sessions and numbers choose among one's own."""

    states: tuple[str, ...] = ()
    session: str = ""
    words: str = ""
    before: int = 1 << 62
    until: float = NO_END
    limit: int = 1000
    everyone: bool = False
    older: bool = False


class Listing:
    """Looks at the jobs of the floor, the memory and the store."""

    def __init__(self, floor: Floor, memory: Memory, keep: Keep) -> None:
        self._floor = floor
        self._memory = memory
        self._keep = keep

    def page(self, user: str, wanted: Filter, *, sees_all: bool) -> list[JobView]:
        """The wanted jobs in memory, newest first; `sees_all` tells that nothing of others need be hidden."""
        found = sorted(self._known(user, wanted), key=lambda active: -active.sequence)
        places: dict[str, Mapping[str, Place]] = {}
        views = []
        for active in found[: wanted.limit]:
            owner = active.job.user
            if owner not in places:
                places[owner] = self._floor.places(owner)
            whole = sees_all or owner == user
            place = places[owner].get(active.job.id)
            views.append(view(active, place, user, whole=whole, held_up=self._held_up(active, place)))
        return views

    async def whole_page(self, user: str, wanted: Filter, *, sees_all: bool) -> list[JobView]:
        """The wanted jobs, also those that only the store knows when older ones are wanted. Raises HubError
        when looking takes too long."""
        views = self.page(user, wanted, sees_all=sees_all)
        if not wanted.older:
            return views
        known = {active.job.id for active in self._known(user, wanted)}
        asked = JobsAsked(
            None if wanted.everyone and not _narrows(wanted) else user,
            wanted.states,
            int(min(wanted.until, NO_END) * 1000),
            wanted.before,
            wanted.session[:SHOWN],
            wanted.words,
            wanted.limit + len(known),
        )
        try:
            rows = await self._keep.find(asked)
        except TooLong as long:
            raise HubError(TOO_LONG) from long
        for row, images in rows:
            if row.id not in known and row.id not in self._floor.jobs:
                whole = sees_all or row.user == user
                views.append(self._old_view(row, images, user, whole=whole))
        views.sort(key=lambda one: -one.created)
        return views[: wanted.limit]

    def one(self, job: str, user: str, *, sees_all: bool) -> tuple[JobView, list[Moment]] | None:
        """A job and what happened to it, oldest first; None when there is none that the user may see."""
        active = self._floor.jobs.get(job) or self._memory.get(job)
        if active is not None and (active.job.user == user or sees_all):
            place = self._floor.places(active.job.user).get(job)
            held_up = self._held_up(active, place)
            return view(active, place, user, whole=True, held_up=held_up), [
                _moment(event) for event in active.channel.ring
            ]
        row = self._keep.row(job, None if sees_all else user)
        if row is None or active is not None:
            return None
        images = self._keep.images(job)
        return self._old_view(row, images, user, whole=True), _old_moments(row, images, self._keep.url)

    def _held_up(self, active: Active, place: Place | None) -> list[str]:
        return [] if place is None else self._floor.obstacles(active)

    def _known(self, user: str, wanted: Filter) -> Iterable[Active]:
        waiting = self._floor.jobs.values() if wanted.everyone else self._floor.of(user)
        for active in (*waiting, *self._memory.jobs()):
            job = active.job
            if not active.durable or (not wanted.everyone and job.user != user):
                continue
            if (
                (not wanted.states or job.state in wanted.states)
                and (job.user == user or not _narrows(wanted))
                and (not wanted.session or job.session[:SHOWN] == wanted.session[:SHOWN])
                and (job.user != user or job.request_id < wanted.before)
                and active.created < wanted.until
                and (not wanted.words or has_words(active.kept.request.prompt, wanted.words))
            ):
                yield active

    def _old_view(self, row: JobRow, images: Sequence[ImageRow], user: str, *, whole: bool) -> JobView:
        shown = [self._old_image(row, image, whole=whole) for image in _pictures(row, images)]
        prompt, model = "", ""
        if whole:
            prompt, model = (images[0].prompt, images[0].model) if images else self._keep.shown(row)
        return JobView(
            job=row.id,
            request_id=str(row.request_id) if whole else "",
            session=row.session[:SHOWN] if whole else "",
            state=row.state,
            number=0,
            images=shown,
            prompt=prompt,
            model=model,
            created=row.created / 1000,
            finished=None if row.finished is None else row.finished / 1000,
            error=row.error if whole else "",
            priority=row.priority if whole else 0,
            user=row.user if whole else "",
            mine=row.user == user,
        )

    def _old_image(self, row: JobRow, found: "_Old", *, whole: bool) -> ImageView:
        if found.saved is not None:
            return ImageView(found.index, str(State.DONE), self._keep.url(found.saved) if whole else None)
        if found.end is not None:
            return ImageView(
                found.index, found.end.state, None, (found.end.reason or None) if whole else None
            )
        return ImageView(found.index, row.state)  # it was never saved, or it is deleted since


class _Old(Struct, frozen=True):
    """What the store knows of one image of an ended job."""

    index: int
    saved: ImageRow | None
    end: End | None


def _pictures(row: JobRow, images: Sequence[ImageRow]) -> list[_Old]:
    ends, saved = read(row.ends), {image.index: image for image in images}
    return [_Old(index, saved.get(index), ends.get(index)) for index in range(row.images)]


def _narrows(wanted: Filter) -> bool:
    """Whether something is asked that may only be asked of one's own jobs."""
    return bool(wanted.session or wanted.words)


def view(
    active: Active, place: Place | None, user: str, *, whole: bool, held_up: Sequence[str] = ()
) -> JobView:
    """A job as it stands, as `user` sees it; `whole` unless what is private must be left out."""
    job, request = active.job, active.kept.request
    return JobView(
        job=job.id,
        request_id=str(job.request_id) if whole else "",
        session=job.session[:SHOWN] if whole else "",
        state=job.state,
        number=active.channel.number if whole else 0,
        images=_images(active, whole=whole),
        prompt=request.prompt if whole else "",
        model=request.model.name if whole else "",
        created=active.created,
        finished=active.finished or None,
        ahead=None if place is None else place.ahead,
        error=job.reason if whole else "",
        begins_in=None if place is None else _rounded(place.begins),
        ends_in=None if place is None else _rounded(place.ends),
        priority=active.priority if whole else 0,
        user=job.user if whole else "",
        mine=job.user == user,
        held_up=list(held_up) if whole else [],
    )


def _images(active: Active, *, whole: bool) -> list[ImageView]:
    urls: dict[int, str] = {}
    errors: dict[int, str] = {}
    for event in active.channel.ring if whole else ():
        if isinstance(event, Imaged):
            urls[event.index] = event.url
        elif isinstance(event, ImageFailed):
            errors[event.index] = event.reason
    return [
        ImageView(picture.index, str(picture.state), urls.get(picture.index), errors.get(picture.index))
        for picture in active.job.pictures
    ]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _moment(event: JobEvent) -> Moment:
    fields = msgspec.structs.asdict(event)
    what = {name: value for name, value in fields.items() if name not in _COMMON}
    if isinstance(event, Imaged | Started):
        what.pop("metadata")
    return Moment(event.at, str(event.__struct_config__.tag), fields.get("index"), what)


def _old_moments(row: JobRow, images: Sequence[ImageRow], url: Callable[[ImageRow], str]) -> list[Moment]:
    found = [Moment(row.created / 1000, "queued", None, {"images": row.images})]
    found += [Moment(image.created / 1000, "imaged", image.index, {"url": url(image)}) for image in images]
    saved = {image.index for image in images}
    for index, end in read(row.ends).items():
        if index not in saved:
            reason = {"reason": end.reason} if end.reason else {}
            found.append(Moment(end.at, f"image_{end.state}", index, reason))
    if row.finished is not None:
        found.append(Moment(row.finished / 1000, "ended", None, {"state": row.state}))
    return sorted(found, key=lambda moment: moment.at)
