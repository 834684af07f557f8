"""Pictures with 16 bits a colour: nothing of the decoder's numbers is lost but what 16 bits cannot say."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from backends.diffusers_local.pictures import deep, pictures
from backends.diffusers_local.pictures.sizes import SizePlan


def drawn(width: int, height: int) -> pictures.Floats:
    """(3, height, width) in a little more than -1..1."""
    chance = np.random.default_rng(4)
    return chance.uniform(-1.1, 1.1, (3, height, width)).astype(np.float32)


def read(file: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """The pixels of a PNG whose lines all have the filter Sub, by the standard's own words."""
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    at, body = 8, b""
    width = height = 0
    while at < len(file):
        length, name = struct.unpack_from(">I4s", file, at)
        data = file[at + 8 : at + 8 + length]
        assert zlib.crc32(name + data) == struct.unpack_from(">I", file, at + 8 + length)[0]
        if name == b"IHDR":
            width, height, bits, kind, *rest = struct.unpack(">IIBBBBB", data)
            assert (bits, kind, rest) == (16, 2, [0, 0, 0])
        elif name == b"IDAT":
            body += data
        at += 12 + length
    lines = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, width * 6 + 1)
    assert (lines[:, 0] == 1).all()
    values = lines[:, 1:].reshape(height, width, 6).astype(np.uint64).cumsum(axis=1).astype(np.uint8)
    return np.ascontiguousarray(values).view(">u2").reshape(height, width, 3).astype(np.uint16)


def test_the_numbers_are_in_the_file() -> None:
    pixels = drawn(37, 23)
    plan = SizePlan((37, 23), (37, 23), (37, 23))
    values = read(deep.encode(deep.fit(pixels, plan)))
    meant = np.clip(pixels / 2 + 0.5, 0, 1).transpose(1, 2, 0)
    assert np.abs(values / 65535 - meant).max() <= 0.5 / 65535 + 1e-6


def test_there_is_more_in_it_than_in_eight_bits() -> None:
    ramp = np.broadcast_to(np.linspace(-1, 1, 4096, dtype=np.float32), (3, 2, 4096)).copy()
    plan = SizePlan((4096, 2), (4096, 2), (4096, 2))
    assert len(np.unique(read(deep.encode(deep.fit(ramp, plan))))) == 4096


@pytest.mark.parametrize("centred", [False, True])
def test_it_is_cut_and_scaled_as_the_picture_of_eight_bits(centred: bool) -> None:
    # smooth: between its two passes Pillow cuts off what overshoots 8 bits
    across, down = np.meshgrid(np.arange(64, dtype=np.float32), np.arange(48, dtype=np.float32))
    waves = [0.8 * np.sin(across / 5 + down / (4 + channel)) for channel in range(3)]
    pixels = np.stack(waves).astype(np.float32)
    pixels[:, :, :20] = 0
    plan = SizePlan((64, 48), (80, 60), (50, 44))
    shallow = np.asarray(pictures.fit(pictures.as_picture(pixels), plan, centred=centred)).astype(int)
    values = deep.fit(pixels, plan, centred=centred)
    assert values.shape == (44, 50, 3)
    assert np.abs(values / 257 - shallow).max() < 2.5


def test_other_programs_can_open_it() -> None:
    pixels = drawn(30, 20)
    file = deep.encode(deep.fit(pixels, SizePlan((30, 20), (30, 20), (30, 20))))
    with Image.open(BytesIO(file)) as opened:
        opened.load()
        assert opened.size == (30, 20)
        near = np.asarray(opened.convert("RGB")).astype(int)
    assert np.abs(near - np.asarray(pictures.as_picture(pixels)).astype(int)).max() <= 1
