"""Pictures in a request are bounded before they are decoded."""

import base64
import struct
import zlib
from io import BytesIO
from typing import Any

import msgspec
import pytest
from PIL import Image

from hub.errors import BadInput
from hub.params import Context, parse
from hub.params.pictures import MAX_ENCODED_BYTES
from tests.hub.params.conftest import Parse, person


def file_of(form: str, size: tuple[int, int] = (8, 6)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, form)
    return out.getvalue()


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


class TestTaken:
    @pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
    def test_three_formats_as_data_url_and_bare(self, ask: Parse, form: str) -> None:
        data = file_of(form)
        request = ask(initimage=f"data:image/{form.lower()};base64,{text_of(data)}")
        assert request.init_image == data
        assert request.strength == 0.6
        assert ask(initimage=text_of(data), initimagecreativity=0.25).strength == 0.25
        assert "initimage" not in request.given

    @pytest.mark.parametrize("value", ["", "   ", None])
    def test_nothing_is_no_picture(self, ask: Parse, value: Any) -> None:
        request = ask(initimage=value, initimagecreativity=0.25)
        assert request.init_image is None
        assert request.strength == 1.0

    def test_an_own_output(self, context: Context) -> None:
        data = file_of("PNG")
        files = {"raw/a b.png": data}
        own = msgspec.structs.replace(context, read_output=files.get)
        request = parse({"images": 1, "initimage": "raw/a b.png"}, person(), own)
        assert request.init_image == data
        assert request.given["initimage"] == "raw/a b.png"


class TestRefused:
    @pytest.mark.parametrize(
        "value",
        [
            "short",
            "not base64 at all!",
            "data:image/png;base64,",
            "data:image/png,plain",
            "data:text/html;base64," + "QUJD" * 10,
            "data:image/png;base64," + "QUJD" * 10,
            text_of(b"GIF89a" + b"\0" * 50),
            text_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            text_of(file_of("PNG"))[:-40],
            text_of(file_of("PNG")[:60]),
            text_of(file_of("BMP")),
            "raw/not there.png",
            "raw/../../../etc/passwd",
            ["AAAA", "BBBB"],
            {"data": "x"},
            12345,
        ],
    )
    def test_broken_or_foreign(self, ask: Parse, value: Any) -> None:
        with pytest.raises(BadInput) as refused:
            ask(initimage=value)
        assert refused.value.extra["field"] == "initimage"
        assert refused.value.text.startswith("Invalid value for parameter Init Image: ")
        assert len(refused.value.text) < 400

    @pytest.mark.parametrize("size", [(9000, 9000), (20000, 20000), (100_000, 100_000)])
    def test_bombs_are_refused_from_their_header(self, ask: Parse, size: tuple[int, int]) -> None:
        with pytest.raises(BadInput) as refused:
            ask(initimage=text_of(bomb(*size)))
        assert refused.value.extra == {"field": "initimage", "limit": "64 megapixels"}

    def test_too_long_is_refused_before_decoding(self, ask: Parse) -> None:
        with pytest.raises(BadInput) as refused:
            ask(initimage="A" * (MAX_ENCODED_BYTES // 3 * 4 + 100))
        assert refused.value.extra == {"field": "initimage", "limit": MAX_ENCODED_BYTES}
