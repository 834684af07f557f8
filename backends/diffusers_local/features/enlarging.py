"""The drawing of a first pass as a picture, and that enlarged: by arithmetic or by a network. In pieces."""

from collections.abc import Generator

import numpy as np
import torch
from PIL import Image as Picture

from backends.diffusers_local import steps
from backends.diffusers_local.features.upscaling import enlarge, tile_count
from backends.diffusers_local.loop.memory import out_of_memory
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.pieces import decode_in_pieces, halves_of, tiles_for
from backends.diffusers_local.pictures.scale import unscaled
from backends.diffusers_local.pictures.sizes import Size
from backends.diffusers_local.prepare import Refused
from backends.diffusers_local.row import Row

_RESIZERS = {
    "lanczos": Picture.Resampling.LANCZOS,
    "bicubic": Picture.Resampling.BICUBIC,
    "bilinear": Picture.Resampling.BILINEAR,
    "area": Picture.Resampling.BOX,
    "nearest-exact": Picture.Resampling.NEAREST,
}

_MARGIN = 32  # pixels; every usual factor makes a whole number of them


def tiles_of(row: Row) -> int:
    """Tiles in which the drawing is enlarged, each shown as a step."""
    if row.kit.upscaler is None:
        return 0
    across, down = _beyond(row)
    return tile_count((row.work.width + 2 * across, row.work.height + 2 * down), row.kit.upscaler)


def _beyond(row: Row) -> Size:
    """Pixels by which a picture that goes on at its other side is drawn out before it is enlarged."""
    return (
        min(_MARGIN, row.work.width) if "x" in row.tiling else 0,
        min(_MARGIN, row.work.height) if "y" in row.tiling else 0,
    )


def drawing_of(row: Row) -> Generator[int, None, Picture.Image]:
    """The first row's result as it would be delivered."""
    if row.start is not None and not len(row.times):
        picture = row.start
    else:
        if not bool(torch.isfinite(row.latents).all()):
            raise Refused(
                f"The picture came out as no numbers with sampler {row.work.sampler!r}, scheduler "
                f"{row.work.scheduler!r} and CFG {row.work.cfg_scale:g}; try others."
            )
        picture = pictures.as_picture((yield from _pixels(row)))
    picture = pictures.fit(picture, row.plan, centred=row.start is not None)
    return picture if row.masked is None else row.masked.finish(picture)


def _pixels(row: Row) -> Generator[int, None, pictures.Floats]:
    """(3, height, width) in about -1..1."""
    tiling = tiles_for(row.work.extra, row.plan.drawn, row.model.scale)
    if tiling is None and (pixels := _at_once(row)) is not None:
        return pixels
    tiling = tiling or halves_of(row.latents)
    latents = unscaled(row.kit.vae, row.latents.to(row.kit.vae.dtype))
    made = yield from decode_in_pieces(row.kit.vae, latents, tiling, row.model.scale, row.tiling)
    large: pictures.Floats = made[0].cpu().numpy()
    return large


def _at_once(row: Row) -> pictures.Floats | None:
    """The pixels, or None when there is not the memory to make all of them together."""
    try:
        (pixels,) = steps.decode([row])
    except Exception as error:
        if not out_of_memory(error):
            raise
        return None
    return pixels


def enlarged(
    row: Row, picture: Picture.Image, final: Size, method: str
) -> Generator[int, None, Picture.Image]:
    """The picture in its final size, by a method of contract.SecondPass; a latent one stands for its like."""
    (width, height), (across, down) = final, _beyond(row)
    if across or down:
        sides = ((down, down), (across, across), (0, 0))
        picture = Picture.fromarray(np.pad(np.asarray(picture), sides, mode="wrap"))
    left = round(across * width / row.work.width)
    top = round(down * height / row.work.height)
    size = (width + 2 * left, height + 2 * top)
    if row.kit.upscaler is not None:
        picture = yield from enlarge(picture, row.kit.upscaler, size)
    elif picture.size != size:
        _, _, way = method.partition("-")
        picture = picture.resize(size, _RESIZERS[way])
    return picture.crop((left, top, left + width, top + height)) if left or top else picture
