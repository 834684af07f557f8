"""The second pass of a request: enlarging, refining, or both."""

from collections.abc import Mapping

from backends.contract import ModelRef, SecondPass
from hub.accounts.caller import Caller
from hub.catalog import UPSCALERS, Entry
from hub.params.addons import vae_of
from hub.params.collect import Value
from hub.params.context import Context
from hub.params.method import check_second
from hub.params.registry import MODEL_METHOD
from hub.params.values import refused

GROUPS = frozenset({"refineupscale", "refinerparamoverrides"})
"""The groups of the parameters that ask for a second pass; one of them is enough."""

_PART = 0.2


def second_of(values: dict[str, Value], model: Entry, caller: Caller, context: Context) -> SecondPass | None:
    """The second pass that any of its parameters asks for, None when it would change nothing.

    Raises BadInput.
    """
    params = context.registry.params
    if not any(params[key].group in GROUPS for key in values):
        return None
    part, upscale = _number(values, "refinercontrolpercentage", _PART), _number(values, "refinerupscale", 1.0)
    if part == 0 and upscale == 1:
        return None
    entry = values.get("refinermodel")
    drawn_by = entry if isinstance(entry, Entry) else model
    method, upscaler = _method(values, caller, context)
    sampler, scheduler = values.get("refinersampler"), values.get("refinerscheduler")
    if part > 0:
        check_second(
            values,
            drawn_by,
            str(sampler or values["sampler"]),
            str(scheduler or values["scheduler"]),
            context,
        )
    steps, cfg = values.get("refinersteps"), values.get("refinercfgscale")
    return SecondPass(
        part=part,
        method=str(values.get("refinermethod", "PostApply")),
        model=entry.ref() if isinstance(entry, Entry) else None,
        vae=vae_of(values, "refinervae", drawn_by, context.registry),
        upscale=upscale,
        upscale_method=method,
        upscaler=upscaler,
        steps=steps if isinstance(steps, int) else None,
        cfg_scale=cfg if isinstance(cfg, float) else None,
        sampler=sampler if isinstance(sampler, str) else None,
        scheduler=scheduler if isinstance(scheduler, str) else None,
    )


def result_size(width: int, height: int, second: SecondPass | None) -> tuple[int, int]:
    """The (width, height) in pixels of the finished picture."""
    if second is None or second.upscale == 1:
        return width, height
    return max(1, round(width * second.upscale)), max(1, round(height * second.upscale))


def check_size(width: int, height: int, second: SecondPass | None, context: Context) -> None:
    """Refuse a result larger than the hub allows. Raises BadInput."""
    wide, high = result_size(width, height, second)
    limit = context.limits.output_megapixels
    if second is not None and wide * high > limit * 1_000_000:
        raise refused(
            context.registry.params["refinerupscale"],
            f"{width}x{height} enlarged {second.upscale:g} times is {wide}x{high}, more than the {limit:g} "
            "megapixels a picture may have",
            limit=f"{limit:g} megapixels",
        )


def _method(values: Mapping[str, Value], caller: Caller, context: Context) -> tuple[str, ModelRef | None]:
    method = str(values.get("refinerupscalemethod", "pixel-lanczos"))
    if not method.startswith(MODEL_METHOD):
        return method, None
    return "model", context.catalog.find(UPSCALERS, method.removeprefix(MODEL_METHOD), caller).ref()


def _number(values: Mapping[str, Value], key: str, default: float) -> float:
    value = values.get(key)
    return float(value) if isinstance(value, int | float) else default
