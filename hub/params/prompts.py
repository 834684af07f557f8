"""The prompts of a request, carried out for each of its pictures (swarm-api §8)."""

import re
from collections.abc import Callable, Mapping

import msgspec

from backends.contract import ModelRef, Region
from hub.accounts.caller import Caller
from hub.catalog import Entry, unfit
from hub.errors import HubError
from hub.params.collect import Collected, Value
from hub.params.context import Context
from hub.params.registry import Registry
from hub.params.request import WARNINGS
from hub.params.tags.budget import budget_of_a_picture, budget_of_a_request
from hub.params.tags.filling import NAMES, TRIGGER, Around, Filling, Prompted
from hub.params.tags.known import TAGS
from hub.params.tags.stages import split, written
from hub.params.values import refused, sized_text

WILDCARD_SEEDS = 1 << 32
_ANY_TAG = re.compile(r"<(?!break>)[^<>]*>")
_BOTH = {"prompt": "refinerprompt", "negativeprompt": "refinernegativeprompt"}


class Prompts:
    """The texts of one picture with their tags carried out, and what the tags named.

    `texts` are those to send again for the same picture, by the id of their parameter.
    """

    def __init__(self, filling: Filling, originals: Mapping[str, str]) -> None:
        self._filling = filling
        self._originals = originals
        self._filled = filling.run(originals)

    @property
    def prompted(self) -> list[Prompted]:
        """The LoRAs the texts name."""
        return self._filling.prompted

    @property
    def embeddings(self) -> Mapping[str, Entry]:
        """The textual inversions the texts name."""
        return self._filling.embeddings

    @property
    def worn(self) -> Mapping[str, Entry]:
        """The LoRAs that act in single parts of the picture."""
        return self._filling.worn

    @property
    def filling(self) -> Filling:
        """What else the tags left behind."""
        return self._filling

    @property
    def texts(self) -> dict[str, str]:
        """The texts for the metadata: they mean the same picture when they are sent again."""
        return {field: written(text) for field, text in self._filled.items()}

    def of_pass(self, field: str) -> str:
        """The text of the first pass; "" when there is none."""
        return split(self._filled.get(field, "")).base

    def regions(self) -> tuple[Region, ...]:
        """The parts of the picture that have texts of their own, those of the prompt first."""
        return tuple(
            region
            for field, text in self._filled.items()
            for region in split(text, negative=field == "negativeprompt", refer=self._refer).regions
        )

    def _refer(self, name: str) -> ModelRef:
        return self._filling.worn[name].ref()

    def of_second(self) -> dict[str, str]:
        """The texts of the second pass that differ from the first's, by the id that engines know."""
        stages = {field: split(text).refiner for field, text in self._filled.items()}
        return {_BOTH[field]: text for field, text in stages.items() if text is not None}

    def tell_triggers(self, phrases: list[str]) -> None:
        """Put the trigger phrases of the model and the LoRAs where the texts ask for them."""
        told = ", ".join(dict.fromkeys(phrases))
        self._filled = {field: text.replace(TRIGGER, told) for field, text in self._filled.items()}

    def check(self, model: Entry, registry: Registry) -> None:
        """Refuse an embedding, or a part's LoRA, that was made for another architecture. Raises BadInput."""
        for entry in (*self.embeddings.values(), *self.worn.values()):
            if why := unfit(entry, model):
                raise refused(registry.params["prompt"], why)

    def extra(self) -> dict[str, str | list[str]]:
        """What the metadata's extra data tells of them (swarm-api §7)."""
        texts = self.texts
        extra: dict[str, str | list[str]] = {
            f"original_{field}": text for field, text in self._originals.items() if texts[field] != text
        }
        if self._filling.wildcards:
            extra["used_wildcards"] = list(self._filling.wildcards)
        if self.embeddings:
            extra["used_embeddings"] = [_shown(entry) for entry in self.embeddings.values()]
        if self._filling.warnings:
            extra[WARNINGS] = list(self._filling.warnings)
        if named := [*(one.model for one in self.prompted), *self.worn.values()]:
            extra["prompted_loras"] = [_shown(entry) for entry in named]
        return extra


