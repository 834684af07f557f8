"""Pictures as files and arrays: opening an initial one, fitting a drawing to its size, encoding results."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture

from backends.diffusers_local.pictures.sizes import SizePlan

Floats = npt.NDArray[np.float32]

_HALVED_COLOURS = 90  # highest JPEG quality at which colours are kept at half the resolution
_ENCODINGS: dict[str, tuple[str, dict[str, int | bool]]] = {
    # level 1 costs a fifth of the time of level 6 for a fifth more bytes
    "PNG": ("PNG", {"compress_level": 1}),
    "JPG": ("JPEG", {"optimize": True}),
    "WEBP": ("WEBP", {"method": 2}),
    "WEBP_LOSSLESS": ("WEBP", {"lossless": True, "method": 0}),
}


def open_picture(data: bytes) -> Picture.Image:
    """An encoded picture as RGB, transparent parts on white. Raises ValueError with a sentence."""
    return flatten(open_layers(data))


def open_layers(data: bytes) -> Picture.Image:
    """An encoded picture as RGBA when parts of it may be transparent, else as RGB. Raises ValueError."""
    try:
        with Picture.open(io.BytesIO(data)) as opened:
            opened.load()
            layered = opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info
            return opened.convert("RGBA" if layered else "RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"The initial picture cannot be read: {error}") from error


def flatten(layers: Picture.Image) -> Picture.Image:
    """A picture as RGB, transparent parts on white."""
    if layers.mode != "RGBA":
        return layers
    ground = Picture.new("RGBA", layers.size, (255, 255, 255, 255))
    return Picture.alpha_composite(ground, layers).convert("RGB")


def place_start(picture: Picture.Image, plan: SizePlan) -> Picture.Image:
    """An initial picture as the model draws: filling what the final crop keeps, its edges drawn out around
    that.
    """
    covering = cover(picture, plan.wanted)
    if plan.drawn == plan.wanted:
        return covering
    left, top, right, bottom = plan.region
    inner = np.asarray(covering.resize((right - left, bottom - top), Picture.Resampling.LANCZOS))
    around = ((top, plan.drawn[1] - bottom), (left, plan.drawn[0] - right), (0, 0))
    return Picture.fromarray(np.pad(inner, around, mode="edge"))


def cover(picture: Picture.Image, size: tuple[int, int]) -> Picture.Image:
    """The picture scaled to cover `size` and cropped in the middle."""
    if picture.size == size:
        return picture
    scale = max(size[0] / picture.width, size[1] / picture.height)
    width, height = (max(size[0], round(picture.width * scale)), max(size[1], round(picture.height * scale)))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    scaled = picture.resize((width, height), Picture.Resampling.LANCZOS)
    return scaled.crop((left, top, left + size[0], top + size[1]))


def as_floats(picture: Picture.Image) -> Floats:
    """(1, 3, height, width) in -1..1, as the stock pipelines make it: also a view, the channels last in
    memory.

    Convolutions add in another order for another layout, and the picture would differ in its last bits.
    """
    values = np.asarray(picture).astype(np.float32).reshape(1, picture.height, picture.width, 3)
    return (2.0 * (values / 255.0) - 1.0).transpose(0, 3, 1, 2)


def as_picture(pixels: Floats) -> Picture.Image:
    """(3, height, width) in -1..1 -> a picture, as the stock pipelines make it."""
    unit = np.clip(pixels * np.float32(0.5) + np.float32(0.5), 0, 1).transpose(1, 2, 0)
    return Picture.fromarray((unit * 255).round().astype(np.uint8))


def fit(picture: Picture.Image, plan: SizePlan, *, centred: bool = False) -> Picture.Image:
    """A drawing as exactly the wanted size: scaled, then cropped to the window that keeps the most detail."""
    if plan.scaled != picture.size:
        picture = picture.resize(plan.scaled, Picture.Resampling.LANCZOS)
    if picture.size == plan.wanted:
        return picture
    left, top = corner(picture, plan.wanted, centred=centred)
    return picture.crop((left, top, left + plan.wanted[0], top + plan.wanted[1]))


def corner(picture: Picture.Image, size: tuple[int, int], *, centred: bool) -> tuple[int, int]:
    """Left and top in pixels of what is kept of a drawing that is larger than wanted."""
    return _middle(picture, size) if centred else _window(picture, size)


def encode(picture: Picture.Image, format_: str, quality: int) -> bytes:
    """The picture as a file; formats are those of contract.Work. Raises KeyError for another."""
    kind, options = _ENCODINGS[format_]
    if kind == "JPEG" or format_ == "WEBP":
        options = options | {"quality": max(1, min(100, quality))}
    if kind == "JPEG":  # 0 is 4:4:4, 2 is 4:2:0
        options = options | {"subsampling": 0 if quality > _HALVED_COLOURS else 2}
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _middle(picture: Picture.Image, size: tuple[int, int]) -> tuple[int, int]:
    return (picture.width - size[0]) // 2, (picture.height - size[1]) // 2


def _window(picture: Picture.Image, size: tuple[int, int]) -> tuple[int, int]:
    """Left and top of the window of `size` with the most detail in it, the one nearest the middle among
    equals.
    """
    grey = np.asarray(picture.convert("L"), dtype=np.float32)
    across = np.abs(np.diff(grey, axis=1, prepend=grey[:, :1]))
    down = np.abs(np.diff(grey, axis=0, prepend=grey[:1]))
    detail = across + down
    return _best_start(detail.sum(axis=0), size[0]), _best_start(detail.sum(axis=1), size[1])


def _best_start(detail: Floats, length: int) -> int:
    spare = len(detail) - length
    if spare <= 0:
        return 0
    running = np.concatenate([[0.0], np.cumsum(detail, dtype=np.float64)])
    kept = running[length:] - running[: spare + 1]
    # within one part in a hundred of the best is as good: stay near the middle
    good = np.flatnonzero(kept >= kept.max() * 0.99)
    return int(good[np.argmin(np.abs(good - spare / 2))])
