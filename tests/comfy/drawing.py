"""Pictures without a model: each node's result as a small value, so that tests can look at sizes and pixels.

A sampler's picture is a chequer of 8 by 8 colours made from the signature of the node (seed, prompts, model,
LoRAs, settings, never the ids); of a start image so much stays as the denoise leaves.
"""

import colorsys
import io
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageChops, ImageOps

TILES = 8
Inputs = Mapping[str, Any]
SAMPLERS = {"KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"}


@dataclass(frozen=True)
class Thing:
    """One output of one node. Sizes are in pixels, also of latents; `pictures` are RGB, `mask` is L, white
    where it works; `steps` and `denoise` travel with sigmas, `steps` is the factor of an upscaler."""

    kind: str
    width: int = 0
    height: int = 0
    batch: int = 1
    pictures: tuple[Image.Image, ...] = ()
    mask: Image.Image | None = None
    steps: int = 0
    denoise: float = 1.0


def made(
    class_type: str, given: Inputs, kinds: list[str], digest: str, *, grain: bool = False
) -> list[Thing]:
    """The outputs of a node. `digest` is its signature; with `grain` every pixel of a sampler's picture
    is noise, which makes large files. Raises KeyError or AttributeError where a literal stands for a link."""
    if class_type in SAMPLERS:
        return [_sampled(given, digest, grain)] * len(kinds)
    maker = MAKERS.get(class_type)
    if maker is not None:
        first = maker(given)
        return first if isinstance(first, list) else [first] * len(kinds)
    return [_passed_on(kind, given) for kind in kinds]


def steps_of(class_type: str, given: Inputs) -> int:
    """How many steps a sampler takes, 0 for other nodes."""
    if class_type == "KSampler":
        return int(given["steps"])
    if class_type == "KSamplerAdvanced":
        return max(min(int(given["end_at_step"]), int(given["steps"])) - int(given["start_at_step"]), 0)
    return int(given["sigmas"].steps) if class_type in SAMPLERS else 0


def png(picture: Image.Image) -> bytes:
    """A picture's file."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def preview(thing: Thing, digest: str, step: int, steps: int, size: int) -> bytes:
    """A sampler's preview: JPEG, of the first picture of the batch, scaled to fit `size`, growing clearer."""
    scale = size / max(thing.width, thing.height)
    fitted = (max(round(thing.width * scale), 1), max(round(thing.height * scale), 1))
    noise = _chequer(f"{digest}{step}", *fitted)
    out = io.BytesIO()
    Image.blend(noise, _chequer(digest + "0", *fitted), step / steps).save(out, "JPEG", quality=95)
    return out.getvalue()


