"""What is laid over the model or takes a part's place: LoRAs, an autoencoder."""

from collections.abc import Mapping

from backends.contract import Lora, ModelRef
from hub.catalog import Entry, unfit
from hub.errors import BadInput
from hub.params.collect import Value
from hub.params.context import Context
from hub.params.prompts import Prompts
from hub.params.registry import Registry
from hub.params.values import refused


class Worn:
    """The LoRAs of a request, those of the prompt after those of the parameter, with every weight settled.

    Raises BadInput for a weight without a LoRA and for a LoRA that does not fit the model.
    """

    def __init__(self, values: Mapping[str, Value], prompts: Prompts, model: Entry, context: Context) -> None:
        given = values.get("loras")
        self.models = [e for e in given if isinstance(e, Entry)] if isinstance(given, tuple) else []
        self.weights = _numbers(values, "loraweights", len(self.models), context.registry)
        texts = _numbers(values, "loratencweights", len(self.models), context.registry)
        self.weights += [_usual(one) for one in self.models[len(self.weights) :]]
        self._texts: list[float | None] = [*texts, *([None] * (len(self.models) - len(texts)))]
        for named in prompts.prompted:
            self.models.append(named.model)
            self.weights.append(_usual(named.model) if named.weight is None else named.weight)
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
        """Each LoRA once, for the engine: one named twice acts with both weights together."""
        laid: dict[str, Lora] = {}
        for entry, weight, text in zip(self.models, self.weights, self._texts, strict=True):
            before = laid.get(entry.name)
            more = weight if text is None else text
            laid[entry.name] = Lora(
                entry.ref(),
                weight + (before.weight if before else 0.0),
                more + (before.text_weight if before else 0.0),
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
        return told


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


def _usual(lora: Entry) -> float:
    """The weight a LoRA asks for itself, else 1."""
    try:
        return min(10.0, max(-10.0, float(lora.lora_default_weight)))
    except ValueError:
        return 1.0


def _shown(entry: Entry) -> str:
    return entry.name.removesuffix(".safetensors")
