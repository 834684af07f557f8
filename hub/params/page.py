"""The page docs/parameters.md, written from the declarations and compared with them by a test."""

from collections.abc import Iterator

from hub.params.registry import Registry
from hub.params.spec import Group, Param
from hub.params.tags.known import TAGS
from hub.params.unserved import PARAMS

NOTE = "<!-- Written by `python -m hub.params` from hub/params/groups; edit those. -->"

_HEAD = """# Parameters

{note}

What a generation request may say (`GenerateText2Image`, `GenerateText2ImageWS`). Keys are read by
their letters alone: `cfgscale`, `CFG Scale` and `cfg_scale` are one. Numbers may come as text,
switches as `true` or `false`, lists as arrays or as one text with commas. Choices and models are
matched loosely: the same name, else the shortest that contains what was sent. What a request leaves
out comes from the chosen model's own defaults where it has some; the defaults below are what a page
shows. What no engine can do is listed with the feature it needs and refused by the parameter's name.
What only shapes something that is not there is named in the picture's metadata under
`unused_parameters`; words that nobody knows are ignored.
"""

_IN_PROMPTS = """## Tags in prompts

Tags stand in Prompt and Negative Prompt, in any letter case, and may stand in each other. Models and
wildcards are named as loosely as everywhere; a tag that names what is not there, or cannot be
understood, is left out with a warning. What is no known tag stays as it was typed. Each picture of a
request is filled anew, by its own seed or by Wildcard Seed. Items are parted by `||`, else `|`, else
`,`. The metadata keeps the text with its tags under `original_prompt`, the warnings under
`prompt_warnings`, and says in the parameters what the tags came to.

`(word:1.5)` weighs a word, `(word)` raises it a little; `\\(` and `\\)` are brackets. `[a|b]` takes
another item each step, `[a:b:0.5]` the second from half of the steps on.

"""

_UNSERVED = frozenset(param.id for param in PARAMS if param.asked_of_engines)

_SOURCES = {
    "samplers": "what the engines here can do",
    "schedulers": "what the engines here can do",
    "engine_types": "`Any` or an engine type",
    "engines": "the engines by number",
    "upscale_methods": "`pixel-…`, `latent-…`, or `model-` and the name of an upscaling model",
    "workflows": "the names of stored workflows",
}


def write_page(registry: Registry) -> str:
    """The page's Markdown."""
    groups: list[Group | None] = [None, *sorted(registry.groups.values(), key=lambda group: group.priority)]
    parts = [_HEAD.format(note=NOTE)]
    for group in groups:
        rows = "\n".join(_rows(registry, group))
        title = f"## {group.name}\n\n{group.description}" if group is not None else "## The picture itself"
        table = f"| parameter | type | default | accepted | |\n| --- | --- | --- | --- | --- |\n{rows}"
        parts.append(f"{title}\n\n{table}\n")
    parts.append(_tags())
    return "\n".join(parts)


def _tags() -> str:
    """The section about prompts."""
    tags = {tag.names[0]: tag for tag in TAGS.values()}
    rows = (
        f"| {', '.join(f'`{form}`' for form in tag.forms)} | {tag.description} |"
        for _, tag in sorted(tags.items())
    )
    return f"{_IN_PROMPTS}| tag | |\n| --- | --- |\n" + "\n".join(rows) + "\n"


def _rows(registry: Registry, group: Group | None) -> Iterator[str]:
    name = None if group is None else group.id
    for param in registry.params.values():
        if param.group == name:
            text = param.description.replace("\n", " ")
            if param.permission is not None:
                text += f" Needs `{param.permission}`."
            if param.id in _UNSERVED:
                text += " No engine can do it yet."
            default = f"`{param.default}`" if param.default else ""
            cells = (f"`{param.id}`", param.type, default, _accepted(param), text)
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _accepted(param: Param) -> str:
    if param.source is not None:
        return _SOURCES[param.source]
    if param.values is not None:
        return ", ".join(f"`{value}`" for value in param.values)
    return f"{param.min} to {param.max}" if param.bounded else ""
