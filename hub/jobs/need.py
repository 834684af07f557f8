"""What an image asks of an engine. Pure."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from backends.contract import Lora, ModelRef, Region
from hub.catalog import UPSCALERS
from hub.params import letters
from hub.params.request import GenRequest

REFINER = "refinermodel"
"""The parameter whose model draws too."""

NO_LOADING = "No Load Models"
"""The parameter that asks for engines which hold the model already."""


class Wanted(Struct, frozen=True):
    """A model that is used beside the main one: its kind as the catalog names it, its name, whether an engine
    of this machine can load it, and the parameter that asked for it, in words."""

    subtype: str
    name: str
    here: bool
    param: str


class Method(Struct, frozen=True):
    """A sampler and a scheduler that models of a class are to be drawn with."""

    class_id: str
    sampler: str
    scheduler: str


class Need(Struct, frozen=True, cache_hash=True):
    """What an image asks of an engine; images with equal needs are interchangeable for the choice.

    `here` tells whether engines of this machine can load the main model. `asked_by` are the parameters that
    need the `features`, in their order; `others` the classes of further models that draw it, `models` all
    that it uses beside the main one. One that is `alone` shares its engine with no other image; one that
    `shuns` an engine was lost there and goes there again only when no other can, or never when `barred`: it
    could not be got back from there. A
    `given_graph` names its own models, and none of the hub's has to be there. With `held_only` no model that
    draws may have to be loaded first.
    """

    model: str
    class_id: str = ""
    engine_type: str | None = None
    engine_id: int | None = None
    features: tuple[str, ...] = ()
    asked_by: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    here: bool = True
    models: tuple[Wanted, ...] = ()
    methods: tuple[Method, ...] = ()
    alone: bool = False
    shuns: int | None = None
    barred: bool = False
    given_graph: bool = False
    held_only: bool = False


def need_of(request: GenRequest) -> Need:
    """The need of a request whose pictures all need the same, else of its first."""
    return needs_of(request)[0]


def needs_of(request: GenRequest) -> tuple[Need, ...]:
    """The needs of a request's pictures: one for all of them, or one for each where chance chose models."""
    common = _common(request)
    if not request.fills:
        models = _models(request, request.loras, request.embeddings, request.regions)
        return (msgspec.structs.replace(common, models=models),)
    known: dict[tuple[Wanted, ...], Need] = {}
    needs = []
    for fill in request.fills:
        models = _models(request, fill.loras, fill.embeddings, fill.regions)
        need = known.get(models)
        if need is None:
            need = known[models] = msgspec.structs.replace(common, models=models)
        needs.append(need)
    return tuple(needs)


def _common(request: GenRequest) -> Need:
    return Need(
        request.model.name,
        request.model.class_id,
        request.engine_type,
        request.engine_id,
        request.features,
        tuple(request.asked_by.values()),
        tuple(other.class_id for other in request.other_models if other.param == REFINER and other.class_id),
        here=bool(request.model.path),
        methods=tuple(dict.fromkeys(_methods(request))),
        given_graph=request.workflow is not None,
        held_only=request.engine_extra.get(letters(NO_LOADING)) is True,
    )


def _methods(request: GenRequest) -> Iterator[Method]:
    yield Method(request.model.class_id, request.sampler, request.scheduler)
    second = request.second
    if second is not None and second.part > 0:
        model = second.model or request.model
        yield Method(model.class_id, second.sampler or request.sampler, second.scheduler or request.scheduler)


def _models(
    request: GenRequest,
    loras: tuple[Lora, ...],
    embeddings: tuple[ModelRef, ...],
    regions: tuple[Region, ...],
) -> tuple[Wanted, ...]:
    """Every model beside the main one, each once."""
    found = [_wanted("LoRA", lora.model, "LoRAs") for lora in loras]
    found += [_wanted("LoRA", lora.model, "Prompt") for region in regions for lora in region.loras]
    found += [_wanted("Embedding", embedding, "Prompt") for embedding in embeddings]
    found += [_wanted("ControlNet", control.model, "ControlNet Model") for control in request.controls]
    second = request.second
    single = [("VAE", request.vae, "VAE")]
    if second is not None:
        single += [
            ("Stable-Diffusion", second.model, "Refiner Model"),
            ("VAE", second.vae, "Refiner VAE"),
            (UPSCALERS, second.upscaler, "Refiner Upscale Method"),
        ]
    found += [_wanted(kind, model, param) for kind, model, param in single if model is not None]
    return tuple(dict.fromkeys(found))


def _wanted(subtype: str, model: ModelRef, param: str) -> Wanted:
    return Wanted(subtype, model.name, bool(model.path), param)
