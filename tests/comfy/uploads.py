"""Pictures handed to the server: `POST /upload/image` and `/upload/mask`."""

import io
import json
from collections.abc import Mapping
from email import message_from_bytes
from typing import Any

from PIL import Image

from tests.comfy.files import FOLDERS, Files


def upload(files: Files, content_type: str, body: bytes, *, mask: bool) -> dict[str, Any] | None:
    """Keep the image of a form; how the server calls it, None without one. Raises ValueError for an unknown
    type, Outside for a path that leads away."""
    parts = _parts(content_type, body)
    name, data = parts.get("image", ("", b""))
    if not name:
        return None
    said = {field: value.decode() for field, (_, value) in parts.items() if field != "image"}
    folder, subfolder = said.get("type", "input"), said.get("subfolder", "")
    if folder not in FOLDERS:
        raise ValueError(folder)
    if mask:
        data = _with_alpha(files, json.loads(said["original_ref"]), data)
    overwrite = said.get("overwrite") in ("true", "1")
    name = files.upload(folder, subfolder, name, data, overwrite=overwrite)
    return {"name": name, "subfolder": subfolder, "type": folder}


def _parts(content_type: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    """The fields of a form: file name ("" for a plain one) and bytes. Heads are read as mail heads are."""
    boundary = content_type.partition("boundary=")[2].partition(";")[0].strip('"').encode()
    found = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = message_from_bytes(head)
        field = fields.get_param("name", header="content-disposition")
        found[str(field)] = (fields.get_filename() or "", data)
    return found


def _with_alpha(files: Files, original: Mapping[str, str], data: bytes) -> bytes:
    """The named picture with the alpha of the one handed in."""
    below = files.read(original.get("type", "output"), original.get("subfolder", ""), original["filename"])
    picture = Image.open(io.BytesIO(below or b"")).convert("RGBA")
    picture.putalpha(Image.open(io.BytesIO(data)).convert("RGBA").getchannel("A"))
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=4)
    return out.getvalue()
