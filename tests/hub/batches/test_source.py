"""Files of a batch: bounded, upright, and the size that follows from them."""

import base64
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hub.batches import source
from hub.batches.source import MODES, Unusable, fitted, read_source, size_of
from hub.params.pictures import FORMATS


@pytest.mark.parametrize(
    ("mode", "own", "size"),
    [
        ("From Parameter", (100, 50), None),
        ("From Image", (101, 53), (101, 53)),
        ("Scale To Model", (2000, 1000), (720, 368)),
        ("Scale To Model", (200, 200), (512, 512)),
        ("Scale To Model Or Above", (2000, 1000), (2000, 1000)),
        ("Scale To Model Or Above", (200, 200), (512, 512)),
        ("Scale To Side Length", (200, 100), (368, 176)),
    ],
)
def test_each_mode_has_its_size(mode: str, own: tuple[int, int], size: tuple[int, int] | None) -> None:
    assert size_of(mode, own, (512, 512), 256) == size


@settings(deadline=None)
@given(st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)), st.integers(64 * 64, 4096 * 4096))
def test_a_fitted_size_can_be_asked_for(size: tuple[int, int], area: int) -> None:
    across, down = fitted(size, area)
    assert 64 <= across <= 16384
    assert 64 <= down <= 16384
    assert across % 16 == down % 16 == 0


class TestFiles:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("kind", FORMATS)
    def test_every_kind_is_read_in_every_mode(self, tmp_path: Path, mode: str, kind: str) -> None:
        Image.new("RGB", (90, 40), "red").save(tmp_path / "a", kind)
        found = read_source(tmp_path / "a", mode, (512, 512), 256, 64)
        head, _, body = found.url.partition(",")
        assert head == f"data:image/{'png' if mode == 'Scale To Side Length' else kind.lower()};base64"
        assert body

    def test_no_more_than_so_many_pixels_and_bytes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Image.new("RGB", (900, 900)).save(tmp_path / "a.png")
        with pytest.raises(Unusable, match=r"more than 0\.5 megapixels"):
            read_source(tmp_path / "a.png", "From Image", (512, 512), 256, 0.5)
        monkeypatch.setattr(source, "MOST_BYTES", 100)
        with pytest.raises(Unusable, match="larger than"):
            read_source(tmp_path / "a.png", "From Image", (512, 512), 256, 64)

    @pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(40), bytes(1000)])
    def test_what_is_no_picture_is_told(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "a.png").write_bytes(data)
        with pytest.raises(Unusable, match="no readable"):
            read_source(tmp_path / "a.png", "From Image", (512, 512), 256, 64)

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(Unusable, match="cannot be read"):
            read_source(tmp_path / "none.png", "From Image", (512, 512), 256, 64)


def test_the_stand_in_is_a_picture() -> None:
    with Image.open(BytesIO(base64.b64decode(source.white_picture().partition(",")[2]))) as opened:
        assert opened.size == (64, 64)
