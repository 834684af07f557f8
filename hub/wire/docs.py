"""The pages of docs/api: written from the declarations, compared with them by a test."""

import inspect
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hub.settings import Settings
from hub.wire.describe import Field, family_text, fields_of_struct, input_fields, output_fields
from hub.wire.route import Route

NOTE = "<!-- Written by `python -m hub docs` from the declarations in hub/routes; edit those. -->"

INDEX = """# The API

{note}

Every route of the hub, one page a family. The same as OpenAPI: `GET /schema/openapi.json`.

| family | routes | |
| --- | --- | --- |
{rows}

## How a call is made

`POST /API/<Name>` with a JSON object as body, `Content-Type: application/json` and a `Content-Length`.
Prefix and name match in any letter case. A websocket route is connected to under the same address; its
first text frame, within 60 s, is the same object. Our own routes lie below `/hub/v1`; those marked GET
take their input from the query.

The session comes from `GetNewSession` and is sent as the key `session_id` or the header `X-Session-ID`.
GET routes also know their caller by cookie, by `Authorization: Bearer <token>`, or as the local user on
this machine.

Values are read from their text: `3`, `"3"` and `3.0` are the same whole number, `true`, `"true"` and
`"True"` the same switch. Unknown keys are ignored.

## Errors

Every error is an object with `error` (a sentence) or `error_id` (a word for programs) or both; further
keys name what it is about: `field`, `limit`, `permission`. On a socket it is a frame, followed by a normal
close.

| `error_id` | HTTP status | when |
| --- | --- | --- |
| (none) | 200 | the route refused or failed; the sentence says why |
| `basic_api` | 400, 413 | the request's framing is wrong, or the session id is missing |
| `invalid_session_id` | 401 | unknown or ended session: call `GetNewSession` and try again |
| `bad_route` | 400 | no route of this name |
| `bad_request_method` | 400 | a socket route called by POST, or the other way round |
| `bad_permissions` | 400 | the caller lacks the flag named in `permission` |
| `bad_origin` | 403 | a page of another origin called with our cookie |
| `no_result` | 400 | the route gave nothing back |
| `internal_error` | 400 | something broke; `trace` is found in the log |
| `not_stored` | 503 | the disk is full or the database locked: nothing was kept of the call, try again |
| `shutting_down` | 503 | the hub stops; accepted work goes on after its restart. Sockets close with 1012 |

## How a socket ends

Every close that the hub decides on has an error frame before it, unless all went well.

| code | why |
| --- | --- |
| 1000 | the call is over: done, or refused in the frame before |
| 1002 | a frame breaks the websocket protocol |
| 1007 | a text frame is not valid UTF-8 |
| 1008 | more than 64 frames wait to be read: the client does not wait for answers |
| 1009 | a frame is larger than `network.max_request_mib` |
| 1011 | no pong came within `network.ping_seconds` (nobody is there to read an error frame) |
| 1012 | the hub stops |
| 1013 | the client reads too slowly: more than `network.outbox_mib` wait, an error frame behind them |
"""


def write_pages(routes: Iterable[Route]) -> dict[str, str]:
    """Every page by its file name."""
    routes = tuple(routes)
    families: dict[str, list[Route]] = {}
    for route in sorted(routes, key=lambda route: (route.family, route.path, route.method)):
        families.setdefault(route.family, []).append(route)
    pages = {f"{family}.md": _page(family, members, routes) for family, members in families.items()}
    rows = "\n".join(
        f"| [{family}]({family}.md) | {len(members)} | {family_text(family, routes)} |"
        for family, members in families.items()
    )
    return {"README.md": INDEX.format(note=NOTE, rows=rows), "settings.md": _settings_page()} | pages


def save_pages(routes: Iterable[Route], folder: Path) -> int:
    """Write all pages into `folder` and remove those of families that are gone; how many there are."""
    pages = write_pages(routes)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, "utf-8")
    return len(pages)


def _page(family: str, members: list[Route], routes: tuple[Route, ...]) -> str:
    parts = [f"# {family}", NOTE, family_text(family, routes)]
    parts += [_section(route) for route in members]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(route: Route) -> str:
    kind = "websocket" if route.socket else route.method
    rights = f"permission `{route.permission}`" if route.permission else "no session needed"
    counts = " · counts as activity" if route.active else ""
    title = route.name if not route.name.startswith("/") else route.path
    parts = [f"## {title}", f"{kind} `{route.path}` · {rights}{counts}", route.text]
    given = input_fields(route)
    if given:
        parts.append(_table("input", given))
    answer = output_fields(route)
    if answer:
        parts.append(_table("answer", answer, with_defaults=False))
    return "\n\n".join(parts)


def _table(title: str, fields: tuple[Field, ...], *, with_defaults: bool = True) -> str:
    lines = [f"| {title} | type | {'default | ' if with_defaults else ''}|"]
    lines.append("| --- | --- | --- | --- |" if with_defaults else "| --- | --- | --- |")
    for part in fields:
        name = "(the whole body)" if part.whole_body else f"`{part.name}`"
        kind = "object" if part.whole_body else part.kind
        text = " ".join(filter(None, (part.text, f"({part.limits})" if part.limits else "")))
        default = "required" if part.required else f"`{part.default}`" if part.default else ""
        cells = [name, kind, default, text] if with_defaults else [name, kind, text]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


SETTINGS = """# Settings

{note}

Each is looked up in four places, the later one wins: the default below; `settings.toml` in the data folder
(`[network]`, then `port = 7900`); the environment (`HUB_NETWORK_PORT=7900`, lists with commas); the
command line where it has a word for it. A value that cannot be used stops the start and is named.

An administrator changes them on the page or by `ChangeServerSettings`. Those marked **at once** hold from
then on, in what is open and running too; the others after a restart of the hub.
"""


def _settings_page() -> str:
    parts = [SETTINGS.format(note=NOTE).rstrip()]
    for section in msgspec.structs.fields(Settings):
        kind: type[msgspec.Struct] = section.type
        rows = ["| setting | type | default | acts | |", "| --- | --- | --- | --- | --- |"]
        for part in fields_of_struct(kind):
            text = " ".join(filter(None, (part.text, f"({part.limits})" if part.limits else "")))
            acts = "**at once**" if "at_once" in part.marks else "restart"
            rows.append(
                f"| `{section.name}.{part.name}` | {part.kind} | `{part.default}` | {acts} | {text} |"
            )
        parts.append(f"## {section.name}\n\n{inspect.getdoc(kind)}\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"
