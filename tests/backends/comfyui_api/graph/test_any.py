"""Whatever is asked for: a graph without a fault, or a sentence that names the parameter."""

import random
from typing import Any

import pytest

from backends.comfyui_api.graph import Unbuildable, build
from backends.contract import Control, Lora, ModelRef, Region, SecondPass, Work
from tests.backends.comfyui_api.graph.conftest import FILES, Told, model, png

WORKS = 250

TEXTS = (
    "",
    "a (cat:1.2)",
    "a [cat|dog] and [one:[two|three]:0.4]",
    "[[[x:y:3]",
    "one<break>two BREAK",
    "<embed:testembed>",
    "weird \\[ ]] (: :) | ä\ud7ff \\(",
    "[a:b:0.0] [c:d:1.0] [e:f:99]",
)
MODELS = (
    model(),
    model("xl/sd_xl_base.safetensors", "stable-diffusion-xl-v1-base"),
    model("sd-v1-5-inpainting.safetensors", "stable-diffusion-v1-inpainting"),
    model("sd3.5_large.safetensors", ""),
    model("flux1-dev.safetensors", "Flux.1-dev"),
    model("qwen_image_fp8.safetensors", "qwen-image"),
    model("flux1-fill-dev.safetensors", "Flux.1-dev/inpaint"),
)


def region(draw: random.Random) -> Region:
    kind = draw.choice(("region", "region", "object", "background", "segment", "clear"))
    x, y = draw.choice((0.0, 0.3, 0.999, 1.0)), draw.random()
    return Region(
        kind,
        draw.choice(TEXTS),
        x,
        y,
        draw.choice((0.001, 0.5, 1.0)) * (1 - x),
        1 - y,
        draw.choice((1.0, -1.0, 0.0, 0.3, -0.2)),
        draw.choice((0.0, 0.01, 0.6, 1.0)),
        draw.choice(("face", "face|hair | nose", "yolo-face_yolov8m.pt-1", "yolo-sub/hand-2.pt:0,apple,2:")),
        draw.random() < 0.2,
    )


def second(draw: random.Random) -> SecondPass:
    method = draw.choice(("latent-nearest-exact", "pixel-area", "pixel-lanczos", "model"))
    return SecondPass(
        draw.choice((0.0, 0.01, 0.5, 1.0)),
        draw.choice(("PostApply", "StepSwap", "StepSwapNoisy")),
        draw.choice((None, *MODELS)),
        draw.choice((None, None, ModelRef("mini-vae.safetensors", ""))),
        draw.choice((0.25, 1.0, 1.0, 1.37, 2.0)),
        method,
        ModelRef("mini-x4.safetensors", "") if method == "model" else None,
        draw.choice((None, 1, 7)),
        draw.choice((None, 0.0, 5.5)),
        draw.choice((None, "ddim")),
        draw.choice((None, "karras")),
    )


def extras(draw: random.Random, start: bool, mask: bool) -> dict[str, str | int | float | bool]:
    whole: dict[str, tuple[Any, ...]] = {
        "clipstopatlayer": (-1, -24),
        "vaetilesize": (128, 512),
        "refinerprompt": TEXTS,
        "globalregionfactor": (0.0, 0.4, 1.0),
        "regionalobjectcleanupfactor": (0.0, 0.2, 1.0),
        "segmentmaskblur": (0, 64),
        "segmentmaskgrow": (0, 512),
        "segmentthresholdmax": (0.0, 0.5),
        "segmentsteps": (1, 40),
        "segmentapplyafter": ("Base", "Refiner"),
        "controlnetpreprocessor": ("Canny",),
        "controlnettwouniontype": ("tile",),
        "seamlesstileable": ("true", "Y-Only"),
        "fluxguidancescale": (0.0, 3.5),
    }
    started: dict[str, tuple[Any, ...]] = {
        "outpaintleft": (16, 48),
        "outpaintbottom": (8,),
        "initimagenoise": (0.1,),
        "initimageresettonorm": (0.3, 1.0),
        "maskbehavior": ("Simple Latent", "Differential"),
        "useinpaintingencode": (True,),
    }
    masked: dict[str, tuple[Any, ...]] = {
        "maskblur": (0, 1, 4, 64),
        "maskgrow": (3, 256),
        "maskshrinkgrow": (0, 8, 512),
        "initimagerecompositemask": (False,),
    }
    possible = whole | (started if start else {}) | (masked if mask else {})
    return {key: draw.choice(values) for key, values in possible.items() if draw.random() < 0.15}


def drawn(draw: random.Random) -> Work:
    start = draw.random() < 0.5
    mask = start and draw.random() < 0.6
    loras = [Lora(ModelRef(name, ""), draw.uniform(-2, 2), draw.choice((0, 1))) for name in FILES["loras"]]
    control = Control(
        ModelRef("mini-control.safetensors", ""),
        None if start and draw.random() < 0.5 else png(8, 24),
        draw.choice((0.0, 2.0)),
        0.1,
        0.9,
    )
    vary = draw.random() < 0.15
    return Work(
        f"job:{draw.randrange(99)}",
        "ann",
        "s",
        draw.choice(MODELS),
        draw.choice(TEXTS),
        draw.choice(TEXTS),
        draw.choice((64, 100, 512, 1000)),
        draw.choice((64, 333, 512, 1024)),
        draw.choice((0, 1, 2, 20)),
        draw.choice((0.0, 1.0, 7.5)),
        draw.choice(("euler", "dpmpp_2m")),
        draw.choice(("normal", "karras")),
        draw.randrange(1 << 63),
        draw.randrange(1 << 63) if vary else None,
        draw.random() if vary else 0.0,
        png(50, 40) if start else None,
        draw.choice((0.0, 0.02, 0.6, 1.0)) if start else 1.0,
        png(40, 40, (17, 18, 25, 22)) if mask else None,
        loras=tuple(draw.sample(loras, draw.randrange(3))),
        vae=draw.choice((None, None, ModelRef("mini-vae.safetensors", ""))),
        controls=(control,) * draw.choice((0, 0, 1, 2)),
        second=second(draw) if draw.random() < 0.4 else None,
        regions=tuple(region(draw) for _ in range(draw.choice((0, 0, 1, 4)))),
        extra=extras(draw, start, mask),
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_graph_without_a_fault_or_a_sentence(core: Told, full: Told, seed: int) -> None:
    draw = random.Random(seed)
    names = sorted(core.info.keys() - {"SaveImageWebsocket", "SaveImage"})
    servers = (full, core, core.without(*draw.sample(names, 8)), core.without(*draw.sample(names, 30)))
    built = 0
    for _ in range(WORKS):
        wanted = drawn(draw)
        for told in servers:
            try:
                graph = told.build(wanted)
            except Unbuildable as refused:
                assert str(refused).startswith("Invalid value for parameter ")
                continue
            built += 1
            taken = {str(file) for body in graph.nodes.values() for file in body["inputs"].values()}
            assert all(upload.path in taken for upload in graph.uploads)
            assert {one.node for one in graph.passes} <= graph.nodes.keys()
            assert all(one.steps > 0 for one in graph.passes)
    assert built > WORKS


def test_a_server_with_every_node_refuses_only_what_cannot_be(full: Told) -> None:
    draw = random.Random(77)
    for _ in range(WORKS):
        wanted = drawn(draw)
        try:
            full.build(wanted)
        except Unbuildable as refused:
            assert "parameter Steps" in str(refused) or "Outpaint" in str(refused)


def test_the_same_work_gives_the_same_graph(full: Told) -> None:
    wanted = drawn(random.Random(5))
    assert build(wanted, full.server) == build(wanted, full.server)
