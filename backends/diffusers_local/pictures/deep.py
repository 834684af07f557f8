"""Pictures with 16 bits a colour: from the decoder's own numbers to a PNG, never through 8 bits.

How fine they really are is for the decoder to say: one that computes with 16 bits gives about 11.
PNG: W3C PNG (third edition) §11.2.1 (header), §9 (filters); Pillow writes no colours of 16 bits.
"""

import struct
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture

from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.pictures import Floats
from backends.diffusers_local.pictures.sizes import SizePlan

Deep = npt.NDArray[np.uint16]

DEPTH, DEEP = "colordepth", "16bit"
"""Among a work's `extra`: how many bits a colour has."""

NOT_FROM_PIXELS = (
    "Color Depth is 16 bits, and this picture comes from a file with 8 bits a colour, not from the model; "
    "set Color Depth to 8 bits, or have the picture redrawn."
)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 2  # colour type of red, green and blue
_SUB = 1  # filter: the difference to the pixel on the left
_LEVEL = 1


def is_deep(extra: Mapping[str, object]) -> bool:
    """Whether a work wants 16 bits a colour."""
    return extra.get(DEPTH) == DEEP


def fit(pixels: Floats, plan: SizePlan, *, centred: bool = False) -> Deep:
    """(3, height, width) in -1..1 as the model drew it -> (height, width, 3) of exactly the wanted size,
    scaled and cropped as the same picture with 8 bits is."""
    unit = np.clip(pixels.astype(np.float32) * np.float32(0.5) + np.float32(0.5), 0, 1)
    drawn = (unit.shape[2], unit.shape[1])
    if plan.scaled != drawn:
        unit = np.stack([_scaled(channel, plan.scaled) for channel in unit])
    if plan.scaled != plan.wanted:
        shallow = pictures.as_picture(pixels)
        if plan.scaled != drawn:
            shallow = shallow.resize(plan.scaled, Picture.Resampling.LANCZOS)
        left, top = pictures.corner(shallow, plan.wanted, centred=centred)
        unit = unit[:, top : top + plan.wanted[1], left : left + plan.wanted[0]]
    return (np.clip(unit, 0, 1) * np.float32(65535)).round().astype(np.uint16).transpose(1, 2, 0)


def encode(values: Deep) -> bytes:
    """(height, width, 3) -> a PNG file."""
    height, width, _ = values.shape
    wide = np.ascontiguousarray(values.astype(">u2")).view(np.uint8).reshape(height, width * 6)
    lines = np.empty((height, width * 6 + 1), np.uint8)
    lines[:, 0] = _SUB
    lines[:, 1:7] = wide[:, :6]
    lines[:, 7:] = wide[:, 6:] - wide[:, :-6]
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOURS, 0, 0, 0)
    body = zlib.compress(lines.tobytes(), _LEVEL)
    return _SIGNATURE + b"".join(
        _chunk(name, data) for name, data in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


def _scaled(channel: Floats, size: tuple[int, int]) -> Floats:
    image = Picture.fromarray(np.ascontiguousarray(channel))
    return np.asarray(image.resize(size, Picture.Resampling.LANCZOS), np.float32)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
