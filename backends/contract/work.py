"""One picture to make, with everything it is drawn from."""

from collections.abc import Mapping

from msgspec import Struct


class ModelRef(Struct, frozen=True):
    """A model as an engine needs to know it.

    `name` is the catalog's name, `path` the absolute folder or file ("" when only engines elsewhere have it),
    `class_id` the catalog's architecture class ("" when unknown), `native_sizes` the (width, height) in
    pixels it draws well (empty: any size).
    """

    name: str
    path: str
    class_id: str = ""
    native_sizes: tuple[tuple[int, int], ...] = ()


class Lora(Struct, frozen=True):
    """A LoRA laid over a model: `weight` for the denoiser, `text_weight` for the text encoders (1 = as
    trained). It acts in every pass, or `only` in the "base" or the "refiner" one.
    """

    model: ModelRef
    weight: float = 1.0
    text_weight: float = 1.0
    only: str = ""


class Control(Struct, frozen=True):
    """A ControlNet and the picture it follows (an encoded file; None: the work's initial picture).

    It acts with `strength` from the part `start` to the part `end` of the steps (0..1).
    """

    model: ModelRef
    image: bytes | None = None
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0


class SecondPass(Struct, frozen=True):
    """What follows the first drawing: enlarging it, redrawing its last part, or both (swarm-api: refiner).

    `part` is how much of the steps is redrawn (0: none, only enlarged). `method` is "PostApply" (redraw the
    finished drawing), "StepSwap" (the same walk goes on in the other model) or "StepSwapNoisy" (that, with
    its noise kept). `model` and `vae` None are the work's own. The result is `upscale` times the work's
    width and height, by `upscale_method`: "pixel-lanczos", "pixel-bicubic", "pixel-bilinear",
    "pixel-area", "pixel-nearest-exact", "latent-bilinear", "latent-bicubic", "latent-nearest-exact", or
    "model" with `upscaler`. `steps` None are the work's, as are `cfg_scale`, `sampler`, `scheduler`.
    """

    part: float = 0.2
    method: str = "PostApply"
    model: ModelRef | None = None
    vae: ModelRef | None = None
    upscale: float = 1.0
    upscale_method: str = "pixel-lanczos"
    upscaler: ModelRef | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    sampler: str | None = None
    scheduler: str | None = None


class Region(Struct, frozen=True):
    """A part of the picture with a prompt of its own (swarm-api §8).

    `kind` is "region" (this part is drawn with it), "background" (what no region covers is), "object" (a
    region that is drawn anew once more), "segment" (what `what` names is found in the drawing and drawn anew)
    or "clear" (that is made transparent). `x`, `y`, `width` and `height` are parts of the picture (0..1).
    `strength` (-1..1) is how much the prompt counts there, of a segment how sure the finding must be; below 0
    it is everything else. `creativity` is the part of the steps an object or segment is drawn anew with.
    A `negative` one stood in the negative prompt. `loras` are laid over the model, beside the work's own,
    where an object or segment is drawn anew.
    """

    kind: str
    prompt: str
    x: float = 0.0
    y: float = 0.0
    width: float = 1.0
    height: float = 1.0
    strength: float = 1.0
    creativity: float = 1.0
    what: str = ""
    negative: bool = False
    loras: tuple[Lora, ...] = ()


class Workflow(Struct, frozen=True):
    """A graph that the user gives instead of letting the engine build one.

    `graph` is JSON text: an object of nodes in ComfyUI's API format (comfyui-protocol §6). Texts in it may
    have gaps, `${id}` or `${id:default}`: the work's own values stand for them, else `values` by the letters
    of the id. A text that is `%%_COMFYFIXME_${id}_ENDFIXME_%%` as a whole stands for a number or a truth.
    `pictures` are encoded files by the letters of their ids. `unasked` are ids that the request left to the
    hub: there a gap's default, where it has one, stands before the work's own value.
    """

    graph: str
    values: Mapping[str, str | int | float | bool] = {}
    pictures: Mapping[str, bytes] = {}
    unasked: tuple[str, ...] = ()


class Work(Struct, frozen=True):
    """One picture to make, complete and checked.

    `id` is unique for ever; `width` and `height` are the exact pixels the result must have; `steps` may be
    0 (the engine answers pure noise or the untouched start); `strength` is the part of the steps an initial
    picture is redrawn with (0..1, 1 = all). `init_image` and `mask` are encoded picture files, already
    checked for size. `format` is what the engine should encode: "PNG", "JPG", "WEBP", "WEBP_LOSSLESS".
    `variation_seed` is None unless `variation_strength` > 0. `vae` replaces the model's own autoencoder;
    `embeddings` are the textual inversions that the prompts name by their model's name; `regions` are
    parts of the picture that have prompts of their own, in order. With a `workflow` that is
    drawn, whatever size comes of it, and the rest only fills its gaps. A `second` pass with an `upscale`
    makes the result larger than `width` x `height`. Of the pixels "outpaintleft",
    "outpainttop", "outpaintright" and "outpaintbottom" in `extra` is a border that the result, `width` x
    `height` with it, has around the initial picture. `extra` holds parameters by id that only
    some engines know.
    """

    id: str
    user: str
    session: str
    model: ModelRef
    prompt: str
    negative_prompt: str = ""
    width: int = 512
    height: int = 512
    steps: int = 20
    cfg_scale: float = 7.0
    sampler: str = "euler"
    scheduler: str = "normal"
    seed: int = 0
    variation_seed: int | None = None
    variation_strength: float = 0.0
    init_image: bytes | None = None
    strength: float = 1.0
    mask: bytes | None = None
    format: str = "PNG"
    quality: int = 100
    previews: bool = True
    deterministic: bool = False
    loras: tuple[Lora, ...] = ()
    vae: ModelRef | None = None
    embeddings: tuple[ModelRef, ...] = ()
    controls: tuple[Control, ...] = ()
    second: SecondPass | None = None
    regions: tuple[Region, ...] = ()
    workflow: Workflow | None = None
    extra: Mapping[str, str | int | float | bool] = {}