def loaded(data: bytes, channel: str = "alpha") -> tuple[Thing, Thing]:
    """The picture and the mask of a file; the mask of one without that channel is black, of alpha inverted.
    Raises PIL.UnidentifiedImageError."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    bands = picture.getbands()
    letter = {"alpha": "A", "red": "R", "green": "G", "blue": "B"}[channel]
    source = picture if letter in bands else picture.convert("RGBA" if letter == "A" else "RGB")
    mask = source.getchannel(letter)
    if letter == "A":
        mask = ImageOps.invert(mask)
    return _image(picture.convert("RGB")), _mask(mask)


def _chequer(digest: str, width: int, height: int, grain: bool = False) -> Image.Image:
    chance = random.Random(digest)
    if grain:
        return Image.frombytes("RGB", (width, height), chance.randbytes(width * height * 3))
    tiles = Image.new("RGB", (TILES, TILES))
    hue = chance.random()
    for at in range(TILES * TILES):
        red, green, blue = colorsys.hsv_to_rgb((hue + chance.random() / 3) % 1, 0.7, chance.uniform(0.3, 1))
        tiles.putpixel((at % TILES, at // TILES), (int(red * 255), int(green * 255), int(blue * 255)))
    return tiles.resize((width, height), Image.Resampling.NEAREST)


def _sampled(given: Inputs, digest: str, grain: bool) -> Thing:
    latent: Thing = given["latent_image"]
    sigmas = given.get("sigmas")
    denoise = float(given.get("denoise", sigmas.denoise if sigmas is not None else 1.0))
    if int(given.get("start_at_step", 0)) > 0:
        denoise = 1 - int(given["start_at_step"]) / int(given["steps"])
    drawn = []
    for at in range(latent.batch):
        picture = _chequer(f"{digest}{at}", latent.width, latent.height, grain)
        if latent.pictures:
            before = latent.pictures[at % len(latent.pictures)]
            picture = Image.blend(before, picture, denoise)
            if latent.mask is not None:
                picture = Image.composite(picture, before, latent.mask.resize(before.size))
        drawn.append(picture)
    return replace(latent, kind="LATENT", pictures=tuple(drawn))


def _passed_on(kind: str, given: Inputs) -> Thing:
    """The output of a class that is not drawn specially: the first input of its kind, else of any size."""
    things = [thing for thing in given.values() if isinstance(thing, Thing)]
    for thing in things:
        if thing.kind == kind:
            return thing
    return next((replace(t, kind=kind) for t in things if t.width), Thing(kind))


def _image(picture: Image.Image) -> Thing:
    return Thing("IMAGE", picture.width, picture.height, pictures=(picture,))


def _mask(mask: Image.Image) -> Thing:
    return Thing("MASK", mask.width, mask.height, mask=mask)


def _empty_latent(given: Inputs) -> Thing:
    width, height = (int(given[side]) // 8 * 8 for side in ("width", "height"))
    return Thing("LATENT", width, height, int(given.get("batch_size", 1)))


def _empty_image(given: Inputs) -> Thing:
    size, colour = (int(given["width"]), int(given["height"])), int(given["color"])
    rgb = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    count = int(given["batch_size"])
    return Thing("IMAGE", *size, count, (Image.new("RGB", size, rgb),) * count)


def _encoded(given: Inputs) -> Thing:
    pixels: Thing = given["pixels"]
    size = (pixels.width // 8 * 8, pixels.height // 8 * 8)
    cropped = tuple(p.crop((0, 0, *size)) for p in pixels.pictures)
    mask = given["mask"].mask if "mask" in given else None
    return Thing("LATENT", *size, pixels.batch, cropped, mask)


def _masked(given: Inputs) -> Thing:
    latent: Thing = given["samples"]
    return replace(latent, mask=given["mask"].mask)


def _inpaint(given: Inputs) -> list[Thing]:
    return [given["positive"], given["negative"], _encoded(given)]


def _resized(thing: Thing, width: int, height: int) -> Thing:
    pictures = tuple(p.resize((width, height)) for p in thing.pictures)
    mask = thing.mask.resize((width, height)) if thing.mask is not None else None
    return replace(thing, width=width, height=height, pictures=pictures, mask=mask)


def _scaled(given: Inputs) -> Thing:
    thing: Thing = given.get("image") or given["samples"]
    width, height = int(given["width"]), int(given["height"])
    if not width and not height:
        return thing
    width = width or max(round(thing.width * height / thing.height), 1)
    height = height or max(round(thing.height * width / thing.width), 1)
    if given.get("crop") == "center" and thing.pictures:
        fitted = tuple(ImageOps.fit(p, (width, height)) for p in thing.pictures)
        return replace(thing, width=width, height=height, pictures=fitted)
    return _resized(thing, width, height)


def _scaled_by(given: Inputs) -> Thing:
    thing: Thing = given.get("image") or given["samples"]
    return _resized(thing, round(thing.width * given["scale_by"]), round(thing.height * given["scale_by"]))


def _upscaled(given: Inputs) -> Thing:
    times = given["upscale_model"].steps
    return _resized(given["image"], given["image"].width * times, given["image"].height * times)


def _upscaler(given: Inputs) -> Thing:
    found = re.search(r"(?i)x(\d)|(\d)x", given["model_name"])
    return Thing("UPSCALE_MODEL", steps=int(found[1] or found[2]) if found else 4)


def _padded(given: Inputs) -> list[Thing]:
    image: Thing = given["image"]
    left, top, right, bottom = (int(given[side]) for side in ("left", "top", "right", "bottom"))
    size = (image.width + left + right, image.height + top + bottom)
    pictures, mask = [], Image.new("L", size, 255)
    for picture in image.pictures:
        wide = Image.new("RGB", size, (127, 127, 127))
        wide.paste(picture, (left, top))
        pictures.append(wide)
    mask.paste(0, (left, top, left + image.width, top + image.height))
    return [Thing("IMAGE", *size, image.batch, tuple(pictures)), _mask(mask)]


def _composed(given: Inputs) -> Thing:
    below: Thing = given["destination"]
    above: Thing = given["source"]
    mask = given["mask"].mask if "mask" in given else None
    made_of = []
    for at, picture in enumerate(below.pictures):
        result, top = picture.copy(), above.pictures[at % len(above.pictures)]
        if given["resize_source"]:
            top = top.resize(picture.size)
        cover = mask.resize(top.size) if mask is not None else None
        result.paste(top, (int(given["x"]), int(given["y"])), cover)
        made_of.append(result)
    return replace(below, pictures=tuple(made_of))


def _cropped(given: Inputs) -> Thing:
    thing: Thing = given.get("image") or given["mask"]
    x, y, width, height = (int(given[name]) for name in ("x", "y", "width", "height"))
    box = (x, y, x + width, y + height)
    mask = thing.mask.crop(box) if thing.mask is not None else None
    cut = tuple(p.crop(box) for p in thing.pictures)
    return replace(thing, width=width, height=height, pictures=cut, mask=mask)


def _solid_mask(given: Inputs) -> Thing:
    size = (int(given["width"]), int(given["height"]))
    return _mask(Image.new("L", size, round(float(given["value"]) * 255)))


def _inverted(given: Inputs) -> Thing:
    return _mask(ImageOps.invert(given["mask"].mask))


def _mask_composed(given: Inputs) -> Thing:
    below, above = given["destination"].mask.copy(), given["source"].mask
    whole = Image.new("L", below.size)
    whole.paste(above, (int(given["x"]), int(given["y"])))
    joined = {"add": ImageChops.add, "or": ImageChops.lighter, "subtract": ImageChops.subtract}
    join = joined.get(given["operation"], ImageChops.multiply)
    return _mask(join(below, whole))


def _mask_to_image(given: Inputs) -> Thing:
    mask = given["mask"].mask
    return _image(mask.convert("RGB"))


def _image_to_mask(given: Inputs) -> Thing:
    picture = given["image"].pictures[0]
    return _mask(picture.getchannel({"red": 0, "green": 1}.get(given["channel"], 2)))


def _repeated(given: Inputs) -> Thing:
    latent: Thing = given["samples"]
    times = int(given["amount"])
    return replace(latent, batch=latent.batch * times, pictures=latent.pictures * times)


def _sigmas(given: Inputs) -> Thing:
    return Thing("SIGMAS", steps=int(given["steps"]), denoise=float(given.get("denoise", 1.0)))


def _decoded(given: Inputs) -> Thing:
    latent: Thing = given["samples"]
    pictures = (
        latent.pictures or (Image.new("RGB", (latent.width, latent.height), (127, 127, 127)),) * latent.batch
    )
    return Thing("IMAGE", latent.width, latent.height, latent.batch, pictures)


MAKERS: Mapping[str, Callable[[Inputs], Thing | list[Thing]]] = {
    "EmptyLatentImage": _empty_latent,
    "EmptySD3LatentImage": _empty_latent,
    "EmptyFlux2LatentImage": _empty_latent,
    "EmptyHunyuanLatentVideo": _empty_latent,
    "EmptyImage": _empty_image,
    "VAEEncode": _encoded,
    "VAEEncodeTiled": _encoded,
    "VAEEncodeForInpaint": _encoded,
    "SetLatentNoiseMask": _masked,
    "InpaintModelConditioning": _inpaint,
    "ImageScale": _scaled,
    "LatentUpscale": _scaled,
    "ImageScaleBy": _scaled_by,
    "LatentUpscaleBy": _scaled_by,
    "UpscaleModelLoader": _upscaler,
    "ImageUpscaleWithModel": _upscaled,
    "ImagePadForOutpaint": _padded,
    "ImageCompositeMasked": _composed,
    "ImageCrop": _cropped,
    "CropMask": _cropped,
    "SolidMask": _solid_mask,
    "InvertMask": _inverted,
    "MaskComposite": _mask_composed,
    "MaskToImage": _mask_to_image,
    "ImageToMask": _image_to_mask,
    "RepeatLatentBatch": _repeated,
    "BasicScheduler": _sigmas,
    "VAEDecode": _decoded,
    "VAEDecodeTiled": _decoded,
}
