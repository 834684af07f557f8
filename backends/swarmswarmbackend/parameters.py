"""A work as the parameters of SwarmUI that ask for the same picture (swarm-api §5). Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, structs

from backends.contract import Control, Lora, ModelRef, Region, SecondPass, Work, Workflow
from backends.swarmswarmbackend.pictures import asked_format, data_url

CHAIN = "hubchain"
"""The parameter with the ids of the hubs that a request has come through, the first one first."""

MOST_WEIGHT = 10.0
"""The largest weight of a LoRA that the parameter takes; more is asked for by naming it again."""

_CONTROLS = ("controlnet", "controlnettwo", "controlnetthree")
_TEXTS = {"prompt": "refinerprompt", "negativeprompt": "refinernegativeprompt"}
_SECTIONS = {"": "0", "base": "5", "refiner": "1"}
_NOT_SENT = frozenset({*_TEXTS.values(), CHAIN})

Parameters = dict[str, Any]


class TooMuch(Exception):
    """A work that cannot be asked for in these parameters; the text is a sentence for the user."""


class Way(Struct, frozen=True):
    """How a work gets there: `chain` are the ids of the hubs it has come through, this one last, `engine` the
    number of the engine there that must draw it (None: any), `spelled` the other hub's names of models by
    ours, where they differ. `kin` tells that it is a hub of our kind.
    """

    chain: str
    engine: str | None = None
    spelled: Mapping[str, str] = {}
    kin: bool = False


def parameters_of(work: Work, way: Way) -> Parameters:
    """The body of a generation request for one picture, without its session. Raises TooMuch."""
    ask = _Ask(work, way)
    asked = {
        "images": 1,
        "donotsave": True,
        "forwardswarmdata": True,
        CHAIN: way.chain,
        **ask.texts(),
        "model": ask.name(work.model),
        "width": work.width,
        "height": work.height,
        "steps": work.steps,
        "cfgscale": work.cfg_scale,
        "sampler": work.sampler,
        "scheduler": work.scheduler,
        "seed": work.seed,
        "imageformat": _format(work),
        **ask.start(),
        **ask.loras(),
        **ask.controls(),
        **ask.second(),
        **{key: value for key, value in work.extra.items() if key not in _NOT_SENT},
    }
    if work.variation_seed is not None:
        asked |= {"variationseed": work.variation_seed, "variationseedstrength": work.variation_strength}
    if work.workflow is not None:
        asked |= _graph(work.workflow)
        for key in _left_to_graph(work.workflow):
            del asked[key]
    if work.vae is not None:
        asked["vae"] = ask.name(work.vae)
    if not work.previews:  # to our kind it can be told later that somebody looks
        asked |= {"previews": False} if way.kin else {"nopreviews": True}
    if work.deterministic:
        asked["deterministic"] = True
    if way.engine is not None:
        asked["exactbackendid"] = way.engine
    return asked


class _Ask:
    """The groups of parameters of one work."""

    def __init__(self, work: Work, way: Way) -> None:
        self._work = work
        self._spelled = way.spelled
        self._kin = way.kin

    def name(self, model: ModelRef) -> str:
        return self._spelled.get(model.name, model.name)

    def texts(self) -> Parameters:
        """The prompts, each with those of both passes where they differ and those of its regions."""
        work = self._work
        firsts = {"prompt": work.prompt, "negativeprompt": work.negative_prompt}
        return {
            key: self._text(first, work.extra.get(_TEXTS[key]), negative=key == "negativeprompt")
            for key, first in firsts.items()
        }

    def _text(self, first: str, second: object, *, negative: bool) -> str:
        text = first if not isinstance(second, str) else f"<base>{first}<refiner>{second}"
        for region in self._work.regions:
            if region.negative == negative:
                worn = "".join(
                    f"<lora:{self.name(part.model)}:{part.weight!r}:{part.text_weight!r}>"
                    for lora in region.loras
                    for part in _parts(lora)
                )
                text += f" {_tag(region)}{worn}{region.prompt}"
        for model in self._work.embeddings:
            text = text.replace(f"<embed:{model.name}>", f"<embed:{self.name(model)}>")
        return text

    def start(self) -> Parameters:
        """What the drawing begins with."""
        work = self._work
        if work.init_image is None:
            return {}
        begun: Parameters = {"initimage": data_url(work.init_image), "initimagecreativity": work.strength}
        if work.mask is not None:
            begun["maskimage"] = data_url(work.mask)
        return begun

    def loras(self) -> Parameters:
        """Each LoRA with its weights; a weight beyond the range is asked for in equal parts."""
        if not self._work.loras:
            return {}
        laid = [(part, self.name(part.model)) for lora in self._work.loras for part in _parts(lora)]
        asked: Parameters = {
            "loras": [name for _, name in laid],
            "loraweights": [repr(part.weight) for part, _ in laid],
        }
        if self._kin or any(part.only for part, _ in laid):  # else LoRAs' own notes there would count
            asked["lorasectionconfinement"] = [_SECTIONS.get(part.only, "0") for part, _ in laid]
        if any(part.weight != part.text_weight for part, _ in laid):
            asked["loratencweights"] = [repr(part.text_weight) for part, _ in laid]
        return asked

    def controls(self) -> Parameters:
        """The ControlNets, in the order they are numbered. Raises TooMuch."""
        controls = self._work.controls
        if len(controls) > len(_CONTROLS):
            raise TooMuch(f"The other hub takes at most {len(_CONTROLS)} ControlNets; leave some out.")
        asked: Parameters = {}
        for head, control in zip(_CONTROLS, controls, strict=False):
            asked |= self._control(head, control)
        return asked

    def _control(self, head: str, control: Control) -> Parameters:
        asked: Parameters = {
            f"{head}model": self.name(control.model),
            f"{head}strength": control.strength,
            f"{head}start": control.start,
            f"{head}end": control.end,
        }
        if control.image is not None:
            asked[f"{head}imageinput"] = data_url(control.image)
        return asked

    def second(self) -> Parameters:
        """The second pass."""
        second = self._work.second
        if second is None:
            return {}
        asked: Parameters = {
            "refinercontrolpercentage": second.part,
            "refinermethod": second.method,
            "refinerupscale": second.upscale,
            "refinerupscalemethod": self._enlarging(second),
        }
        models = {"refinermodel": second.model, "refinervae": second.vae}
        asked |= {key: self.name(model) for key, model in models.items() if model is not None}
        own = {
            "refinersteps": second.steps,
            "refinercfgscale": second.cfg_scale,
            "refinersampler": second.sampler,
            "refinerscheduler": second.scheduler,
        }
        return asked | {key: value for key, value in own.items() if value is not None}

    def _enlarging(self, second: SecondPass) -> str:
        if second.upscaler is None:
            return second.upscale_method
        return f"model-{self.name(second.upscaler)}"


def _graph(workflow: Workflow) -> Parameters:
    """A graph of the user's own, with the values for its gaps."""
    pictures = {key: data_url(data) for key, data in workflow.pictures.items()}
    return {**workflow.values, **pictures, "comfyworkflowraw": workflow.graph}


