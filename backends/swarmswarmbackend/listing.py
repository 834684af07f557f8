"""What the other hub says it has: engines, models, samplers (swarm-api §5.1, §8, §9, §13.2). Pure.

Everything is read loosely: other hubs are of other versions, and what one leaves out is not known.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from backends.contract import RemoteModel

TYPE = "swarmswarmbackend"
SUBTYPES = ("Stable-Diffusion", "VAE", "LoRA", "Embedding", "ControlNet", "Clip", "ClipVision")
"""The kinds of models that ListModels is asked for."""

UPSCALERS = "upscale_models"
UPSCALER_MARK = "model-"
"""What stands before an upscaling model's name among the values of Refiner Upscale Method."""

_NO_USE = frozenset({"disabled", "errored", "idle"})
# What a SwarmUI in front of ComfyUI always can, and names with one word.
_OF_COMFY = (
    "variation_seed",
    "embeddings",
    "loras",
    "lora_confinement",
    "vae",
    "vae_tiling",
    "refiners",
    "upscalers",
    "inpainting",
    "controlnet",
    "prompt_switching",
    "color_depth_16",
    "intermediate_images",
    "regions",
    "region_loras",
    "segments",
)


Side = Annotated[int, Meta(ge=64, le=16384)]
Name = Annotated[str, Meta(max_length=100)]


class Wishes(Struct, frozen=True):
    """What a model wants when a request leaves it out."""

    steps: Annotated[int, Meta(ge=1, le=500)] | None = None
    cfgscale: Annotated[float, Meta(ge=0, le=100)] | None = None
    sampler: Name | None = None
    scheduler: Name | None = None


class Engine(Struct, frozen=True):
    """One engine of the other hub. `model` is the one in its memory, "" when none or not told."""

    id: str
    type: str = ""
    status: str = ""
    features: tuple[str, ...] = ()
    slots: int = 1
    model: str = ""
    title: str = ""
    loads: bool = True

    @property
    def usable(self) -> bool:
        """Whether it draws now, or is expected to soon."""
        return self.status not in _NO_USE


class Choices(Struct, frozen=True):
    """The values of the dropdowns that its engines decide."""

    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()
    upscalers: tuple[str, ...] = ()


def engines_of(answer: Mapping[str, Any], *, forwarding: bool) -> tuple[Engine, ...]:
    """The engines that a ListBackends answer names and that may be used; without `forwarding` not those that
    are hubs behind that hub.
    """
    engines = []
    for number, said in answer.items():
        if not isinstance(said, dict) or said.get("enabled") is False:
            continue
        engine = Engine(
            id=str(said.get("id", number)),
            type=_text(said, "type"),
            status=_text(said, "status"),
            features=tuple(str(flag) for flag in said.get("features") or ()),
            slots=max(1, said["max_usages"]) if isinstance(said.get("max_usages"), int) else 1,
            model=_text(said, "current_model"),
            title=_text(said, "title"),
            loads=said.get("can_load_models") is not False,
        )
        if engine.usable and (forwarding or engine.type != TYPE):
            engines.append(engine)
    return tuple(engines)


def features_of(engines: Iterable[Engine]) -> tuple[str, ...]:
    """The features that some of the engines have."""
    return known_features(flag for engine in engines for flag in engine.features)


def known_features(flags: Iterable[Any]) -> tuple[str, ...]:
    """Features as the other hub names them, in our words."""
    found = {str(flag) for flag in flags}
    if "comfyui" in found:
        found |= set(_OF_COMFY)
    return tuple(sorted(found))


def held_by(engines: Iterable[Engine], spelled: Mapping[str, str]) -> tuple[str, ...]:
    """Our names of the models in the engines' memory; `spelled` are theirs by ours, where they differ."""
    ours = {theirs: name for name, theirs in spelled.items()}
    return tuple(dict.fromkeys(ours.get(e.model, e.model) for e in engines if e.model))


