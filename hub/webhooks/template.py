"""What the server's webhooks send: templates of JSON with `%tags%` (swarm-api §12). Pure."""

import json
import re
from collections.abc import Callable

from msgspec import Struct

WITH_PICTURE = "[discord_image]"
"""Begins a template that is sent as a form with the picture as a file, as Discord wants it."""

_TAG = re.compile(r"%([a-zA-Z_]{1,64})%")

Lookup = Callable[[str], str | None]
"""The text of a tag by its name, None when there is no such tag."""


class Body(Struct, frozen=True):
    """What is sent and what it is."""

    data: bytes
    kind: str


class Picture(Struct, frozen=True):
    """A finished picture's bytes and the ending of its file."""

    data: bytes
    ending: str


def fill(template: str, lookup: Lookup) -> str:
    """The template with its tags filled, escaped for a JSON text; unknown ones are left as they are."""

    def text(match: re.Match[str]) -> str:
        found = lookup(match[1])
        return match[0] if found is None else json.dumps(found)[1:-1]

    return _TAG.sub(text, template) if template.strip() else "{}"


def body_of(template: str, lookup: Lookup, picture: Picture | None, boundary: str) -> Body:
    """A template's body; `boundary` must not occur in what is sent (any long random text does)."""
    if not template.startswith(WITH_PICTURE):
        return Body(fill(template, lookup).encode(), "application/json")
    payload = fill(template.removeprefix(WITH_PICTURE).lstrip(), lookup)
    parts = [_part(boundary, 'name="payload_json"', "application/json", payload.encode())]
    if picture is not None:
        name = f'name="file"; filename="image.{picture.ending}"'
        kind = "image/jpeg" if picture.ending == "jpg" else f"image/{picture.ending}"
        parts.append(_part(boundary, name, kind, picture.data))
    data = b"".join(parts) + f"--{boundary}--\r\n".encode()
    return Body(data, f"multipart/form-data; boundary={boundary}")


def _part(boundary: str, name: str, kind: str, data: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {kind}\r\n\r\n"
    return head.encode() + data + b"\r\n"
