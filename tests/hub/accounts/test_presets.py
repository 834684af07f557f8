"""Presets: titles, pictures, editing, copies."""

import base64
import io
import struct
import zlib

import pytest
from PIL import Image

from hub.accounts import Accounts, Draft, PresetFailed
from hub.accounts.pictures import JPEG_URL, BadPicture, read_jpeg
from hub.accounts.preset_titles import clean_title, copy_title


def jpeg_url(width: int = 8, height: int = 8, kind: str = "JPEG") -> str:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, kind)
    return JPEG_URL + base64.b64encode(out.getvalue()).decode()


def bomb_url() -> str:
    """A PNG of 60000 x 60000 pixels in a few bytes, called a JPEG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    return JPEG_URL + base64.b64encode(data).decode()


class TestTitles:
    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("v1.5", "v15"),
            ("Faces/Portrait", "Faces/Portrait"),
            ("\\a\\b", "a/b"),
            ("//a// b //", "a/b"),
            ("../../etc/passwd", "etc/passwd"),
            ('x<>:"|?*~&@;#$^y', "xy"),
            ("tab\there\x00\u202e", "tabhere"),
            ("CON/nul", "CON_/nul_"),
            ("Grüße 日本", "Grüße 日本"),
            ("...", ""),
            ("   ", ""),
        ],
    )
    def test_a_title_is_cleaned(self, sent: str, kept: str) -> None:
        assert clean_title(sent) == kept

    def test_a_copy_takes_the_next_free_number(self) -> None:
        assert copy_title("a", {"a (2)", "a (3)"}.__contains__) == "a (4)"


class TestPictures:
    def test_a_small_jpeg_is_taken(self) -> None:
        assert read_jpeg(jpeg_url()).startswith(b"\xff\xd8")

    @pytest.mark.parametrize(
        "url",
        [
            JPEG_URL + "%%%",
            JPEG_URL,
            jpeg_url(kind="PNG"),
            bomb_url(),
            JPEG_URL + base64.b64encode(b"<script>alert(1)</script>").decode(),
            JPEG_URL + "A" * 4_000_000,
        ],
        ids=["base64", "empty", "png", "bomb", "script", "large"],
    )
    def test_anything_else_is_refused(self, url: str) -> None:
        with pytest.raises(BadPicture):
            read_jpeg(url)

    def test_too_many_pixels_are_refused_from_the_header(self) -> None:
        with pytest.raises(BadPicture, match="4096 pixels"):
            read_jpeg(jpeg_url(4097, 1))


class TestSaving:
    async def test_a_title_is_taken_once_in_any_letter_case(self, accounts: Accounts) -> None:
        await accounts.presets.add("ann", Draft("My v1.5", "", {"steps": "3"}))
        with pytest.raises(PresetFailed, match="already exists"):
            await accounts.presets.add("ann", Draft("my V15", "", {}))
        await accounts.presets.add("bob", Draft("my V15", "", {}))
        found = accounts.presets.get("ann", "MY V15")
        assert found is not None
        assert dict(found.param_map) == {"steps": "3"}

    async def test_editing_may_rename_and_keeps_the_picture_that_is_not_sent(
        self, accounts: Accounts
    ) -> None:
        await accounts.presets.add("ann", Draft("One", "", {}, jpeg_url()))
        (before,) = accounts.presets.all("ann")
        assert before.preview_image == "/ViewSpecial/Preset/One?editid=1"
        await accounts.presets.edit("ann", "One", Draft("F/Two", "new", {"a": "b"}, before.preview_image))
        (after,) = accounts.presets.all("ann")
        assert (after.title, after.description, after.preview_image) == (
            "F/Two",
            "new",
            "/ViewSpecial/Preset/F/Two?editid=1",
        )
        assert accounts.presets.preview("ann", "f/two") is not None
        await accounts.presets.edit("ann", "f/two", Draft("F/Two", "", {}, jpeg_url(16, 16)))
        assert accounts.presets.all("ann")[0].preview_image.endswith("?editid=2")

    async def test_renaming_onto_another_is_refused(self, accounts: Accounts) -> None:
        await accounts.presets.add("ann", Draft("One", "", {}))
        await accounts.presets.add("ann", Draft("Two", "", {}))
        with pytest.raises(PresetFailed, match="already exists"):
            await accounts.presets.edit("ann", "One", Draft("two", "", {}))
        assert [preset.title for preset in accounts.presets.all("ann")] == ["One", "Two"]

    @pytest.mark.parametrize(
        "picture",
        [
            "http://elsewhere/x.jpg",
            "/etc/passwd",
            "/Output/x.png?y",
            "data:image/png;base64,AAAA",
            "javascript:x",
        ],
    )
    async def test_other_picture_addresses_are_forbidden(self, accounts: Accounts, picture: str) -> None:
        with pytest.raises(PresetFailed, match=r"Forbidden preview-image path\."):
            await accounts.presets.add("ann", Draft("One", "", {}, picture))
        assert accounts.presets.all("ann") == []

    async def test_copies_and_exports_carry_the_picture(self, accounts: Accounts) -> None:
        url = jpeg_url()
        await accounts.presets.add("ann", Draft("One", "d", {"a": "b"}, url, is_starred=True))
        await accounts.presets.duplicate("ann", "ONE")
        await accounts.presets.duplicate("ann", "One")
        assert [preset.title for preset in accounts.presets.all("ann")] == ["One", "One (2)", "One (3)"]
        assert [preset.preview_image for preset in accounts.presets.export("ann")] == [url] * 3
        assert [preset.title for preset in accounts.presets.export("ann", ["one (3)"])] == ["One (3)"]
        with pytest.raises(PresetFailed, match=r"No such preset\."):
            await accounts.presets.duplicate("bob", "One")
