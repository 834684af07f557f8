"""From an output path pattern to a clean relative path (swarm-api §7). Pure: the time is passed in."""

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from msgspec import Struct

from backends.contract import Work
from hub.params.request import GenRequest

NUMBER = "[number]"
_TAG = re.compile(r"\[([^\[\]]*)\]")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"\\|?*~&@;#$^%]')  # % would be read as an escape in addresses
_LETTERS = re.compile(r"[^a-z]")
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$", re.IGNORECASE)
_MOST_BYTES = 200  # of one path part in UTF-8: file systems allow 255, and a number and an ending follow
_KNOWN_EMPTY = frozenset(  # extra data a pattern may name although this picture has none of it
    (
        "debugbackend",
        "scoring",
        "usedembeddings",
        "generationtime",
        "intermediate",
        "usedwildcards",
        "swarmversion",
        "date",
        "originalprompt",
        "originalnegativeprompt",
        "presetsused",
    )
)


class Occasion(Struct, frozen=True):
    """What a path may tell beyond the request: local time of the request, its number within the user's
    minute, the image's index in the request, who asked."""

    time: datetime
    count: int
    batch: int
    user: str


def fill(request: GenRequest, work: Work, occasion: Occasion, *, depth: int = 5, unsafe: bool = False) -> str:
    """The path without ending; `[number]` is left in for whoever knows which names are taken.

    Each tag's text is cut to the request's length for parts. At most `depth` folders, deeper ones are joined.
    `unsafe` (a right of roles) keeps characters that some systems dislike, never a way out of the folder.
    """

    def part(match: re.Match[str]) -> str:
        name = match.group(1)
        if name == "number":
            return NUMBER
        text = tag(name, request, work, occasion)
        if text is None:
            text = match.group(0)
        text = text.replace("\\", "/").replace("/", "")[: request.path_max_part]
        return clean(text).replace(".", "")

    path = _TAG.sub(part, request.path_format)
    return clean_path(path, depth=depth, unsafe=unsafe)


def clean(text: str) -> str:
    """Without characters that break file names somewhere; runs of white space become one blank."""
    if text.isalnum():
        return text
    return _FORBIDDEN.sub("", re.sub(r"\s+", " ", text))


def clean_path(path: str, *, depth: int = 5, unsafe: bool = False) -> str:
    """Relative, without `.`, `..`, empty or reserved parts, each part short enough; never empty."""
    parts = []
    for raw in path.replace("\\", "/").split("/"):
        text = re.sub(r"[\x00-\x1f\x7f]", "", raw) if unsafe else clean(raw)
        text = text.strip(" .")
        if not text:
            continue
        if _RESERVED.match(text):
            text = f"_{text}"
        parts.append(text.encode()[:_MOST_BYTES].decode(errors="ignore").rstrip(" ."))
    if len(parts) > depth + 1:
        parts = [*parts[:depth], "-".join(parts[depth:]).encode()[:_MOST_BYTES].decode(errors="ignore")]
    return "/".join(parts) or "unnamed"


def simple_model(name: str) -> str:
    """A model's name without the ending of its file."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and ending in ("safetensors", "ckpt", "sft", "gguf", "engine") else name


def tag(name: str, request: GenRequest, work: Work, occasion: Occasion) -> str | None:
    """The whole text of a tag of patterns, uncut and as it is; None when there is no such tag."""
    found = _time(name, occasion) if name in _TIMES else None
    if found is None:
        found = _fixed(name, request, work, occasion)
    if found is None:
        found = _looked_up(_LETTERS.sub("", name.lower()), request)
    return found


_TIMES = {
    "year": "%Y",
    "month": "%m",
    "month_name": "%B",
    "day": "%d",
    "day_name": "%A",
    "hour": "%H",
    "minute": "%M",
    "second": "%S",
}


def _time(name: str, occasion: Occasion) -> str:
    return occasion.time.strftime(_TIMES[name])


def _fixed(name: str, request: GenRequest, work: Work, occasion: Occasion) -> str | None:
    match name:
        case "millisecond":
            return f"{occasion.time.microsecond // 1000:03d}"
        case "request_time_inc":
            return f"{occasion.count:03d}"
        case "prompt":
            return work.prompt
        case "prompthash":
            return _short_hash(work.prompt)
        case "negative_prompt":
            return work.negative_prompt
        case "negativeprompthash":
            return _short_hash(work.negative_prompt)
        case "seed":
            return str(work.seed)
        case "cfg_scale":
            return f"{work.cfg_scale:g}"
        case "width":
            return str(work.width)
        case "height":
            return str(work.height)
        case "steps":
            return str(work.steps)
        case "model":
            model = simple_model(request.model.name) or "unknown"
            return model if request.keeping.model_folders else model.rpartition("/")[2]
        case "model_title":
            return request.model_title or request.model.name or "unknown"
        case "loras":
            named = request.given.get("loras", ())
            return "-".join(simple_model(name) for name in named) if isinstance(named, list) else ""
        case "batch_id":
            return str(occasion.batch)
        case "user_name":
            return occasion.user
    return None


def _looked_up(key: str, request: GenRequest) -> str | None:
    """A tag that is a parameter's id or a key of the extra data, letters only."""
    sources: tuple[Mapping[str, object], ...] = (request.given, request.extra, request.engine_extra)
    for source in sources:
        for name, value in source.items():
            if key and _LETTERS.sub("", name.lower()) == key:
                return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "" if key in _KNOWN_EMPTY else None


def _short_hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:8]
