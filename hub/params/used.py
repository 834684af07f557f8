"""What of a request's parameters is really used: for the engine, for its choice, and for the metadata."""

from collections.abc import Mapping

from backends.contract import SecondPass
from hub.catalog import Entry
from hub.params.addons import Worn
from hub.params.collect import Value
from hub.params.controls import is_idle, preparations
from hub.params.prompts import Prompts
from hub.params.registry import Registry
from hub.params.request import OtherModel
from hub.params.second import GROUPS

BORDERS = ("outpaintleft", "outpainttop", "outpaintright", "outpaintbottom")
"""Ids of the parameters that let the picture grow."""

_OF_START = frozenset(
    {
        "maskblur",
        "maskgrow",
        "maskshrinkgrow",
        "maskbehavior",
        "initimagerecompositemask",
        "useinpaintingencode",
        "initimagenoise",
        "initimageresettonorm",
    }
)

_OF_REGIONS = {
    "regionalprompting": ("region", "background", "object"),
    "segmentrefining": ("segment",),
    "segmentparamoverrides": ("segment",),
}


class Used:
    """The values of one request with what they came to."""

    def __init__(
        self,
        values: Mapping[str, Value],
        worn: Worn,
        prompts: Prompts,
        second: SecondPass | None,
        registry: Registry,
    ) -> None:
        self._values = values
        self._worn = worn
        self._prompts = prompts
        self._second = second
        self._params = registry.params
        self._place = registry.place
        self._acting = [key for key in values if not self._idle(key)]

    def features(self) -> dict[str, str]:
        """Each feature an engine must have, with the name of the parameter that needs it.

        A variation of strength 0, a second pass that changes nothing, a ControlNet without a model and what
        shapes an init image or regions that are not there ask nothing of an engine.
        """
        asked: dict[str, str] = {}
        for key in self._acting:
            for feature in self._params[key].asked_of_engines:
                asked.setdefault(feature, self._params[key].name)
        if self._worn.models:
            asked.setdefault("loras", self._params["loras"].name)
        if self._worn.confined:
            asked.setdefault("lora_confinement", self._params["lorasectionconfinement"].name)
        if self._prompts.embeddings:
            asked.setdefault("embeddings", self._params["prompt"].name)
        if self._second is not None and self._second.upscaler is not None:
            asked.setdefault("upscalers", self._params["refinerupscalemethod"].name)
        for feature, tag in self._prompts.filling.features.items():
            asked.setdefault(feature, tag)
        return asked

    def unused(self) -> list[str]:
        """What the request says that this picture has no use for: it shapes what is not there."""
        return [key for key in sorted(self._values, key=self._place) if key not in self._acting]

    def engine_extra(self) -> dict[str, str | int | float | bool]:
        """What only some engines know: they get it by its id, and the others pass over it."""
        values = ((key, self._values[key]) for key in self._acting if self._params[key].to_engine)
        extra = {key: value for key, value in values if isinstance(value, str | int | float | bool)}
        extra |= preparations(self._values) | self._prompts.of_second()
        if "maskimage" in self._values:  # left out means none (swarm-api §5.3), whatever an engine would take
            extra.setdefault("maskblur", 0)
        return extra

    def given(self, sources: Mapping[str, str]) -> dict[str, str | int | float | bool | list[str]]:
        """What goes into the metadata, in the registry's order: pictures only by the path they came from.

        Sent again it asks for the same picture: LoRAs a prompt named are among the others then.
        """
        given: dict[str, str | int | float | bool | list[str]] = {}
        worn = self._worn.given()
        for key in sorted({*self._values, *worn}, key=self._place):
            value = self._values.get(key)
            if key in worn:
                given[key] = worn[key]
            elif self._params[key].hide_from_metadata:
                continue
            elif isinstance(value, Entry):
                given[key] = value.name.removesuffix(".safetensors")
            elif isinstance(value, bytes):
                if key in sources:
                    given[key] = sources[key]
            elif value is not None and not isinstance(value, tuple):
                given[key] = value
        return given

    def models(self) -> tuple[OtherModel, ...]:
        """Every model beside the main one, with the parameter that named it."""
        named = [
            (key, value)
            for key, value in self._values.items()
            if isinstance(value, Entry) and key != "model" and key in self._acting
        ]
        found = [OtherModel(e.name, key, e.hash, e.class_id) for key, e in named]
        found += [OtherModel(e.name, "loras", e.hash, e.class_id) for e in self._worn.models]
        found += [OtherModel(e.name, "prompt", e.hash) for e in self._prompts.embeddings.values()]
        found += [OtherModel(e.name, "prompt", e.hash, e.class_id) for e in self._prompts.worn.values()]
        if self._second is not None and self._second.upscaler is not None:
            found.append(OtherModel(self._second.upscaler.name, "refinerupscalemethod"))
        return tuple(dict.fromkeys(found))

    def _idle(self, key: str) -> bool:
        if key in ("variationseed", "variationseedstrength"):
            return self._values.get("variationseedstrength", 0.0) == 0
        if self._params[key].group in GROUPS:
            return self._second is None
        if (kinds := _OF_REGIONS.get(self._params[key].group or "")) is not None:
            return not any(region.kind in kinds for region in self._prompts.regions())
        if key in _OF_START:
            return "initimage" not in self._values
        if key in ("loras", "loraweights", "loratencweights", "lorasectionconfinement"):
            return not self._worn.models
        param = self._params[key]
        if param.depend_non_default is not None and not param.to_engine:
            return param.depend_non_default not in self._values
        return key != "controlnetpreviewonly" and is_idle(key, self._values)
