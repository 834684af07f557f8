"""The models that engines elsewhere have, told by their engines, as entries beside those on disk. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from backends.contract import EngineState, RemoteModel
from hub.catalog.classes import CLASSES, by_name
from hub.catalog.classes.wishes import WISHES
from hub.catalog.entry import SHELVES, Defaults, Entry
from hub.catalog.match import closest, plain_model

LONGEST = 1024
"""Characters; nobody has a model of a longer name."""

# Those that answer, are about to, or are to be tried again shortly. One that was given up has no models.
_LIVING = frozenset({"waiting", "loading", "running", "silent"})


class Held(Struct, frozen=True):
    """A model and the numbers of the engines that have it."""

    model: RemoteModel
    engines: tuple[int, ...]


Offered = Mapping[str, Mapping[str, Held]]
"""By subtype and name."""

Telling = tuple[tuple[int, Mapping[str, Mapping[str, RemoteModel]]], ...]
"""What each engine elsewhere offers, by its number."""


def telling(states: Iterable[EngineState]) -> Telling:
    """What the engines offer that count now."""
    return tuple(
        (state.id, state.offers)
        for state in states
        if state.enabled and state.status in _LIVING and not state.holds_any and state.offers
    )


def same(one: Telling, other: Telling) -> bool:
    """Whether nothing has changed: an engine that has said nothing new still shows the same object."""
    return len(one) == len(other) and all(
        a[0] == b[0] and a[1] is b[1] for a, b in zip(one, other, strict=True)
    )


def missing_with(states: Iterable[EngineState], subtype: str, name: str, sees: Callable[[str], bool]) -> str:
    """Of a model that is not there now: the engine elsewhere that had it, and why that does not count now, as
    the rest of a sentence; "" when none had it. `sees` tells which names may be told.
    """
    for state in states:
        if state.holds_any or (state.enabled and state.status in _LIVING):
            continue
        names = {plain_model(one): one for one in state.offers.get(subtype, ()) if sees(one)}
        found = names.get(plain_model(name)) or closest(plain_model(name), names)
        if found is not None:
            why = "could not be reached"
            if not state.enabled or state.status == "disabled":
                why = "is switched off; an administrator can switch it on under Server > Backends"
            elif state.hopeless:
                why = "has a wrong setting"
            elif state.status == "idle":
                why = "does not answer"
            return f"only {state.title} (backend {state.id}) has '{found}', and it {why}"
    return ""


def gathered(told: Telling) -> Offered:
    """Every model offered, with its engines. Of what several say of one model the first engine's counts."""
    shelves: dict[str, dict[str, Held]] = {}
    for engine, offers in told:
        for subtype, models in offers.items():
            if subtype not in SHELVES:
                continue
            shelf = shelves.setdefault(subtype, {})
            for name, model in models.items():
                before = shelf.get(name)
                if before is not None:
                    shelf[name] = Held(before.model, (*before.engines, engine))
                elif _can_be_told(name):
                    shelf[name] = Held(model, (engine,))
    return shelves


def merged(own: Mapping[str, Entry], held: Mapping[str, Held], subtype: str) -> Mapping[str, Entry]:
    """The entries of one subtype, in name order: those on disk, which know most, and the others."""
    found = dict(own)
    for name, one in held.items():
        here = own.get(name)
        if here is None:
            found[name] = entry_of(one.model, subtype, one.engines)
        elif here.supported:
            found[name] = msgspec.structs.replace(here, engines=one.engines)
        else:  # nobody here can load it; elsewhere they can
            found[name] = msgspec.structs.replace(
                here, engines=one.engines, supported=True, reason="", drawn_here=False
            )
    return found if len(found) == len(own) else {name: found[name] for name in sorted(found)}


def entry_of(model: RemoteModel, subtype: str, engines: Sequence[int]) -> Entry:
    """The entry of a model that only engines elsewhere have. Its class is the one we know by that name, and
    tells how it wants to be drawn.
    """
    kind = by_name(model.class_id) or CLASSES.get(model.class_id)
    width, height = model.width, model.height
    if kind is not None and not (width > 0 and height > 0):
        width, height = kind.standard_width, kind.standard_height
    return Entry(
        name=model.name,
        subtype=subtype,
        path=None,
        title=model.title or model.name.rpartition("/")[2].removesuffix(".safetensors"),
        author=model.author or None,
        description=model.description or None,
        class_id=model.class_id if kind is None else kind.id,
        class_name="" if kind is None else kind.name,
        compat="" if kind is None else kind.compat_class,
        standard_width=max(0, width),
        standard_height=max(0, height),
        license=model.license or None,
        trigger_phrase=model.trigger_phrase or None,
        usage_hint=model.usage_hint or None,
        hash=model.hash,
        lora_default_weight=model.lora_weight,
        lora_default_confinement=model.lora_section,
        native_sizes=model.native_sizes,
        defaults=_wishes(model, "" if kind is None else kind.id),
        engines=tuple(engines),
        drawn_here=False,
    )


def _wishes(model: RemoteModel, class_id: str) -> Defaults:
    """How a model wants to be drawn: by what is told of it, else as its class does."""
    usual = WISHES.get(class_id, Defaults())
    try:
        own = msgspec.convert({**msgspec.structs.asdict(usual), **model.wishes}, Defaults)
    except msgspec.ValidationError:
        return usual
    return own


def _can_be_told(name: str) -> bool:
    """Whether a name can be shown and typed: no control characters, no way out of a folder."""
    return (
        0 < len(name) <= LONGEST
        and name.isprintable()
        and not name.startswith("/")
        and ".." not in name.split("/")
    )
