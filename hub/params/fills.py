"""What a request's pictures have of their own where chance fills their prompts differently."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from backends.contract import SecondPass
from hub.catalog import Entry
from hub.errors import BadInput
from hub.params.addons import Worn
from hub.params.collect import Value
from hub.params.context import Context
from hub.params.prompts import Prompting, Prompts
from hub.params.request import Change, Fill
from hub.params.used import Used

MOST_CHARACTERS = 8 << 20
"""Characters that the differing prompts of one request may have together."""


def with_seed(values: Mapping[str, Value], prompts: Prompts) -> dict[str, Value]:
    """The values with the texts as they were filled, and the seed that decided what they came to."""
    filled = {**values, **prompts.texts}
    if prompts.filling.chance:
        filled["wildcardseed"] = prompts.filling.seed
    elif filled.get("wildcardseed") == -1:
        del filled["wildcardseed"]
    return filled


class Drawn(Struct, frozen=True):
    """What all pictures of a request come to: the `first` one's own part, one for each where they differ, and
    the features they need in all, each with what needs it."""

    first: Fill
    fills: tuple[Fill, ...]
    features: Mapping[str, str]


class Filler:
    """Fills the prompts of one request; all the rest of it is settled."""

    def __init__(
        self,
        values: Mapping[str, Value],
        sources: Mapping[str, str],
        model: Entry,
        second: SecondPass | None,
        context: Context,
    ) -> None:
        self._values = values
        self._sources = sources
        self._model = model
        self._second = second
        self._context = context
        self._features: dict[str, str] = {}

    def draw(self, prompting: Prompting, steps: list[int]) -> Drawn:
        """Every picture's own part; `steps` are how far each one's seed is above the first's.

        Raises BadInput.
        """
        first = self._fill(prompting.first)
        if not prompting.differs or len(set(steps)) == 1:
            return Drawn(first, (), self._features)
        made: dict[int, Fill] = {}
        length = 0
        for step in dict.fromkeys(steps):
            one = made[step] = _compared(self._fill(prompting.picture(step)), first)
            length += sum(
                map(
                    len,
                    (
                        one.prompt,
                        one.negative_prompt,
                        *map(str, one.engine_extra.put.values()),
                        *(region.prompt for region in one.regions),
                    ),
                )
            )
            if length > MOST_CHARACTERS:
                raise _too_long(len(steps))
        return Drawn(first, tuple(made[step] for step in steps), self._features)

    def _fill(self, prompts: Prompts) -> Fill:
        """A picture's own part, whole."""
        registry = self._context.registry
        prompts.check(self._model, registry)
        worn = Worn(self._values, prompts, self._model, self._context)
        prompts.tell_triggers(worn.triggers(self._model))
        used = Used(_with_seed(self._values, prompts), worn, prompts, self._second, registry)
        for feature, needed_by in used.features().items():
            self._features.setdefault(feature, needed_by)
        extra = prompts.extra()
        if unused := used.unused():
            extra["unused_parameters"] = unused
        return Fill(
            prompt=prompts.of_pass("prompt"),
            negative_prompt=prompts.of_pass("negativeprompt"),
            loras=worn.laid(),
            embeddings=tuple(found.ref() for found in prompts.embeddings.values()),
            regions=prompts.regions(),
            other_models=used.models(),
            given=Change(used.given(self._sources)),
            extra=Change(extra),
            engine_extra=Change(used.engine_extra()),
        )


def _with_seed(values: Mapping[str, Value], prompts: Prompts) -> dict[str, Value]:
    """The values with the texts as they were filled, and the seed that decided what they came to."""
    filled = {**values, **prompts.texts}
    if prompts.filling.chance:
        filled["wildcardseed"] = prompts.filling.seed
    elif filled.get("wildcardseed") == -1:
        del filled["wildcardseed"]
    return filled


def _compared(one: Fill, first: Fill) -> Fill:
    return Fill(
        prompt=one.prompt,
        negative_prompt=one.negative_prompt,
        loras=one.loras,
        embeddings=one.embeddings,
        regions=one.regions,
        other_models=one.other_models,
        given=_change(first.given.put, one.given.put),
        extra=_change(first.extra.put, one.extra.put),
        engine_extra=_change(first.engine_extra.put, one.engine_extra.put),
    )


def _change(before: Mapping[str, Any], now: Mapping[str, Any]) -> Change:
    put = {key: value for key, value in now.items() if key not in before or before[key] != value}
    return Change(put, tuple(key for key in before if key not in now))


def _too_long(pictures: int) -> BadInput:
    return BadInput(
        f"Invalid value for parameter Prompt: filled anew for {pictures} pictures it comes to more than "
        f"{MOST_CHARACTERS} characters; ask for fewer images, or set a Wildcard Seed",
        field="prompt",
        limit=MOST_CHARACTERS,
    )
