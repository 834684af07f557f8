"""What the declared routes say about themselves: their inputs and outputs field by field, and OpenAPI from
it.

OpenAPI knows no websockets: a socket route stands under `get` with its answer 101 and an `x-websocket`
part that describes the first frame, so that a reader and a generator find it where the client connects.
"""

import inspect
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import NODEFAULT, UNSET, Struct, UnsetType

from hub.wire.answers import Answer, Streamed
from hub.wire.bind import INT32, KINDS, SESSION, is_whole_body, unwrap
from hub.wire.route import Route


class Field(Struct, frozen=True):
    """One field of an input or output. `default` is JSON text, "" when the field is required."""

    name: str
    kind: str
    required: bool
    default: str
    limits: str
    text: str
    whole_body: bool = False
    marks: frozenset[str] = frozenset()
    """Names under which its declaration carries something extra."""


def input_fields(route: Route) -> tuple[Field, ...]:
    """The input's fields as they stand on the wire."""
    return fields_of_struct(route.given)


def output_struct(route: Route) -> type[Struct] | None:
    """The struct a route answers with, None for a free-form object or nothing."""
    kind = unwrap(route.output)[0]
    return kind if isinstance(kind, type) and issubclass(kind, Struct) else None


def output_fields(route: Route) -> tuple[Field, ...]:
    """The output's fields; none for a free-form object."""
    struct = output_struct(route)
    return fields_of_struct(struct) if struct is not None else ()


def fields_of_struct(struct: type[Struct]) -> tuple[Field, ...]:
    """The fields of any struct as they stand on the wire."""
    return tuple(_fields(struct))


def _fields(struct: type[Struct]) -> Iterator[Field]:
    hints = typing.get_type_hints(struct, include_extras=True)
    for part in msgspec.structs.fields(struct):
        hint = hints[part.name]
        bare, notes, optional = unwrap(hint)
        required = part.default is NODEFAULT and part.default_factory is NODEFAULT
        default = part.default if part.default_factory is NODEFAULT else part.default_factory()
        yield Field(
            name=part.encode_name,
            kind=kind_of(bare) + (" or null" if optional else ""),
            required=required,
            default=""
            if required or default is UNSET
            else msgspec.json.encode(default, enc_hook=str).decode(),
            limits=_limits(notes),
            text=next((note.description for note in notes if note.description), ""),
            whole_body=is_whole_body(hint),
            marks=frozenset(mark for note in notes for mark in note.extra or ()),
        )


def _limits(notes: tuple[msgspec.Meta, ...]) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    found = [
        f"{word} {getattr(note, name)}"
        for note in notes
        for name, word in words.items()
        if getattr(note, name) is not None
    ]
    found += [f"at most {note.max_length} characters" for note in notes if note.max_length is not None]
    return ", ".join(found)


_ABSENT = (type(None), UnsetType)


def kind_of(hint: Any) -> str:
    """A type in the words of JSON."""
    hint = unwrap(hint)[0]
    if hint in KINDS:
        return KINDS[hint] if hint != list[str] else "array of string"
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(dict.fromkeys(kind_of(arm) for arm in arguments if arm not in _ABSENT))
    if origin in (list, tuple, set, frozenset) and arguments:
        return f"array of {kind_of(arguments[0])}"
    if origin is not None and arguments and issubclass(origin, Mapping):
        return f"object of {kind_of(arguments[1])}"
    if hint is type(None):
        return "null"
    if hint is Path:
        return "path"
    if isinstance(hint, type) and issubclass(hint, Struct):
        return f"object {hint.__name__}"
    return "object" if origin is not None or hint is dict else "any"


