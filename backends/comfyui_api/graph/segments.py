"""Segments: what a text names is found in the drawing and drawn anew, each after the one before it."""

from backends.comfyui_api.graph.draft import Draft, Kit
from backends.comfyui_api.graph.finding import found, widened
from backends.comfyui_api.graph.loras import wearing_for
from backends.comfyui_api.graph.redraw import Anew, all_of_it, laid, picture_of
from backends.comfyui_api.graph.sample import Walk, walked
from backends.comfyui_api.graph.sheet import Link
from backends.comfyui_api.graph.vae import decoded, encoded
from backends.contract import Region

ORDER = 130
NEEDS = {
    "segments": tuple(
        (node, "SetLatentNoiseMask", "ImageCompositeMasked", "GrowMask")
        for node in ("SwarmClipSeg", "CLIPSeg", "SwarmYoloDetection")
    )
}

_CUTTING = ("SwarmMaskBounds", "SwarmImageCrop", "SwarmImageScaleForMP", "CropMask")
_PARAM = "Prompt"


def lay(draft: Draft) -> None:
    """Draw the segments that come last anew. Raises Unbuildable."""
    if not after_first(draft):
        refine(draft)


def after_first(draft: Draft) -> bool:
    """Whether segments are drawn anew before the second pass."""
    return str(draft.work.extra.get("segmentapplyafter", "Refiner")) == "Base"


def refine(draft: Draft) -> None:
    """Draw all segments of the work anew. Raises Unbuildable."""
    work = draft.work
    segments = [region for region in work.regions if region.kind == "segment"]
    wanted = [region for region in segments if not region.negative]
    steps = int(work.extra.get("segmentsteps", work.steps))
    for number, region in enumerate(wanted):
        if round(steps * region.creativity) == 0:
            continue
        negative = next((r.prompt for r in segments if r.negative and r.what == region.what), None)
        anew = Anew(
            _PARAM,
            region.prompt or work.prompt,
            work.negative_prompt if negative is None else negative,
            region.creativity,
            steps,
            float(work.extra.get("segmentcfgscale", work.cfg_scale)),
            2 + number,
        )
        image = picture_of(draft)
        mask = _mask(draft, image, region)
        kit = wearing_for(draft, draft.kit, region)
        if draft.server.has(*_CUTTING):
            draft.image = _cut_out(draft, kit, image, mask, anew)
        else:
            draft.image = all_of_it(draft, kit, image, mask, anew)


def _mask(draft: Draft, image: Link, region: Region) -> Link:
    extra = draft.work.extra
    mask = found(draft, image, region)
    most = float(extra.get("segmentthresholdmax", 1))
    if most < 1:
        mask = draft.sheet.one(
            "Segment Threshold Max", "SwarmMaskThreshold", "MASK", mask=mask, min=0.0, max=max(0.01, most)
        )
    return widened(
        draft, mask, float(extra.get("segmentmaskblur", 10)), int(extra.get("segmentmaskgrow", 16))
    )


def _cut_out(draft: Draft, kit: Kit, image: Link, mask: Link, anew: Anew) -> Link:
    """Draw only the part that holds the mask, as large as the whole picture: only the server learns where
    that is, so its nodes hand the numbers on."""
    sheet, work = draft.sheet, draft.work
    bounds = sheet.add(
        _PARAM,
        "SwarmMaskBounds",
        mask=mask,
        grow=int(work.extra.get("segmentmaskoversize", 16)),
        aspect_x=draft.size[0],
        aspect_y=draft.size[1],
    )
    x, y, width, height = (bounds.out("INT", place) for place in range(4))
    part = sheet.one(_PARAM, "SwarmImageCrop", "IMAGE", image=image, x=x, y=y, width=width, height=height)
    part_mask = sheet.one(_PARAM, "CropMask", "MASK", mask=mask, x=x, y=y, width=width, height=height)
    large = sheet.one(
        _PARAM,
        "SwarmImageScaleForMP",
        "IMAGE",
        image=part,
        width=draft.size[0],
        height=draft.size[1],
        can_shrink=False,
    )
    latent = sheet.one(
        _PARAM, "SetLatentNoiseMask", "LATENT", samples=encoded(draft, kit, large), mask=part_mask
    )
    walk = Walk(
        anew.steps,
        anew.cfg,
        work.sampler,
        work.scheduler,
        (work.seed + anew.seed) % (1 << 63),
        anew.positive,
        anew.negative,
        anew.start,
        whole=False,
    )
    drawn = decoded(draft, kit, walked(draft, kit, latent, walk))
    small = sheet.one(
        _PARAM,
        "ImageScale",
        "IMAGE",
        image=drawn,
        upscale_method="bilinear",
        width=width,
        height=height,
        crop="disabled",
    )
    return laid(draft, _PARAM, image, small, part_mask, x, y)
