"""Frames read from their bytes, the recorded shapes and what custom nodes send beside them."""

import json
import struct

import pytest

from backends.comfyui_api.frames import File, Output, Picture, Text, read

JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG\r\n\x1a\n a picture"


def text(kind: str, **data: object) -> str:
    return json.dumps({"type": kind, "data": data})


def with_metadata(meta: object, image: bytes) -> bytes:
    told = json.dumps(meta).encode()
    return struct.pack(">II", 4, len(told)) + told + image


def test_text_frames_about_a_prompt_are_read() -> None:
    assert read(text("execution_start", prompt_id="p", timestamp=1)) == Text("execution_start", "p")
    cached = read(text("execution_cached", nodes=["4", "6"], prompt_id="p", timestamp=1))
    assert cached == Text("execution_cached", "p", cached=("4", "6"))
    assert read(text("executing", node=None, prompt_id="p")) == Text("executing", "p", node=None)
    progress = read(text("progress", value=1, max=20.0, prompt_id="p", node="3"))
    assert progress == Text("progress", "p", node="3", value=1.0, max=20.0)


def test_an_outputs_pictures_are_read_and_an_empty_output_is_none() -> None:
    images = [{"filename": "hub_00001_.png", "subfolder": "", "type": "output", "more": 1}]
    frame = read(text("executed", node="9", display_node="9", output={"images": images}, prompt_id="p"))
    assert isinstance(frame, Text)
    assert frame.output == Output((File("hub_00001_.png", "", "output"),))
    for strange in (None, {"images": "x"}, {"text": ["a"]}):
        frame = read(text("executed", node="9", output=strange, prompt_id="p"))
        assert isinstance(frame, Text)
        assert frame.output in (None, Output())


def test_both_kinds_of_pictures_are_read_by_what_they_are_and_not_by_what_they_say() -> None:
    assert read(struct.pack(">II", 1, 2) + JPEG) == Picture(JPEG)
    meta = {"node_id": "3", "prompt_id": "p", "image_type": "image/png"}
    assert read(with_metadata(meta, JPEG)) == Picture(JPEG, "p", "3")
    assert read(with_metadata(meta, PNG)) == Picture(PNG, "p", "3")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no json",
        "[]",
        '{"type": 5}',
        text("status", status={"exec_info": {"queue_remaining": 1}}),
        text("crystools.monitor", cpu=1),
        text("executing", node="3"),
        text("progress", value="x", max=1, prompt_id="p", node="3"),
        b"",
        b"\x00\x00\x00",
        struct.pack(">II", 3, 1) + b"3 words",
        struct.pack(">II", 10, 4) + PNG,
        struct.pack(">II", 1, 1),
        struct.pack(">II", 1, 1) + b"no picture",
        struct.pack(">II", 4, 2**31) + b"{}",
        with_metadata(["no", "object"], PNG),
    ],
)
def test_what_is_not_known_or_malformed_is_nothing(message: str | bytes) -> None:
    assert read(message) is None
