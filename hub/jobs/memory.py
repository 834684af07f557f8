"""Jobs that have ended, for a while: whoever comes back soon can be told everything again."""

from collections import OrderedDict
from collections.abc import Iterable

from hub.jobs.active import Active
from hub.jobs.events import weight

MOST_JOBS = 512
MOST_BYTES = 64 << 20  # addresses and metadata; a picture that is not saved is its own address


class Memory:
    """Ended jobs by id, the oldest forgotten first."""

    def __init__(self, most_jobs: int = MOST_JOBS, most_bytes: int = MOST_BYTES) -> None:
        self._jobs: OrderedDict[str, tuple[Active, int]] = OrderedDict()
        self._bytes = 0
        self._most_jobs = most_jobs
        self._most_bytes = most_bytes

    def remember(self, active: Active) -> None:
        """Keep an ended job, without the pictures it was started from; others may have to go."""
        active.lighten()
        size = sum(weight(event) for event in active.channel.ring)
        self._jobs[active.job.id] = (active, size)
        self._bytes += size
        while self._jobs and (len(self._jobs) > self._most_jobs or self._bytes > self._most_bytes):
            _, (_, size) = self._jobs.popitem(last=False)
            self._bytes -= size

    def forget(self, user: str) -> None:
        """Let go of every job of a user."""
        for job in [job for job, (active, _) in self._jobs.items() if active.job.user == user]:
            _, size = self._jobs.pop(job)
            self._bytes -= size

    def get(self, job: str) -> Active | None:
        """A remembered job."""
        found = self._jobs.get(job)
        return None if found is None else found[0]

    def jobs(self) -> Iterable[Active]:
        """Every remembered job, oldest first."""
        return [active for active, _ in self._jobs.values()]