def openapi(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 description of all routes, sockets included."""
    routes = sorted(routes, key=lambda route: (route.family, route.path))
    outputs = [struct for route in routes if (struct := output_struct(route)) is not None]
    unique = list(dict.fromkeys(outputs))
    schemas, components = msgspec.json.schema_components(unique, ref_template="#/components/schemas/{name}")
    known = dict(zip(unique, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        method = "get" if route.socket or route.method == "GET" else "post"
        paths.setdefault(route.path, {})[method] = _operation(route, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Generation Hub", "version": version},
        "paths": paths,
        "components": {
            "schemas": components | {"Error": _ERROR},
            "responses": {
                name: {"description": text, "content": {"application/json": {"schema": _ERROR_REF}}}
                for name, text in _REFUSALS.items()
            },
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "header", "name": "X-Session-ID"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


_ERROR = {
    "type": "object",
    "description": "Any route may answer with this instead.",
    "properties": {
        "error": {"type": "string", "description": "A sentence for people."},
        "error_id": {"type": "string", "description": "A word for programs; only some errors have one."},
        "field": {"type": "string", "description": "The parameter that cannot be used."},
        "limit": {"description": "What would be accepted."},
        "permission": {"type": "string", "description": "The missing permission flag."},
    },
    "anyOf": [{"required": ["error"]}, {"required": ["error_id"]}],
}
_ERROR_REF = {"$ref": "#/components/schemas/Error"}
_REFUSALS = {
    "400": "The request was refused before it reached the route, or something broke inside.",
    "401": "The session is unknown or has ended.",
    "403": "A page of another origin called with our cookie.",
    "404": "What the address names is not there.",
    "413": "The body is larger than `network.max_request_mib`.",
    "429": "Too many tries from there; `retry_after` tells when to come back.",
    "503": "The hub stops, or cannot write down what it was told.",
}
"""What any call may be answered with, by status (swarm-api §1.3)."""


def _operation(route: Route, known: dict[type[Struct], Any]) -> dict[str, Any]:
    title, _, rest = route.text.partition("\n")
    struct = output_struct(route)
    answer = known[struct] if struct is not None else {"type": "object"}
    content: dict[str, Any] = {"application/json": {"schema": {"anyOf": [answer, _ERROR_REF]}}}
    if route.output is Answer:
        content = {"text/plain": {"schema": {"type": "string"}}, "application/json": {"schema": _ERROR_REF}}
    elif route.output is Streamed:
        file: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
        content = {"application/zip": file, "application/json": {"schema": _ERROR_REF}}
    found: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": title.strip(),
        "description": rest.strip(),
        "tags": [route.family],
        "x-permission": route.permission,
        "security": [{"session": []}] if route.permission is not None else [],
    }
    frame = _body_schema(route)
    if route.socket:
        found["responses"] = {"101": {"description": "The socket is open; send the first frame."}}
        found["x-websocket"] = {"firstFrame": frame, "lastFrame": answer}
    elif route.method == "GET":
        found["parameters"] = [
            {"name": name, "in": "query", "required": name in frame.get("required", []), "schema": schema}
            for name, schema in frame["properties"].items()
        ]
    else:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": frame}}}
    if not route.socket:
        refused = {status: {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS}
        found["responses"] = {"200": {"description": "The answer.", "content": content}} | refused
    return found


def _operation_id(route: Route) -> str:
    """One for each operation: some of our paths take GET and POST."""
    name = route.name.strip("/").replace("/", "_")
    if route.socket:
        return f"{name}_socket"
    return f"read_{name}" if route.method == "GET" else name


def _body_schema(route: Route) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    if route.permission is not None and (route.socket or route.method == "POST"):
        properties[SESSION] = {"type": "string", "description": "The session id (or header X-Session-ID)."}
    hints = typing.get_type_hints(route.given, include_extras=True)
    names = {part.encode_name: part.name for part in msgspec.structs.fields(route.given)}
    for part in input_fields(route):
        if part.whole_body:
            continue
        properties[part.name] = _schema(hints[names[part.name]], part)
        if part.required:
            required.append(part.name)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema


def _schema(hint: Any, part: Field) -> dict[str, Any]:
    bare, notes, optional = unwrap(hint)
    kind = KINDS[bare]
    found: dict[str, Any] = {"type": [kind, "null"] if optional else kind}
    if bare == list[str]:
        found["items"] = {"type": "string"}
    if bare is int:
        found |= {"minimum": INT32[0], "maximum": INT32[1]}
    for note in notes:
        bounds = {"minimum": note.ge, "maximum": note.le, "maxLength": note.max_length}
        found |= {name: value for name, value in bounds.items() if value is not None}
    if part.text:
        found["description"] = part.text
    if part.default:
        found["default"] = msgspec.json.decode(part.default)
    return found


def family_text(family: str, routes: Iterable[Route]) -> str:
    """The first paragraph of the docstring of the folder (or file) a family lives in."""
    modules = [route.function.__module__ for route in routes if route.family == family]
    for module in modules:
        for name in (module.rpartition(".")[0], module):
            if name.rpartition(".")[2] == family:
                return (inspect.getdoc(sys.modules[name]) or "").partition("\n\n")[0].replace("\n", " ")
    return ""
