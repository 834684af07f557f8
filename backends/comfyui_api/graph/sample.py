"""Drawing: the steps from noise to latents."""

from msgspec import Struct

from backends.comfyui_api.graph.draft import Draft, Kit, Texts
from backends.comfyui_api.graph.noise import varied
from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.graph.sheet import Link, Value, lacking
from backends.comfyui_api.graph.switching import runs
from backends.comfyui_api.graph.texts import plain, whole

ORDER = 80

LAST = 10000
"""Stands for the last step, whatever its number; the most a sampler takes."""

_SEEDS = 1 << 64
_SWARM = "SwarmKSampler"


class Walk(Struct, frozen=True):
    """The steps of one pass: of `steps` in all, those from `start` up to but not with `end` (None: all).

    `positive` and `negative` are its prompts, for the `whole` picture with its regions or a part of it; with
    `follow` its ControlNets act. With `noise` the latents get noise first, `vary` mixed with that of the
    variation seed; with `leftover` they keep what noise is left at the end. `prefix` stands before the names
    of the parameters the pass has of its own.
    """

    steps: int
    cfg: float
    sampler: str
    scheduler: str
    seed: int
    positive: str
    negative: str
    start: int = 0
    end: int | None = None
    noise: bool = True
    leftover: bool = False
    vary: bool = False
    whole: bool = True
    follow: bool = False
    prefix: str = ""

    @property
    def until(self) -> int:
        """The step that is no longer walked."""
        return self.steps if self.end is None else min(self.steps, self.end)


def lay(draft: Draft) -> None:
    """Draw the first pass. Raises Unbuildable."""
    work = draft.work
    end, leftover = first_part(draft)
    walk = Walk(
        work.steps,
        work.cfg_scale,
        work.sampler,
        work.scheduler,
        work.seed,
        work.prompt,
        work.negative_prompt,
        draft.start_at,
        end,
        leftover=leftover,
        vary=work.variation_seed is not None and work.variation_strength > 0,
        follow=True,
    )
    if walk.until > walk.start:
        draft.latent = walked(draft, draft.kit, draft.latent, walk)
        draft.image = None
    elif work.init_image is None and not work.steps:
        raise Unbuildable(
            "Invalid value for parameter Steps: ComfyUI draws nothing in 0 steps; ask for at least 1, or "
            "give an Init Image to be passed through."
        )


def first_part(draft: Draft) -> tuple[int | None, bool]:
    """The step the first pass ends before because another model goes on there (None: it draws to its end),
    and whether its noise is kept for that.
    """
    second = draft.work.second
    if second is None or second.part <= 0 or second.method == "PostApply":
        return None, False
    return swap_at(draft.work.steps, second.part), second.method == "StepSwapNoisy"


def swap_at(steps: int, part: float) -> int:
    """The step from which the last `part` of the steps is walked; one step at least."""
    return min(steps - 1, round(steps * (1 - part))) if steps else 0


def walked(draft: Draft, kit: Kit, latent: Link, walk: Walk) -> Link:
    """The latents after these steps. Where prompts change between them, each stretch has a node of its own.

    Raises Unbuildable.
    """
    stretches = runs((walk.positive, walk.negative), walk.steps, walk.start, walk.until)
    for place, (start, end, (positive, negative)) in enumerate(stretches):
        if walk.whole:
            texts = whole(draft, kit, positive, negative, follow=walk.follow)
        else:
            texts = plain(draft, kit, positive, negative)
        first, last = place == 0, place == len(stretches) - 1
        latent = _stretch(
            draft,
            kit,
            texts,
            latent,
            Walk(
                walk.steps,
                walk.cfg,
                walk.sampler,
                walk.scheduler,
                (walk.seed + place) % _SEEDS,  # samplers that add noise would add the same in each stretch
                positive,
                negative,
                start,
                walk.end if last else end,
                walk.noise and first,
                walk.leftover or not last,
                walk.vary and first,
                prefix=walk.prefix,
            ),
        )
    return latent


def _stretch(draft: Draft, kit: Kit, texts: Texts, latent: Link, walk: Walk) -> Link:
    """The latents after the steps of one node."""
    node = _node(draft, walk)
    noise = walk.noise
    if walk.vary and node != _SWARM:
        latent, noise = varied(draft, kit, latent, walk.steps, walk.scheduler), False
        node = "KSamplerAdvanced"
    inputs: dict[str, Value] = {
        "model": kit.model,
        "positive": texts.positive,
        "negative": texts.negative,
        "latent_image": latent,
        "steps": walk.steps,
        "cfg": walk.cfg,
        "sampler_name": _known(draft, node, "sampler_name", f"{walk.prefix}Sampler", walk.sampler),
        "scheduler": _known(draft, node, "scheduler", f"{walk.prefix}Scheduler", walk.scheduler),
    }
    if node == "KSampler":
        inputs |= {"seed": walk.seed, "denoise": 1.0}
    else:
        inputs |= {
            "noise_seed": walk.seed,
            "add_noise": _switch(noise),
            "start_at_step": walk.start,
            "end_at_step": LAST if walk.end is None else walk.end,
            "return_with_leftover_noise": _switch(walk.leftover),
        }
    if walk.vary and node == _SWARM:
        inputs |= {
            "var_seed": draft.work.variation_seed or 0,
            "var_seed_strength": draft.work.variation_strength,
        }
    placed = draft.sheet.add(f"{walk.prefix}Steps", node, **inputs)
    draft.draws(placed.id, walk.until - walk.start)
    return placed.out("LATENT")


def _node(draft: Draft, walk: Walk) -> str:
    """The class of node for a stretch: the plainest that can do it."""
    plainly = walk.noise and not walk.leftover and walk.start == 0 and walk.end is None
    node = "KSampler" if plainly else "KSamplerAdvanced"
    if draft.server.has(_SWARM) and (
        walk.vary or walk.scheduler not in draft.server.choices(node, "scheduler")
    ):
        return _SWARM
    if not draft.server.has(node):
        raise lacking(f"{walk.prefix}Steps", node)
    return node


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
