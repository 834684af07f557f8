"""Sana Sprint: Sana taught to draw in one to four steps; drawn by its own pipelines."""

from backends.diffusers_local.families.family import Family, Stock
from backends.diffusers_local.families.sana import PARTS
from backends.diffusers_local.samplers.stock import CONSISTENCY

FAMILY = Family(
    id="sana_sprint",
    name="Sana Sprint",
    classes=("nvidia-sana-sprint",),
    pipelines=("SanaSprintPipeline", "SanaSprintImg2ImgPipeline"),
    parts=PARTS,
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=(),
    schedulers=frozenset({"SCMScheduler"}),
    denoiser="stock",
    stock=Stock(
        samplers=CONSISTENCY,
        noise="trig",
        negative=False,
        from_picture="SanaSprintImg2ImgPipeline",
        cells=1,
        arguments={"use_resolution_binning": False, "clean_caption": False},
    ),
)