class Prompting:
    """Carries out the prompts of a request, once for each picture where chance makes them differ."""

    def __init__(self, collected: Collected, caller: Caller, context: Context) -> None:
        values = dict(collected.values)
        self._originals = {field: text for field in NAMES if isinstance(text := values.get(field), str)}
        self._around = _around(values, caller, context)
        self._budget = budget_of_a_request()
        self._by_index = values.get("wildcardseedbehavior") == "Index"
        given = values.get("wildcardseed")
        self._fixed = isinstance(given, int) and given >= 0
        self._seed = given if isinstance(given, int) and given >= 0 else _seed(values)
        self.first = self.picture(0)

    @property
    def differs(self) -> bool:
        """Whether each picture has texts of its own."""
        return self.first.filling.chance and not self._fixed

    def apply(self, collected: Collected) -> list[str]:
        """Set the parameters that tags set; the titles of the presets they named. Raises HubError."""
        titles = []
        for setting in self.first.filling.settings:
            if setting.preset is not None:
                collected.take_preset(setting.preset, setting.values)
                titles.append(setting.preset)
            else:
                collected.take(setting.values)
        return titles

    def picture(self, step: int) -> Prompts:
        """The texts of a picture whose seed is `step` above the first's. Raises BadInput.

        What tags set holds for the whole request, so that it must be the same for all of them.
        """
        filling = Filling(
            self._around,
            self._seed if self._fixed else (self._seed + step) % WILDCARD_SEEDS,
            budget_of_a_picture(self._budget),
            by_index=self._by_index,
        )
        prompts = Prompts(filling, self._originals)
        if step and filling.settings != self.first.filling.settings:
            filling.field = "prompt"
            raise filling.refused(
                "it sets other parameters for each picture, by <preset:…> or <param[…]:…> within tags that "
                "draw by chance; ask for one image at a time, or set a Wildcard Seed"
            )
        return prompts


def filled_prompt(text: str, caller: Caller, context: Context) -> tuple[str, list[str]]:
    """What a prompt could come to, drawn by chance, and what is told of tags that were left out. Of trigger
    phrases only those of LoRAs that it names itself are known: no model is. Raises BadInput."""
    param = context.registry.params["prompt"]
    checked = sized_text(param, text, context.limits.prompt_kib * 1024)
    around = _around({}, caller, context)
    filling = Filling(around, context.random(), budget_of_a_picture(budget_of_a_request()))
    prompts = Prompts(filling, {"prompt": checked})
    worn = (*(one.model for one in filling.prompted), *filling.worn.values())
    phrases = (entry.trigger_phrase for entry in worn)
    prompts.tell_triggers([phrase.strip() for phrase in phrases if phrase and phrase.strip()])
    return prompts.texts["prompt"], list(filling.warnings)


def measured_prompt(text: str, caller: Caller, context: Context) -> str:
    """The longest a prompt could come to, about, for counting its words. What cannot be carried out is left
    out: nobody wants to be told so while still typing."""
    around = msgspec.structs.replace(_around({}, caller, context), able=None, measuring=True)
    try:
        prompts = Prompts(Filling(around, 0, budget_of_a_picture()), {"prompt": text.replace("\0", "")})
    except HubError:
        return _ANY_TAG.sub("", text)
    prompts.tell_triggers([])
    return prompts.of_pass("prompt")


def settle_seeds(values: dict[str, Value], random: Callable[[], int]) -> None:
    """Put seeds by chance where the request leaves them open: what prompts draw depends on them."""
    if not isinstance(seed := values.get("seed"), int) or seed < 0:
        values["seed"] = random()
    if _strength(values) > 0 and (not isinstance(seed := values.get("variationseed"), int) or seed < 0):
        values["variationseed"] = random()


def read(values: Mapping[str, Value], key: str, registry: Registry) -> str | None:
    """The text of a parameter's value, else of its default; None for a key that is no parameter."""
    param = registry.find(key)
    if param is None:
        return None
    value = values.get(param.id)
    if value is None or isinstance(value, bytes | tuple):
        return param.default or ""
    if isinstance(value, Entry):
        return _shown(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _around(values: Mapping[str, Value], caller: Caller, context: Context) -> Around:
    return Around(
        catalog=context.catalog,
        caller=caller,
        tags=TAGS if context.tags else {},
        most=context.limits.loras,
        longest=context.limits.prompt_kib * 1024,
        presets=context.presets,
        read=lambda key: read(values, key, context.registry),
        able=context.registry.features,
    )


def _seed(values: Mapping[str, Value]) -> int:
    seeds = [values.get("seed"), values.get("variationseed") if _strength(values) > 0 else 0]
    return sum(seed for seed in seeds if isinstance(seed, int)) % WILDCARD_SEEDS


def _strength(values: Mapping[str, Value]) -> float:
    strength = values.get("variationseedstrength")
    return float(strength) if isinstance(strength, int | float) else 0.0


def _shown(entry: Entry) -> str:
    return entry.name.removesuffix(".safetensors")
