"""Which of a user's jobs a webhook is told of: a closed set of lists, every one of them optional. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from hub.errors import BadInput
from hub.jobs import SHOWN, Asked
from hub.jobs.events import Ended, JobEvent

MOST = 32
"""Entries of one list."""

LONGEST = 500
"""Characters of one entry."""

STATES = ("done", "failed", "cancelled")
"""What a job can end as."""

_ENDING = ".safetensors"


class Wanted(Struct, frozen=True, omit_defaults=True):
    """What must be so for an event to be told; an empty list asks for nothing.

    `models`: one of these, or in one of these folders (entries ending with '/'). `states`: the job's, asked
    of `ended` alone. `sessions`: the job was sent from one of these, by their ids' first eight characters.
    `words`: each stands in the prompt that was drawn. Letter case counts nowhere.
    """

    models: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def passes(self, event: JobEvent, asked: Callable[[], Asked | None]) -> bool:
        """Whether an event is told. `asked` gives what its job asks for; where that is no longer known, it
        is told rather than lost."""
        if self.states and isinstance(event, Ended) and event.state not in self.states:
            return False
        if self.sessions and event.session[:SHOWN].upper() not in self.sessions:
            return False
        if not self.models and not self.words:
            return True
        known = asked()
        return known is None or (self._names(known.model) and self._has_words(known.prompts))

    def _names(self, model: str) -> bool:
        name = model.lower().removesuffix(_ENDING)
        return not self.models or any(
            name.startswith(one) if one.endswith("/") else name == one for one in self.models
        )

    def _has_words(self, prompts: Sequence[str]) -> bool:
        return any(all(word in prompt.lower() for word in self.words) for prompt in prompts)


def read_wanted(given: Any) -> Wanted:
    """The filter that a client sent. Raises BadInput naming the list and the entry."""
    if given is None:
        return Wanted()
    if not isinstance(given, Mapping):
        raise BadInput(
            "Invalid value for parameter 'filter': it must be an object of lists of texts.",
            field="filter",
            limit=_FIELDS,
        )
    unknown = [key for key in given if key not in _FIELDS]
    if unknown:
        raise BadInput(
            f"There is no filter '{str(unknown[0])[:80]}'. There are: {', '.join(_FIELDS)}.",
            field="filter",
            limit=_FIELDS,
        )
    lists = {key: _texts(key, value) for key, value in given.items()}
    wrong = [state for state in lists.get("states", ()) if state not in STATES]
    if wrong:
        raise BadInput(
            f"A job never ends as '{wrong[0][:80]}'; `filter.states` takes {', '.join(STATES)}.",
            field="filter",
            limit=list(STATES),
        )
    short = [session for session in lists.get("sessions", ()) if len(session) < SHOWN]
    if short:
        raise BadInput(
            f"'{short[0]}' is too short for `filter.sessions`: give a session's id, or its first {SHOWN} "
            "characters as jobs show them.",
            field="filter",
            limit=SHOWN,
        )
    return Wanted(
        tuple(name.removesuffix(_ENDING) for name in lists.get("models", ())),
        lists.get("states", ()),
        tuple(session[:SHOWN].upper() for session in lists.get("sessions", ())),
        lists.get("words", ()),
    )


_FIELDS = list(Wanted.__struct_fields__)


def _texts(key: str, value: Any) -> tuple[str, ...]:
    """A list's entries in lower case."""
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise BadInput(
            f"Invalid value for parameter 'filter': `{key}` must be a list of texts.", field="filter"
        )
    if len(value) > MOST or any(len(one) > LONGEST for one in value):
        raise BadInput(
            f"Invalid value for parameter 'filter': `{key}` takes at most {MOST} texts of {LONGEST} "
            "characters.",
            field="filter",
            limit=MOST,
        )
    return tuple(dict.fromkeys(one.strip().lower() for one in value))
