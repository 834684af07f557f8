"""Whether a request may come in: what the sender's roles allow, and what he had within a day."""

from collections.abc import Callable

from hub.accounts.caller import Caller
from hub.jobs import limits
from hub.jobs.keep import Keep
from hub.params.request import GenRequest


class Admission:
    """Checks requests. `most_waiting` images of a user may wait at most, whatever the roles say."""

    def __init__(self, keep: Keep, most_waiting: int) -> None:
        self._keep = keep
        self.most_waiting = most_waiting
        self._days: dict[str, limits.Day] = {}  # of users whose days are limited

    def check(
        self,
        request: GenRequest,
        caller: Caller,
        total: int,
        *,
        waiting: int,
        now: float,
        seconds: Callable[[int], float | None],
    ) -> None:
        """Refuse `total` images that the caller's roles do not allow. Raises HubError.

        The caller has `waiting` images already; `seconds` tells in how many seconds so many are done.
        """
        quotas, user = caller.limits.quotas, caller.user
        limits.check_request(request, quotas)
        most = min(self.most_waiting, quotas.queued or self.most_waiting)
        if request.save:
            self.demand_room(caller, waiting + total, limits.bytes_of(request))
        limits.check_waiting(waiting, total, most, seconds(max(0, waiting + total - most)))
        if quotas.per_day:
            if user not in self._days:
                self._days[user] = limits.Day(self._keep.day(user, now - limits.DAY))
            limits.check_day(self._days[user], now, total, quotas.per_day)
        else:
            self._days.pop(user, None)

    def demand_room(self, caller: Caller, coming: int, each: int) -> None:
        """Refuse pictures of `each` bytes that the caller's roles allow no room for. Raises HubError."""
        quotas = caller.limits.quotas
        if quotas.files or quotas.storage_mib:
            limits.check_stored(*self._keep.stored(caller.user), coming, each, quotas)

    def accepted(self, user: str, job: str, now: float, images: int) -> None:
        """A job came in."""
        if user in self._days:
            self._days[user].add(job, now, images)

    def ended(self, user: str, job: str, made: int) -> None:
        """A job has ended with so many pictures; the others are given back."""
        if user in self._days:
            self._days[user].settle(job, made)

    def forget(self, user: str) -> None:
        """Count anew for whoever has this name next."""
        self._days.pop(user, None)
