"""The frozen, complete, checked request: below this point nobody sees a dictionary of loose parameters."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from backends.contract import Control, Lora, ModelRef, Region, SecondPass, Workflow

WARNINGS = "prompt_warnings"
"""What a picture's metadata tells of its prompts' tags that were left out (ours)."""


class OtherModel(Struct, frozen=True):
    """A model that a request uses beside its main one, for the metadata: the id of the parameter that named
    it, its hash ("" when unknown) and its architecture class."""

    name: str
    param: str
    hash: str = ""
    class_id: str = ""


class Change(Struct, frozen=True):
    """What to do with a mapping: put these, take those away."""

    put: Mapping[str, Any] = {}
    gone: tuple[str, ...] = ()

    def made(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The mapping with the change made."""
        return {key: value for key, value in before.items() if key not in self.gone} | dict(self.put)


class Fill(Struct, frozen=True):
    """What one picture of a request has of its own, where chance filled its prompts. The changes are made to
    the request's."""

    prompt: str
    negative_prompt: str
    loras: tuple[Lora, ...] = ()
    embeddings: tuple[ModelRef, ...] = ()
    regions: tuple[Region, ...] = ()
    other_models: tuple[OtherModel, ...] = ()
    given: Change = Change()
    extra: Change = Change()
    engine_extra: Change = Change()


class Keeping(Struct, frozen=True):
    """How a finished picture is kept, by its user's settings (swarm-api §6): `dpi` dots per inch noted in
    the file (0: none), `stealth` "Alpha" or "RGB" to hide the metadata in the pixels too ("": not),
    `side_text` to write it beside the file too, `model_folders` whether a model's name in a path has its
    folders. Up to `mini_grid` pictures of a request are also shown as one (1: never). With `overwrite` it
    takes the place of a picture of the same name.
    """

    dpi: int = 0
    stealth: str = ""
    side_text: bool = False
    model_folders: bool = True
    mini_grid: int = 1
    overwrite: bool = False


class GenRequest(Struct, frozen=True):
    """One accepted request for `images` pictures; every refusal has already happened.

    `width`/`height` in pixels, `steps` 0..500, `seed` is resolved (never -1). `defaults_used` are the ids the
    request left out and the model's own defaults filled. `given` are the parameters that go into the metadata
    (`sui_image_params`), by id, in registry order. `extra` are the metadata's extra data known so far
    (original_prompt, presets_used, unused_parameters …). `path_format` is the output path pattern.
    `asked_by` maps each feature the engine must have to the name of the parameter that needs it;
    `engine_type`/`engine_id` narrow the choice (None: any). `given["seed"]` is the first picture's seed; a
    later picture's metadata carries its own work's. `fills` has one for each picture where their prompts
    differ, none where they are the same.
    """

    images: int
    model: ModelRef
    model_hash: str
    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int
    cfg_scale: float
    sampler: str
    scheduler: str
    seed: int
    seed_increment: bool = True
    batch_size: int = 1
    variation_seed: int | None = None
    variation_strength: float = 0.0
    init_image: bytes | None = None
    strength: float = 1.0
    mask: bytes | None = None
    loras: tuple[Lora, ...] = ()
    vae: ModelRef | None = None
    embeddings: tuple[ModelRef, ...] = ()
    controls: tuple[Control, ...] = ()
    second: SecondPass | None = None
    regions: tuple[Region, ...] = ()
    workflow: Workflow | None = None
    format: str = "PNG"
    quality: int = 100
    save: bool = True
    save_metadata: bool = True
    previews: bool = True
    deterministic: bool = False
    continue_after_errors: bool = False
    path_format: str = "raw/[year]-[month]-[day]/[hour][minute][request_time_inc]-[prompt]-[model]"
    path_max_part: int = 40
    keeping: Keeping = Keeping()
    model_title: str = ""
    engine_type: str | None = None
    engine_id: int | None = None
    asked_by: Mapping[str, str] = {}
    other_models: tuple[OtherModel, ...] = ()
    defaults_used: tuple[str, ...] = ()
    given: Mapping[str, str | int | float | bool | list[str]] = {}
    extra: Mapping[str, str | list[str]] = {}
    engine_extra: Mapping[str, str | int | float | bool] = {}
    fills: tuple[Fill, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The features the engine must have."""
        return tuple(self.asked_by)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its sender is told was left out, of any picture, a sentence each."""
        missing = _texts(self.extra.get("presets_not_found"))
        told = [f"The preset '{title}' was left out: you have none of that name." for title in missing]
        for extra in (self.extra, *(fill.extra.put for fill in self.fills)):
            told += _texts(extra.get(WARNINGS))
        return tuple(dict.fromkeys(told))

    def of(self, index: int) -> "GenRequest":
        """The request as picture `index` has it."""
        if not self.fills:
            return self
        fill = self.fills[index]
        return msgspec.structs.replace(
            self,
            prompt=fill.prompt,
            negative_prompt=fill.negative_prompt,
            loras=fill.loras,
            embeddings=fill.embeddings,
            regions=fill.regions,
            other_models=fill.other_models,
            given=fill.given.made(self.given),
            extra=fill.extra.made(self.extra),
            engine_extra=fill.engine_extra.made(self.engine_extra),
            fills=(),
        )

    def without_pictures(self) -> "GenRequest":
        """The same without the pictures it was sent with, which may weigh many megabytes."""
        controls = tuple(msgspec.structs.replace(control, image=None) for control in self.controls)
        flow = self.workflow and msgspec.structs.replace(self.workflow, pictures={})
        return msgspec.structs.replace(self, init_image=None, mask=None, controls=controls, workflow=flow)


def _texts(value: str | list[str] | None) -> list[str]:
    """A list of texts; anything else, which only a client can have put there, is none."""
    return value if isinstance(value, list) else []
