"""What is laid over the model or takes a part's place: LoRAs, an autoencoder."""

from collections.abc import Mapping

from backends.contract import Lora, ModelRef
from hub.catalog import Entry, unfit
from hub.errors import BadInput
from hub.params.collect import Value
from hub.params.context import Context
from hub.params.prompts import Prompts
from hub.params.registry import Registry
from hub.params.tags.lora import usual_weight
from hub.params.values import refused

SECTIONS = {"": 0, "base": 5, "refiner": 1}
"""SwarmUI's numbers of the stages that a LoRA may be confined to."""

_STAGES: dict[float, str] = {-1: "", **{number: stage for stage, number in SECTIONS.items()}}


class Worn:
    """The LoRAs of a request, those of the prompt after those of the parameter, with every weight settled.

    Raises BadInput for a weight without a LoRA and for a LoRA that does not fit the model.
    """

    def __init__(self, values: Mapping[str, Value], prompts: Prompts, model: Entry, context: Context) -> None:
        given = values.get("loras")
        self.models = [e for e in given if isinstance(e, Entry)] if isinstance(given, tuple) else []
        self.weights = _numbers(values, "loraweights", len(self.models), context.registry)
        texts = _numbers(values, "loratencweights", len(self.models), context.registry)
        self.weights += [usual_weight(one) for one in self.models[len(self.weights) :]]
        self._texts: list[float | None] = [*texts, *([None] * (len(self.models) - len(texts)))]
        self._only = _sections(values, len(self.models), context.registry)
        self._only += [_usual_section(one) for one in self.models[len(self._only) :]]
        for named in prompts.prompted:
            self.models.append(named.model)
            self._only.append(named.section or _usual_section(named.model))
            self.weights.append(usual_weight(named.model) if named.weight is None else named.weight)
            self._texts.append(named.text_weight)
        self._check(model, context)

    def _check(self, model: Entry, context: Context) -> None:
        param, limit = context.registry.params["loras"], context.limits.loras
        if len(self.models) > limit:
            raise refused(param, f"{len(self.models)} are named - at most {limit} are accepted", limit=limit)
        for entry in self.models:
            if why := unfit(entry, model):
                raise refused(param, why)

    def laid(self) -> tuple[Lora, ...]:
        """Each LoRA once for where it acts: one named twice acts there with both weights together."""
        laid: dict[tuple[str, str], Lora] = {}
        for entry, weight, text, only in zip(self.models, self.weights, self._texts, self._only, strict=True):
            before = laid.get((entry.name, only))
            more = weight if text is None else text
            laid[entry.name, only] = Lora(
                entry.ref(),
                weight + (before.weight if before else 0.0),
                more + (before.text_weight if before else 0.0),
                only,
            )
        return tuple(laid.values())

    def triggers(self, model: Entry) -> list[str]:
        """The words that the model and the LoRAs were taught to listen to."""
        phrases = (entry.trigger_phrase for entry in (model, *self.models))
        return [phrase.strip() for phrase in phrases if phrase and phrase.strip()]

    def given(self) -> dict[str, list[str]]:
        """The parameters that say the same again."""
        if not self.models:
            return {}
        told = {
            "loras": [_shown(entry) for entry in self.models],
            "loraweights": [f"{weight:g}" for weight in self.weights],
        }
        if any(text is not None for text in self._texts):
            pairs = zip(self._texts, self.weights, strict=True)
            told["loratencweights"] = [f"{weight if text is None else text:g}" for text, weight in pairs]
        if self.confined:
            told["lorasectionconfinement"] = [str(SECTIONS[only]) for only in self._only]
        return told

    @property
    def confined(self) -> bool:
        """Whether some LoRA does not act in every pass."""
        return any(self._only)


def vae_of(values: Mapping[str, Value], key: str, model: Entry, registry: Registry) -> ModelRef | None:
    """The autoencoder a parameter names. Raises BadInput when it cannot work with the model."""
    entry = values.get(key)
    if not isinstance(entry, Entry):
        return None
    if why := unfit(entry, model):
        raise refused(registry.params[key], why)
    return entry.ref()


def _numbers(values: Mapping[str, Value], key: str, most: int, registry: Registry) -> list[float]:
    found = values.get(key)
    numbers = [one for one in found if isinstance(one, float)] if isinstance(found, tuple) else []
    if len(numbers) > most:
        raise BadInput(
            f"Invalid value for parameter {registry.params[key].name}: {len(numbers)} weights were given for "
            f"{most} LoRAs; give each LoRA one, in the same order",
            field=key,
            limit=most,
        )
    return numbers


def _sections(values: Mapping[str, Value], most: int, registry: Registry) -> list[str]:
    """Where each LoRA acts. Raises BadInput for a section that no engine here knows."""
    numbers = _numbers(values, "lorasectionconfinement", most, registry)
    wrong = next((number for number in numbers if number not in _STAGES), None)
    if wrong is not None:
        raise refused(
            registry.params["lorasectionconfinement"],
            f"{wrong:g} is no section that a LoRA can be confined to here; 0 is every pass, 5 the first one, "
            "1 the second one (refiner)",
            limit=sorted(SECTIONS.values()),
        )
    return [_STAGES[number] for number in numbers]


def _usual_section(lora: Entry) -> str:
    """Where a LoRA acts by its own notes; those that speak of a stage unknown here say nothing."""
    try:
        return _STAGES.get(float(lora.lora_default_confinement), "")
    except ValueError:
        return ""


def _shown(entry: Entry) -> str:
    return entry.name.removesuffix(".safetensors")
