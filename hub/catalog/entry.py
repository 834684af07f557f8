"""What is known of one model."""

from pathlib import Path

from msgspec import Struct

from backends.contract import ModelRef
from hub.errors import HubError

SUBTYPES = ("Stable-Diffusion", "VAE", "LoRA", "Embedding", "ControlNet", "Clip", "ClipVision")
"""The kinds of models, by the names of their folders and of the wire (swarm-api §5.1)."""

UPSCALERS = "upscale_models"
"""The folder of models that enlarge pictures. Clients meet them as values of Refiner Upscale Method, not as
a subtype in ListT2IParams."""

SHELVES = (*SUBTYPES, UPSCALERS)
"""Every kind of model this hub keeps."""


class Defaults(Struct, frozen=True):
    """What a model wants when a request leaves it out; None leaves it to the parameter's own default."""

    steps: int | None = None
    cfgscale: float | None = None
    sampler: str | None = None
    scheduler: str | None = None
    width: int | None = None
    height: int | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """A model file or a diffusers folder, with everything its header and the files beside it tell.

    `path` is None for a model that only engines elsewhere have; `engines` are the numbers of those that have
    it, none for one that is only here. `drawn_here` tells whether an engine of this machine can load it.
    `name` is the path below its folder, `/` separated, with the extension. `class_id` is "" when the
    architecture is not known. Sizes are pixels (0: unknown), times milliseconds since 1970. `supported` is
    False for formats that are listed but never loaded; `reason` then says why. `preview` is a picture file
    beside the model, `preview_in_header` that the model's own metadata holds one. `stamp` follows the files.
    """

    name: str
    subtype: str
    path: Path | None
    title: str
    author: str | None = None
    description: str | None = None
    class_id: str = ""
    class_name: str = ""
    compat: str = ""
    standard_width: int = 0
    standard_height: int = 0
    native_sizes: tuple[tuple[int, int], ...] = ()
    defaults: Defaults = Defaults()
    license: str | None = None
    date: str | None = None
    prediction_type: str | None = None
    usage_hint: str | None = None
    trigger_phrase: str | None = None
    merged_from: str | None = None
    tags: tuple[str, ...] | None = None
    is_negative_embedding: bool = False
    lora_default_weight: str = ""
    lora_default_confinement: str = ""
    created: int = 0
    modified: int = 0
    hash: str = ""
    special_format: str = ""
    supported: bool = True
    reason: str = ""
    preview: Path | None = None
    preview_in_header: bool = False
    builtin: bool = False
    stamp: tuple[int, ...] = ()
    engines: tuple[int, ...] = ()
    drawn_here: bool = True

    @property
    def home(self) -> Path:
        """Where it lies on this machine. Raises HubError for one that is only elsewhere."""
        if self.path is None:
            raise HubError(
                f"The model '{self.name}' is not on this machine: only an engine elsewhere has it, so its "
                "files can be neither read nor changed here. Do that on the machine that has it.",
                field="modelName",
            )
        return self.path

    def ref(self) -> ModelRef:
        """The model as an engine needs to know it."""
        path = str(self.path) if self.path is not None and self.drawn_here else ""
        return ModelRef(name=self.name, path=path, class_id=self.class_id, native_sizes=self.native_sizes)

    def size(self) -> tuple[int, int] | None:
        """The (width, height) in pixels it should draw when nobody asks for a size, None when unknown."""
        if self.defaults.width and self.defaults.height:
            return self.defaults.width, self.defaults.height
        if self.native_sizes:
            return self.native_sizes[0]
        if self.standard_width > 0 and self.standard_height > 0:
            return self.standard_width, self.standard_height
        return None