def models_of(answer: Mapping[str, Any], subtype: str) -> tuple[RemoteModel, ...]:
    """The models that a ListModels answer names and that can be used."""
    files = answer.get("files")
    found = []
    for said in files if isinstance(files, list) else ():
        if not isinstance(said, dict) or not _text(said, "name"):
            continue
        if said.get("is_supported_model_format") is False:
            continue
        found.append(
            RemoteModel(
                name=_text(said, "name"),
                subtype=subtype,
                title=_text(said, "title"),
                author=_text(said, "author"),
                description=_text(said, "description"),
                class_id=_text(said, "architecture"),
                trigger_phrase=_text(said, "trigger_phrase"),
                license=_text(said, "license"),
                width=_pixels(said, "standard_width"),
                height=_pixels(said, "standard_height"),
                hash=_text(said, "hash"),
                usage_hint=_text(said, "usage_hint"),
                lora_weight=_text(said, "lora_default_weight"),
                lora_section=_text(said, "lora_default_confinement"),
                native_sizes=_sizes(said.get("native_sizes")),
                wishes=_wishes(said.get("defaults")),
            )
        )
    return tuple(found)


def choices_of(answer: Mapping[str, Any]) -> Choices:
    """The samplers, schedulers and upscaling models that a ListT2IParams answer offers."""
    params = answer.get("list")
    values: dict[str, list[str]] = {}
    for param in params if isinstance(params, list) else ():
        if isinstance(param, dict) and isinstance(param.get("values"), list):
            values[str(param.get("id"))] = [str(value) for value in param["values"]]
    ways = values.get("refinerupscalemethod", [])
    upscalers = tuple(way.removeprefix(UPSCALER_MARK) for way in ways if way.startswith(UPSCALER_MARK))
    return Choices(tuple(values.get("sampler", ())), tuple(values.get("scheduler", ())), upscalers)


def upscaler_models(choices: Choices) -> tuple[RemoteModel, ...]:
    """The upscaling models as models."""
    return tuple(RemoteModel(name, UPSCALERS) for name in choices.upscalers)


def as_ours(models: Iterable[RemoteModel]) -> tuple[tuple[RemoteModel, ...], dict[str, str]]:
    """The models under the names they have here, and the other hub's names by ours, where they differ."""
    ours: list[RemoteModel] = []
    spelled: dict[str, str] = {}
    for model in models:
        name = model.name.replace("\\", "/")
        if name != model.name:
            spelled[name] = model.name
            model = msgspec.structs.replace(model, name=name)
        ours.append(model)
    return tuple(ours), spelled


def pick(engines: Iterable[Engine], load: Mapping[str, int], model: str) -> str | None:
    """The engine that is to draw with a model, where the choice is ours: one with a free place first, of
    those one that holds the model, then the least asked. `load` is how many works each has from us.
    """

    def preference(engine: Engine) -> tuple[bool, bool, float]:
        asked = load.get(engine.id, 0)
        return asked >= engine.slots, engine.model != model, asked / engine.slots

    found = sorted(engines, key=preference)
    return found[0].id if found else None


def _sizes(told: object) -> tuple[tuple[int, int], ...]:
    """The sizes in pixels that a hub of our kind tells of a model."""
    try:
        return msgspec.convert(told or (), tuple[tuple[Side, Side], ...])
    except msgspec.ValidationError:
        return ()


def _wishes(told: object) -> dict[str, str | int | float]:
    """How a model wants to be drawn, as hubs of our kind tell it."""
    try:
        wishes = msgspec.convert(told or {}, Wishes)
    except msgspec.ValidationError:
        return {}
    return {key: value for key, value in msgspec.structs.asdict(wishes).items() if value is not None}


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""


def _pixels(said: Mapping[str, Any], key: str) -> int:
    value = said.get(key)
    return value if isinstance(value, int) and value > 0 else 0
