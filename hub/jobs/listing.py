"""Jobs as people see them: their own whole, those of others without what is private, ended ones from the
store too."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hub.jobs.active import SHOWN, Active
from hub.jobs.ends import read
from hub.jobs.events import Imaged, ImageFailed, JobEvent, Started
from hub.jobs.floor import Floor, Place
from hub.jobs.job import State
from hub.jobs.keep import Keep
from hub.jobs.memory import Memory
from hub.store import ImageRow, JobRow

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


class Filter(Struct, frozen=True):
    """Which jobs are wanted: of these `states` (empty: any), from this `session` (its first digits), with
    these `words` in the prompt, with a number below `before`; `limit` of them at most. `everyone`: of all
    users; `older`: also those that only the store knows."""

    states: tuple[str, ...] = ()
    session: str = ""
    words: str = ""
    before: int = 1 << 62
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
        """The wanted jobs, newest first; `sees_all` tells that nothing of others need be hidden."""
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
        if wanted.older and not wanted.everyone:
            views += self._older(user, wanted, {active.job.id for active in found})
            views.sort(key=lambda one: -int(one.request_id))
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
        row = self._keep.row(job, user)
        if row is None or active is not None:
            return None
        images = self._keep.images(job)
        return self._old_view(row, images), _old_moments(row, images, self._keep.url)

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
                and (not wanted.session or job.session[:SHOWN] == wanted.session[:SHOWN])
                and (job.user != user or job.request_id < wanted.before)
                and (not wanted.words or (job.user == user and _has(active, wanted.words)))
            ):
                yield active

    def _older(self, user: str, wanted: Filter, known: Collection[str]) -> list[JobView]:
        """The newest wanted jobs that only the store has; it knows neither tabs nor prompts to search by."""
        if wanted.session or wanted.words:
            return []
        rows = self._keep.rows(user, wanted.before, wanted.limit + len(known), wanted.states)
        found = [row for row in rows if row.id not in known and row.id not in self._floor.jobs]
        return [self._old_view(row, self._keep.images(row.id)) for row in found[: wanted.limit]]

    def _old_view(self, row: JobRow, images: Sequence[ImageRow]) -> JobView:
        ends = read(row.ends)
        saved = {image.index: image for image in images}
        shown = []
        for index in range(row.images):
            if index in saved:
                shown.append(ImageView(index, str(State.DONE), self._keep.url(saved[index])))
            elif index in ends:
                shown.append(ImageView(index, ends[index].state, None, ends[index].reason or None))
            else:  # it was never saved, or it is deleted since
                shown.append(ImageView(index, row.state))
        return JobView(
            job=row.id,
            request_id=str(row.request_id),
            session=row.session[:SHOWN],
            state=row.state,
            number=0,
            images=shown,
            prompt=images[0].prompt if images else "",
            model=images[0].model if images else "",
            created=row.created / 1000,
            finished=None if row.finished is None else row.finished / 1000,
            error=row.error,
            priority=row.priority,
            user=row.user,
        )


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


def _has(active: Active, words: str) -> bool:
    prompt = active.kept.request.prompt.lower()
    return all(word in prompt for word in words.lower().split())


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
