"""Checked values to the frozen request: what was left out is filled, what contradicts itself is refused."""

from collections.abc import Mapping

from hub.accounts.caller import Caller
from hub.catalog import Entry
from hub.errors import BadInput
from hub.params.collect import Collected, Value
from hub.params.context import Context
from hub.params.request import GenRequest
from hub.params.size import Asked, resolve

MAX_WORK = 10000
"""Pictures in one request, batches counted out; the range of the parameter Images."""

_CREATIVITY = 0.6
_STEPS, _CFG, _SAMPLER, _SCHEDULER = 20, 7.0, "euler", "normal"


def build(
    collected: Collected, caller: Caller, context: Context, extra: dict[str, str | list[str]]
) -> GenRequest:
    """The request of these values; `extra` is the metadata's extra data. Raises BadInput or HubError."""
    values = collected.values
    chosen = values.get("model")
    entry = chosen if isinstance(chosen, Entry) else context.catalog.default(caller)
    images, batch = _counts(values, context)
    width, height = _size(values, entry, context)
    defaults_used = _fill(values, entry, context)
    seed = _seed(values.get("seed"), context)
    strength = _float(values.get("variationseedstrength"), 0.0)
    variation = _seed(values.get("variationseed"), context) if strength > 0 else None
    start = values.get("initimage")
    form, quality = _format(values, collected, context)
    engine = values.get("exactbackendid")
    values |= {"model": entry, "seed": seed, "width": width, "height": height}
    if variation is not None:
        values["variationseed"] = variation
    return GenRequest(
        images=images,
        model=entry.ref(),
        model_hash=entry.hash,
        prompt=_text(values.get("prompt")),
        negative_prompt=_text(values.get("negativeprompt")),
        width=width,
        height=height,
        steps=_int(values["steps"]),
        cfg_scale=_float(values["cfgscale"], _CFG),
        sampler=_text(values["sampler"]),
        scheduler=_text(values["scheduler"]),
        seed=seed,
        seed_increment=values.get("noseedincrement") is not True,
        batch_size=batch,
        variation_seed=variation,
        variation_strength=strength,
        init_image=start if isinstance(start, bytes) else None,
        strength=_float(values.get("initimagecreativity"), _CREATIVITY) if start is not None else 1.0,
        format=form,
        quality=quality,
        save=context.wishes.save and values.get("donotsave") is not True,
        save_metadata=context.wishes.save_metadata,
        previews=values.get("nopreviews") is not True,
        continue_after_errors=values.get("continueaftererrors") is True,
        path_format=_text(values.get("overrideoutpathformat")) or context.wishes.path_format,
        path_max_part=context.wishes.path_max_part,
        engine_type=_text(values.get("internalbackendtype")) or None,
        engine_id=int(engine) if isinstance(engine, str) else None,
        features=_features(values, strength, context),
        defaults_used=defaults_used,
        given=_given(values, collected, context),
        extra=extra,
        engine_extra=_engine_extra(values, context),
    )


def _counts(values: Mapping[str, Value], context: Context) -> tuple[int, int]:
    images, batch = _int(values.get("images", 1)), _int(values.get("batchsize", 1))
    limit = min(context.limits.images, MAX_WORK)
    if images > limit:
        raise BadInput(
            f"Invalid value for parameter Images: {images} - one request may have {limit} pictures",
            field="images",
            limit=limit,
        )
    if images * batch > limit:
        raise BadInput(
            f"Invalid value for parameter Batch Size: {images} images in batches of {batch} are "
            f"{images * batch} pictures, and one request may have {limit}",
            field="batchsize",
            limit=limit // images,
        )
    return images, batch


