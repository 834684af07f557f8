"""Drawing: the steps from noise to latents."""

from msgspec import Struct

from backends.comfyui_api.graph.draft import Draft, Kit, Texts
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sheet import Link, Value, lacking

ORDER = 80

LAST = 10000
"""Stands for the last step, whatever its number; the most a sampler takes."""


class Walk(Struct, frozen=True):
    """The steps of one pass: of `steps` in all, those from `start` up to but not with `end` (None: all).

    With `noise` the latents get noise first; with `leftover` they keep what noise is left at the end.
    `prefix` stands before the names of the parameters the pass has of its own.
    """

    steps: int
    cfg: float
    sampler: str
    scheduler: str
    seed: int
    start: int = 0
    end: int | None = None
    noise: bool = True
    leftover: bool = False
    prefix: str = ""

    @property
    def taken(self) -> int:
        """How many steps are really walked."""
        return max(0, min(self.steps, self.steps if self.end is None else self.end) - self.start)


def lay(draft: Draft) -> None:
    """Draw the first pass. Raises Unbuildable."""
    work = draft.work
    walk = Walk(
        work.steps,
        work.cfg_scale,
        work.sampler,
        work.scheduler,
        work.seed,
        draft.start_at,
        draft.end_at,
        draft.noise,
        draft.leftover,
    )
    if walk.taken:
        draft.latent = walked(draft, draft.kit, draft.texts, draft.latent, walk)
        draft.image = None
    elif work.init_image is None:
        raise Unbuildable(
            "Invalid value for parameter Steps: ComfyUI draws nothing in 0 steps; ask for at least 1, or "
            "give an Init Image to be passed through."
        )


def walked(draft: Draft, kit: Kit, texts: Texts, latent: Link, walk: Walk) -> Link:
    """The latents after these steps. Raises Unbuildable."""
    plain = walk.noise and not walk.leftover and walk.start == 0 and walk.end is None
    node = "KSampler" if plain else "KSamplerAdvanced"
    if not draft.server.has(node):
        raise lacking(f"{walk.prefix}Steps", node)
    shared: dict[str, Value] = {
        "model": kit.model,
        "positive": texts.positive,
        "negative": texts.negative,
        "latent_image": latent,
        "steps": walk.steps,
        "cfg": walk.cfg,
        "sampler_name": _known(draft, node, "sampler_name", f"{walk.prefix}Sampler", walk.sampler),
        "scheduler": _known(draft, node, "scheduler", f"{walk.prefix}Scheduler", walk.scheduler),
    }
    own: dict[str, Value] = {"seed": walk.seed, "denoise": 1.0}
    if not plain:
        own = {
            "noise_seed": walk.seed,
            "add_noise": _switch(walk.noise),
            "start_at_step": walk.start,
            "end_at_step": LAST if walk.end is None else walk.end,
            "return_with_leftover_noise": _switch(walk.leftover),
        }
    placed = draft.sheet.add(f"{walk.prefix}Steps", node, **shared, **own)
    draft.draws(placed.id, walk.taken)
    return placed.out("LATENT")


def _switch(on: bool) -> str:
    return "enable" if on else "disable"


def _known(draft: Draft, node: str, key: str, param: str, name: str) -> str:
    """The sampler or scheduler, when the server has it. Raises Unbuildable."""
    if name not in draft.server.choices(node, key):
        raise Unbuildable(
            f"Invalid value for parameter {param}: the ComfyUI server has no '{name}'; choose another one, "
            "or another engine."
        )
    return name
