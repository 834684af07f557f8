"""Checked values to the frozen request: what was left out is filled, what contradicts itself is refused."""

from collections.abc import Mapping

from hub.accounts.caller import Caller
from hub.catalog import Entry
from hub.errors import BadInput
from hub.params.addons import vae_of
from hub.params.collect import Collected, Value
from hub.params.context import Context
from hub.params.controls import controls_of
from hub.params.fills import Filler
from hub.params.method import fill_method, fit_steps
from hub.params.prompts import Prompting
from hub.params.request import GenRequest
from hub.params.second import check_size, second_of
from hub.params.size import Asked, resolve
from hub.params.used import BORDERS
from hub.params.values import refused

MAX_WORK = 10000
"""Pictures in one request, batches counted out; the range of the parameter Images."""

_CREATIVITY = 0.6
_STEPS, _CFG = 20, 7.0


def build(
    collected: Collected,
    prompting: Prompting,
    caller: Caller,
    context: Context,
    extra: dict[str, str | list[str]],
) -> GenRequest:
    """The request of these values; `extra` is the metadata's extra data. Raises BadInput or HubError."""
    values = collected.values
    entry, defaults_used = _settle(values, caller, context)
    images, batch = _counts(values, context)
    width, height = _int(values["width"]), _int(values["height"])
    variation = _float(values.get("variationseedstrength"), 0.0)
    second = second_of(values, entry, caller, context)
    check_size(width, height, second, context)
    controls = controls_of(values, entry, context.registry)
    start, mask = _start(values, context)
    steps = _seed_steps(values, images, batch)
    drawn = Filler(values, collected.sources, entry, second, context).draw(prompting, steps)
    own = drawn.first
    form, quality, save = _format(values, collected, context)
    return GenRequest(
        images=images,
        model=entry.ref(),
        model_hash=entry.hash,
        prompt=own.prompt,
        negative_prompt=own.negative_prompt,
        width=width,
        height=height,
        steps=_int(values["steps"]),
        cfg_scale=_float(values["cfgscale"], _CFG),
        sampler=_text(values["sampler"]),
        scheduler=_text(values["scheduler"]),
        seed=_int(values["seed"]),
        seed_increment=values.get("noseedincrement") is not True,
        batch_size=batch,
        variation_seed=_int(values["variationseed"]) if variation > 0 else None,
        variation_strength=variation,
        init_image=start,
        strength=_float(values.get("initimagecreativity"), _CREATIVITY) if start is not None else 1.0,
        mask=mask,
        loras=own.loras,
        vae=vae_of(values, "vae", entry, context.registry),
        embeddings=own.embeddings,
        controls=controls,
        second=second,
        regions=own.regions,
        format=form,
        quality=quality,
        save=save,
        save_metadata=context.wishes.save_metadata,
        previews=values.get("nopreviews") is not True,
        deterministic=values.get("deterministic") is True,
        continue_after_errors=values.get("continueaftererrors") is True,
        path_format=_text(values.get("overrideoutpathformat")) or context.wishes.path_format,
        path_max_part=context.wishes.path_max_part,
        keeping=context.wishes.keeping,
        model_title=entry.title,
        engine_type=_text(values.get("internalbackendtype")) or None,
        engine_id=_engine(values.get("exactbackendid")),
        asked_by=drawn.features,
        other_models=own.other_models,
        defaults_used=defaults_used,
        given=own.given.put,
        extra={**own.extra.put, **extra},
        engine_extra=own.engine_extra.put,
        fills=drawn.fills,
    )


def _settle(values: dict[str, Value], caller: Caller, context: Context) -> tuple[Entry, tuple[str, ...]]:
    """Put model, size, seeds and the model's wishes where the request says nothing.

    Returns the model and the ids its own wishes filled. Raises BadInput or HubError.
    """
    chosen = values.get("model")
    entry = chosen if isinstance(chosen, Entry) else context.catalog.default(caller)
    width, height = _size(values, entry, context)
    filled = _fill(values, entry, context)
    values |= {"model": entry, "seed": _seed(values.get("seed"), context), "width": width, "height": height}
    if _float(values.get("variationseedstrength"), 0.0) > 0:
        values["variationseed"] = _seed(values.get("variationseed"), context)
    return entry, filled


def _start(values: Mapping[str, Value], context: Context) -> tuple[bytes | None, bytes | None]:
    """The initial picture and the mask over it. Raises BadInput for a mask or borders over nothing."""
    start, mask = values.get("initimage"), values.get("maskimage")
    if start is None:
        over = next((key for key in ("maskimage", *BORDERS) if key in values), None)
        if over is not None:
            raise refused(context.registry.params[over], "it needs an Init Image, and none was given")
    for near, far, side in (("left", "right", "width"), ("top", "bottom", "height")):
        border = _int(values.get(f"outpaint{near}", 0)) + _int(values.get(f"outpaint{far}", 0))
        if border >= _int(values[side]):
            over = f"outpaint{near}" if f"outpaint{near}" in values else f"outpaint{far}"
            raise refused(
                context.registry.params[over],
                f"the new borders are {border} pixels together and leave no room for the Init Image; "
                f"ask for a larger {side.capitalize()}",
            )
    return start if isinstance(start, bytes) else None, mask if isinstance(mask, bytes) else None


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


def _seed_steps(values: Mapping[str, Value], images: int, batch: int) -> list[int]:
    """How far each picture's seed is above the first's."""
    alike = values.get("noseedincrement") is True
    return [index % batch if alike else index for index in range(images * batch)]


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
    own = entry.defaults
    filled = []
    if "steps" not in values:
        values["steps"] = own.steps if own.steps is not None else _STEPS
        filled.append("steps")
    if "cfgscale" not in values:
        values["cfgscale"] = own.cfgscale if own.cfgscale is not None else _CFG
        filled.append("cfgscale")
    filled += fill_method(values, entry, context)
    fit_steps(values, entry, context, filled="steps" in filled)
    if "rawresolution" not in values and "sidelength" not in values:
        filled += [side for side in ("width", "height") if side not in values]
    return tuple(filled)


def _seed(value: Value | None, context: Context) -> int:
    return value if isinstance(value, int) and value >= 0 else context.random()


def _engine(value: Value | None) -> int | None:
    return int(value) if isinstance(value, str) else None


def _format(values: Mapping[str, Value], collected: Collected, context: Context) -> tuple[str, int, bool]:
    """The format of the file, its quality, and whether it is kept."""
    save = context.wishes.save and values.get("donotsave") is not True
    chosen = values.get("imageformat")
    usual = context.wishes.format if save or context.wishes.reformat_unsaved else "PNG"
    form = chosen if isinstance(chosen, str) else usual
    quality = collected.quality if isinstance(chosen, str) and collected.quality else context.wishes.quality
    return form, quality, save


def _int(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _float(value: Value | None, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""