def _left_to_graph(workflow: Workflow) -> Iterator[str]:
    """What is not said: the request left it to the hub, and the graph's own default is to stand for it."""
    defaults = {_LETTERS.sub("", tag.lower()) for tag in _DEFAULTED.findall(workflow.graph)}
    open_gaps = defaults & set(workflow.unasked)
    for key, names in _GAPS.items():
        if not names.isdisjoint(open_gaps):
            yield key
    if {"width", "height"} <= open_gaps:  # one of them alone would change the shape of the other
        yield from ("width", "height")


_DEFAULTED = re.compile(r"\$\{([^}:]+):[^}]+\}")
_LETTERS = re.compile(r"[^a-z]")
_GAPS = {
    "steps": frozenset({"steps"}),
    "cfgscale": frozenset({"cfgscale"}),
    "sampler": frozenset({"sampler", "comfysampler", "comfyuisampler"}),
    "scheduler": frozenset({"scheduler", "comfyscheduler", "comfyuischeduler"}),
}
"""Parameters, and the letters of the gaps that they fill."""


def _tag(region: Region) -> str:
    """The tag that a region's text begins with."""
    if region.kind == "background":
        return "<region:background>"
    if region.kind in ("segment", "clear"):
        return f"<{region.kind}:{region.what},{region.creativity},{region.strength}>"
    place = f"{region.x},{region.y},{region.width},{region.height},{region.strength}"
    return f"<object:{place},{region.creativity}>" if region.kind == "object" else f"<region:{place}>"


def _format(work: Work) -> str:
    """Fine colours are asked for in the format that is wanted: whether it can hold them is judged there."""
    return work.format if work.extra.get("colordepth") == "16bit" else asked_format(work.format)


def _parts(lora: Lora) -> list[Lora]:
    """The LoRA as often as its weights fit into it."""
    count = max(1, -int(-max(abs(lora.weight), abs(lora.text_weight)) // MOST_WEIGHT))
    return [structs.replace(lora, weight=lora.weight / count, text_weight=lora.text_weight / count)] * count
