"""One picture's prompts while their tags are carried out: what a tag may read and what it leaves behind."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from hub.accounts.caller import Caller
from hub.catalog import NO_WILDCARD, NOT_FOUND, Catalog, Entry, Wildcard
from hub.errors import BadInput, HubError
from hub.params.tags.brackets import Place, places
from hub.params.tags.budget import Budget, Spent
from hub.params.tags.tag import Tag

MAX_DEPTH = 32
"""Tags may stand in tags so deep, wildcards and macros that name each other counted."""

NAMES: Mapping[str, str] = {"prompt": "Prompt", "negativeprompt": "Negative Prompt"}
"""The parameters whose texts have tags, in the order they are read."""

MOST_WARNINGS = 20
"""What is told of the tags of one picture that were left out; of more it is said that there are more."""

TRIGGER = "\0trigger\0"
"""Stands for the trigger phrases until the model and all LoRAs are known. Texts have no NUL of their own."""


class Lost(Exception):
    """A tag that cannot be carried out: it is left out with a warning, as in SwarmUI, so that a prompt goes
    on working where something it names is not there (swarm-api §8)."""


class Prompted(Struct, frozen=True):
    """A LoRA that a prompt names; None leaves a weight to the LoRA itself. `section` is the stage that it is
    for ("": all)."""

    model: Entry
    weight: float | None = None
    text_weight: float | None = None
    section: str = ""


class Setting(Struct, frozen=True):
    """Parameters that a tag sets, by id; `preset` is the title of the preset they come from, if any."""

    values: Mapping[str, str]
    preset: str | None = None


class Around(Struct, frozen=True):
    """What a filling may read of the world: `presets` by lower-case title, `read` the text of a parameter by
    any spelling of its id (None: there is none), `most` the LoRAs or embeddings of one request, `longest` the
    bytes of a finished text, `able` the features that some engine has (None: not known). When `measuring`,
    the longest of several texts is taken instead of one by chance."""

    catalog: Catalog
    caller: Caller
    tags: Mapping[str, Tag]
    most: int
    longest: int
    presets: Mapping[str, Mapping[str, str]] = {}
    read: Callable[[str], str | None] = lambda key: None
    able: frozenset[str] | None = None
    measuring: bool = False


class Filling:
    """The prompts of one picture. `seed` decides what is drawn by chance, with `by_index` it counts through
    the options instead.

    Left behind: `prompted` LoRAs, those `worn` by single parts of the picture (by name) and `embeddings`,
    `wildcards` that were drawn from, `settings`, `features` an engine must have with the tag that asks,
    `warnings` of tags that were left out, `chance` whether anything was drawn. `section` is the stage that
    the text which is being read belongs to ("": all), `areas` counts the parts of the picture that have
    texts of their own.
    """

    def __init__(self, around: Around, seed: int, budget: Budget, *, by_index: bool = False) -> None:
        self.around = around
        self.seed = seed
        self.texts: dict[str, str] = {}
        self.field = "prompt"
        self.section = ""
        self.chance = False
        self.areas = 0
        self.prompted: list[Prompted] = []
        self.embeddings: dict[str, Entry] = {}
        self.worn: dict[str, Entry] = {}
        self.wildcards: dict[str, None] = {}
        self.settings: list[Setting] = []
        self.features: dict[str, str] = {}
        self.warnings: dict[str, None] = {}
        self.variables: dict[str, str] = {}
        self.macros: dict[str, str] = {}
        self._by_index = by_index
        self._budget = budget
        self._depth = 0
        self._dice: dict[str, random.Random] = {}

    def run(self, texts: Mapping[str, str]) -> dict[str, str]:
        """The texts by the id of their parameter, with all tags carried out. Raises BadInput."""
        self.texts = dict(texts)
        filled: dict[str, str] = {}
        for field in NAMES:
            if field in self.texts:
                self.field, self.section = field, ""
                filled[field] = self.fill(self.texts[field])
                self._check(filled[field])
        return filled

    def _check(self, text: str) -> None:
        longest = self.around.longest
        if len(text.encode()) > longest:
            raise self.refused(f"with its tags carried out it is longer than {longest} bytes", limit=longest)
        for place in places(text, self.around.tags):
            if not place.tag.stays:  # sent again the text would mean something else
                raise self.refused(
                    f"its tags come to a new tag, '{cut(text[place.start : place.end])}', which is not "
                    "carried out; write that tag itself"
                )

    def fill(self, text: str) -> str:
        """A text with its tags carried out. Raises BadInput for one that cannot be."""
        if "<" not in text:
            return text
        if self._depth >= MAX_DEPTH:
            raise self.refused(
                f"its tags stand more than {MAX_DEPTH} deep, or a wildcard or macro names itself",
                limit=MAX_DEPTH,
            )
        self._depth += 1
        try:
            self._budget.read(len(text))
            return "".join(self._pieces(text))
        except Spent as spent:
            raise self.refused(f"{spent}; use fewer, or ask for fewer images") from None
        finally:
            self._depth -= 1

    def _pieces(self, text: str) -> list[str]:
        pieces, end = [], 0
        for place in places(text, self.around.tags):
            pieces.append(text[end : place.start])
            self._budget.tag()
            made = self._made(place, text)
            self._budget.read(len(made))
            pieces.append(made)
            end = place.end
        pieces.append(text[end:])
        return pieces

    def _made(self, place: Place, text: str) -> str:
        """What takes the place of a tag of a text: nothing, with a warning, for one that is lost."""
        try:
            return place.tag.fill(self, place.options, place.body)
        except Lost as lost:
            self._warn(f"{cut(text[place.start : place.end])} was left out of {NAMES[self.field]}: {lost}.")
            return ""

    def _warn(self, warning: str) -> None:
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings[warning] = None
        elif warning not in self.warnings:
            self.warnings["More tags were left out than are told here."] = None

    def draw(self, options: Sequence[str], count: int) -> list[str]:
        """So many of the options by chance, none again before all were drawn."""
        self.chance = True
        self._budget.read(count)
        if self.around.measuring:
            longest = sorted(options, key=len, reverse=True)
            return [longest[place % len(longest)] for place in range(count)]
        if self._by_index:
            return [options[(self.seed + place) % len(options)] for place in range(count)]
        if count == 1:
            return [options[self.number(len(options))]]
        self._budget.read(len(options))
        drawn: list[str] = []
        bag: list[str] = []
        for _ in range(count):
            bag = bag or list(options)
            place = self.number(len(bag))
            bag[place], bag[-1] = bag[-1], bag[place]
            drawn.append(bag.pop())
        return drawn

    def number(self, below: int) -> int:
        """A number by chance from 0 on. Each text has dice of its own, so that none moves the other's."""
        return int(self.part() * below)

    def part(self) -> float:
        """A number by chance, at least 0 and below 1."""
        self.chance = True
        if self.around.measuring:
            return 0.999_999
        dice = self._dice.get(self.field)
        if dice is None:
            # a text as seed, and random() alone: both are promised to stay as they are over Python's versions
            dice = self._dice[self.field] = random.Random(f"{self.seed}:{self.field}")
        return dice.random()

    def find(self, tag: str, subtype: str, name: str) -> Entry:
        """The model a tag names. Raises Lost when there is none the caller may use."""
        try:
            entry = self.around.catalog.find(subtype, name.strip()[:4096], self.around.caller)
        except HubError as trouble:
            if trouble.text != NOT_FOUND:
                raise
            raise self.lost(
                f"Invalid model value for <{tag}:…> - '{cut(name)}' - are you sure that model name is correct"
            ) from None
        if not entry.supported:
            raise self.lost(f"'{entry.name}' cannot be used: {entry.reason}")
        return entry

    def wildcard(self, name: str) -> Wildcard:
        """The wildcard a tag names. Raises Lost when there is none, or the caller may not read it."""
        if not self.around.caller.may("read_wildcards"):
            raise self.lost("you may not read this server's wildcards (permission read_wildcards)")
        try:
            found = self.around.catalog.wildcards.find(name.strip()[:4096])
        except HubError as trouble:
            if trouble.text != NO_WILDCARD:
                raise
            raise self.lost(f"there is no such wildcard as '{cut(name)}'") from None
        self.wildcards[found.name] = None
        return found

    def ask(self, feature: str, tag: str, why: str) -> None:
        """An engine must have this feature for a tag. Raises BadInput when none of them has."""
        able = self.around.able
        if able is not None and feature not in able:
            raise self.refused(
                f"<{tag}…> {why}, and no engine of this hub can do that (feature {feature}); take the "
                "tag out of the prompt, with the text that belongs to it"
            )
        self.features.setdefault(feature, f"<{tag}…>")

    def count(self, things: Sequence[Any] | dict[str, Any], what: str) -> None:
        """Refuse more of one kind than a request may have. Raises BadInput."""
        most = self.around.most
        if len(things) > most:
            raise self.refused(f"it names more than {most} {what}", limit=most)

    def lost(self, reason: str) -> Lost:
        """Why the tag that is being carried out is left out."""
        return Lost(reason.rstrip("."))

    def refused(self, reason: str, *, limit: Any = None) -> BadInput:
        """The refusal of the text that is being read."""
        name = NAMES[self.field]
        return BadInput(f"Invalid value for parameter {name}: {reason}", field=self.field, limit=limit)


def cut(text: str) -> str:
    """A text short enough for a refusal."""
    return text if len(text) <= 100 else f"{text[:100]}..."
