"""The text a picture carries about itself: SwarmUI's metadata block (swarm-api §7), indented, in pure ASCII.

Written by hand instead of through `json.dumps`, whose indented form is pure Python and ten times as slow.
"""

from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any

from msgspec import Struct

from backends.contract import Work
from hub.params.request import GenRequest

Value = str | int | float | bool | Sequence[Any] | Mapping[str, Any] | None


_MARK = ',\n    "is_preview": true'
_NOTICE = ',\n    "preview_notice": "This image is still being generated."'
_EXTRA = '\n  },\n  "sui_extra_data": '


class Times(Struct, frozen=True):
    """`date` of the request as YYYY-MM-DD; seconds it took to prepare (wait and load) and to draw, None for a
    picture that was not drawn here."""

    date: str
    prepare: float | None = 0.0
    draw: float = 0.0


def describe(
    request: GenRequest,
    work: Work,
    times: Times,
    notes: Mapping[str, Value],
    version: str,
    preview: str | None = None,
) -> str:
    """The block of a finished picture; `notes` are what its engine adds to the extra data.

    With the `preview` block that was sent before, the parameters are taken from there, not written again.
    """
    extra: dict[str, Value] = {"date": times.date}
    if times.prepare is not None:
        extra |= {"prep_time": duration(times.prepare), "generation_time": duration(times.draw)}
    extra |= {**request.extra, **notes}
    models = []
    if request.model.name:
        models.append({"name": request.model.name, "param": "model", "hash": request.model_hash})
    models += [{"name": one.name, "param": one.param, "hash": one.hash} for one in request.other_models]
    if preview is None:
        parts = [_head(request, work, version)]
    else:  # no text inside can hold this: quotes and line ends are escaped there
        parts = [preview.partition(_MARK)[0]]
    parts.append(_EXTRA)
    _write(extra, "\n  ", parts)
    parts.append(',\n  "sui_models": ')
    _write(models, "\n  ", parts)
    parts.append("\n}")
    return "".join(parts)


def describe_preview(request: GenRequest, work: Work, version: str) -> str:
    """The block sent while a picture forms, marked so that nobody takes it for the final one."""
    parts = [_head(request, work, version), _MARK, _NOTICE, _EXTRA]
    _write(request.extra, "\n  ", parts)
    parts.append("\n}")
    return "".join(parts)


def _head(request: GenRequest, work: Work, version: str) -> str:
    """The block up to its last parameter."""
    text = to_text({"sui_image_params": {**_parameters(request, work), "swarm_version": version}})
    return text.removesuffix("\n  }\n}")


def duration(seconds: float) -> str:
    """Seconds in words: "4.84 sec", from two minutes on "2.50 min"."""
    return f"{seconds:.2f} sec" if seconds <= 120 else f"{seconds / 60:.2f} min"


def to_text(value: Value) -> str:
    """Indented JSON with every non-ASCII character escaped."""
    parts: list[str] = []
    _write(value, "\n", parts)
    return "".join(parts)


def _parameters(request: GenRequest, work: Work) -> dict[str, Value]:
    """What the request gave, with this image's own seed and texts in the places they have in the list."""
    given: dict[str, Value] = dict(request.given)
    if "seed" in given:
        given["seed"] = work.seed
    if work.variation_seed is not None:
        given["variationseed"] = work.variation_seed
    for key, text, asked in (
        ("prompt", work.prompt, request.prompt),
        ("negativeprompt", work.negative_prompt, request.negative_prompt),
    ):
        if text != asked:
            given[key] = text
    return given


def _write(value: Value, line: str, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(encode_basestring_ascii(value))
    elif value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        parts.append(str(int(value)))
    elif isinstance(value, float):
        parts.append(repr(float(value)) if isfinite(value) else "null")
    elif isinstance(value, Mapping):
        _write_all([(encode_basestring_ascii(str(k)) + ": ", v) for k, v in value.items()], "{}", line, parts)
    else:
        _write_all([("", item) for item in value], "[]", line, parts)


def _write_all(items: list[tuple[str, Value]], brackets: str, line: str, parts: list[str]) -> None:
    if not items:
        parts.append(brackets)
        return
    inner = line + "  "
    separator = brackets[0] + inner
    for label, item in items:
        parts.append(separator)
        parts.append(label)
        _write(item, inner, parts)
        separator = "," + inner
    parts.append(line + brackets[1])
