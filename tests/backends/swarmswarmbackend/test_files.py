"""Picture files without what another hub wrote into them, and as the format that is wanted."""

import io
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from backends.swarmswarmbackend.files import BrokenFile, bare, is_lossless_webp, kind_of
from backends.swarmswarmbackend.pictures import (
    NoPicture,
    data_url,
    from_data_url,
    handed_on,
    preview,
    text_of,
)

SECRET = "sui_image_params of the other hub"
PICTURE = Image.linear_gradient("L").resize((33, 17)).convert("RGB")


def told(kind: str, picture: Image.Image = PICTURE, **options: Any) -> bytes:
    """A file of this kind with a text in it."""
    out = io.BytesIO()
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("parameters", SECRET)
        info.add_itxt("more", SECRET)
        picture.save(out, kind, pnginfo=info, dpi=(300, 300))
    else:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + SECRET.encode()
        picture.save(out, kind, exif=exif, **options)
    return out.getvalue()


FILES = {
    "PNG": told("PNG"),
    "PNG with holes": told("PNG", PICTURE.convert("RGBA")),
    "JPEG": told("JPEG", comment=SECRET.encode()),
    "JPEG progressive": told("JPEG", progressive=True),
    "WEBP": told("WEBP"),
    "WEBP lossless": told("WEBP", lossless=True),
    "WEBP with holes": told("WEBP", PICTURE.convert("RGBA"), xmp=SECRET.encode()),
}


@pytest.mark.parametrize("name", FILES)
def test_the_text_goes_and_every_pixel_stays(name: str) -> None:
    data = FILES[name]
    assert SECRET.encode() in data and text_of(data) == SECRET
    found = bare(data)
    assert SECRET.encode() not in found and kind_of(found) == kind_of(data) == name.split()[0]
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(found))
    assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()
    assert bare(found) == found


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_broken_or_as_it_is(name: str) -> None:
    data = FILES[name]
    for length in range(len(data)):
        try:
            bare(data[:length])
        except BrokenFile:
            continue


def test_what_is_no_picture_stays() -> None:
    assert bare(b"") == b"" and bare(b"GIF89a...") == b"GIF89a..."


@pytest.mark.parametrize("wanted", ["PNG", "JPG", "WEBP", "WEBP_LOSSLESS"])
@pytest.mark.parametrize("name", FILES)
def test_any_file_becomes_the_one_that_is_wanted(name: str, wanted: str) -> None:
    made = handed_on(FILES[name], wanted, 90)
    assert kind_of(made) == {"JPG": "JPEG", "WEBP_LOSSLESS": "WEBP"}.get(wanted, wanted)
    assert SECRET.encode() not in made and Image.open(io.BytesIO(made)).size == (33, 17)
    if wanted == "WEBP_LOSSLESS":
        assert is_lossless_webp(made)
    if name.startswith("PNG") and wanted in ("PNG", "WEBP_LOSSLESS"):
        assert Image.open(io.BytesIO(made)).convert("RGB").tobytes() == PICTURE.tobytes()


def test_the_quality_decides_what_is_lost() -> None:
    assert len(handed_on(FILES["PNG"], "JPG", 95)) > len(handed_on(FILES["PNG"], "JPG", 20))


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>", b"\x89PNG\r\n\x1a\n", FILES["PNG"][:60], b"\xff\xd8\xff\xe1"],
    ids=["nothing", "a page", "a beginning", "a cut file", "a cut segment"],
)
def test_no_picture_is_said_so(data: bytes) -> None:
    with pytest.raises(NoPicture):
        handed_on(data, "PNG", 100)


def test_data_urls() -> None:
    for name, data in FILES.items():
        url = data_url(data)
        assert url.startswith(f"data:image/{name.split()[0].lower()};base64,") and from_data_url(url) == data
    for wrong in ("View/local/a.png", "data:image/png,abc", "data:image/png;base64,a"):
        with pytest.raises(NoPicture):
            from_data_url(wrong)


def test_previews_of_any_kind_are_jpeg() -> None:
    assert preview(FILES["JPEG"]) == FILES["JPEG"]
    for name in ("WEBP", "PNG with holes"):
        assert kind_of(preview(FILES[name]) or b"") == "JPEG"
    assert preview(b"nothing") is None
