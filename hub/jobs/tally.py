"""The four counters of a status frame, kept while jobs move instead of being counted when asked."""

from msgspec import Struct


class Counts(Struct):
    """Images of some jobs that are not finished, by where they are.

    `waiting_gens` all of them; `waiting_backends` those in line for an engine or waiting there for a model;
    `loading_models` those whose model is being loaded; `live_gens` those being drawn or saved.
    """

    waiting_gens: int = 0
    loading_models: int = 0
    waiting_backends: int = 0
    live_gens: int = 0

    def change(self, gens: int, loading: int, waiting: int, live: int) -> None:
        """Add the given differences."""
        self.waiting_gens += gens
        self.loading_models += loading
        self.waiting_backends += waiting
        self.live_gens += live

    def without(self, other: "Counts") -> "Counts":
        """What is left when `other`, a part of these, is taken out."""
        return Counts(
            self.waiting_gens - other.waiting_gens,
            self.loading_models - other.loading_models,
            self.waiting_backends - other.waiting_backends,
            self.live_gens - other.live_gens,
        )

    @property
    def idle(self) -> bool:
        """Whether there is nothing to count."""
        return not self.waiting_gens


class Tallies:
    """Counts of every session and every user with unfinished images; others cost nothing."""

    def __init__(self) -> None:
        self.sessions: dict[str, Counts] = {}
        self.users: dict[str, Counts] = {}
        self.all = Counts()

    def change(self, session: str, user: str, difference: tuple[int, int, int, int]) -> None:
        """Add a difference (gens, loading, waiting, live) of one job to all the sums it is part of."""
        self.all.change(*difference)
        for sums, key in ((self.sessions, session), (self.users, user)):
            counts = sums.get(key)
            if counts is None:
                counts = sums[key] = Counts()
            counts.change(*difference)
            if counts.idle:
                del sums[key]

    def of(self, *, session: str | None = None, user: str | None = None) -> Counts:
        """A copy of the counts of a session, else of a user, else of everything."""
        if session is not None:
            found = self.sessions.get(session)
        elif user is not None:
            found = self.users.get(user)
        else:
            found = self.all
        if found is None:
            return Counts()
        return Counts(found.waiting_gens, found.loading_models, found.waiting_backends, found.live_gens)