def _size(values: Mapping[str, Value], entry: Entry, context: Context) -> tuple[int, int]:
    def number(key: str) -> int | None:
        value = values.get(key)
        return value if isinstance(value, int) else None

    raw, aspect = values.get("rawresolution"), values.get("aspectratio")
    multiplier = values.get("altresolutionheightmultiplier")
    asked = Asked(
        raw=raw if isinstance(raw, str) and raw.strip() else None,
        aspect=aspect if isinstance(aspect, str) else None,
        side=number("sidelength"),
        width=number("width"),
        height=number("height"),
        height_multiplier=multiplier if isinstance(multiplier, float) else None,
    )
    width, height = resolve(asked, entry.size(), entry.native_sizes)
    limit = context.limits.output_megapixels
    if width * height > limit * 1_000_000:
        field = next((f for f in ("rawresolution", "sidelength", "width") if f in values), "height")
        raise BadInput(
            f"Invalid resolution: {width}x{height} is more than the {limit:g} megapixels a picture may have",
            field=field,
            limit=f"{limit:g} megapixels",
        )
    return width, height


def _fill(values: dict[str, Value], entry: Entry, context: Context) -> tuple[str, ...]:
    """Put the model's own wishes, else the documented defaults, where the request says nothing.

    Returns the ids that were filled, the size included.
    """
    own, registry = entry.defaults, context.registry
    filled = []
    if "steps" not in values:
        values["steps"] = own.steps if own.steps is not None else _STEPS
        filled.append("steps")
    if "cfgscale" not in values:
        values["cfgscale"] = own.cfgscale if own.cfgscale is not None else _CFG
        filled.append("cfgscale")
    if "sampler" not in values:
        values["sampler"] = _first(registry.source("samplers").names, own.sampler, _SAMPLER)
        filled.append("sampler")
    if "scheduler" not in values:
        values["scheduler"] = _first(registry.source("schedulers").names, own.scheduler, _SCHEDULER)
        filled.append("scheduler")
    if "rawresolution" not in values and "sidelength" not in values:
        filled += [side for side in ("width", "height") if side not in values]
    return tuple(filled)


def _first(known: Mapping[str, str], *wanted: str | None) -> str:
    """The first wanted one that an engine can do, else the first of all."""
    return next((name for name in wanted if name is not None and name in known), next(iter(known)))


def _seed(value: Value | None, context: Context) -> int:
    return value if isinstance(value, int) and value >= 0 else context.random()


def _format(values: Mapping[str, Value], collected: Collected, context: Context) -> tuple[str, int]:
    chosen = values.get("imageformat")
    form = chosen if isinstance(chosen, str) else context.wishes.format
    quality = collected.quality if isinstance(chosen, str) and collected.quality else context.wishes.quality
    return form, quality


def _features(values: Mapping[str, Value], strength: float, context: Context) -> tuple[str, ...]:
    """Feature flags of what is really used; a variation of strength 0 asks nothing of an engine."""
    needed: dict[str, None] = {}
    for key in values:
        flag = context.registry.params[key].feature_flag
        if flag is not None and (flag != "variation_seed" or strength > 0):
            needed |= dict.fromkeys(flag.split(","))
    return tuple(needed)


def _engine_extra(values: Mapping[str, Value], context: Context) -> dict[str, str | int | float | bool]:
    """What only some engines know: they get it by its id, and the others pass over it."""
    params = context.registry.params
    return {
        key: value
        for key, value in values.items()
        if params[key].to_engine and isinstance(value, str | int | float | bool)
    }


def _given(
    values: Mapping[str, Value], collected: Collected, context: Context
) -> dict[str, str | int | float | bool]:
    """What goes into the metadata, in the registry's order: pictures only by the path they came from."""
    given: dict[str, str | int | float | bool] = {}
    for key, param in context.registry.params.items():
        value = values.get(key)
        if value is None or param.hide_from_metadata:
            continue
        if isinstance(value, Entry):
            given[key] = value.name.removesuffix(".safetensors")
        elif isinstance(value, bytes):
            if key in collected.sources:
                given[key] = collected.sources[key]
        else:
            given[key] = value
    return given


def _int(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _float(value: Value | None, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""
