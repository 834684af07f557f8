"""One request to its works, one a picture: which seed each gets (swarm-api §4.1). Pure."""

from backends.contract import Work
from hub.params.request import GenRequest

_SEEDS = 1 << 63


def spread(request: GenRequest, job_id: str, user: str, session: str) -> tuple[Work, ...]:
    """The works of a request in order; work `index` is picture `index % batch_size` of its batch and has the
    id `<job_id>:<index>`.

    The seed grows by one a picture, or the variation seed does when there is a variation; with
    `seed_increment` off it grows only inside a batch. Seeds stay below 2^63.
    """
    return tuple(
        work(request, job_id, user, session, index) for index in range(request.images * request.batch_size)
    )


def seed_step(request: GenRequest, index: int) -> int:
    """How far the seed of picture `index` is above the first's."""
    return index if request.seed_increment else index % request.batch_size


def work(request: GenRequest, job_id: str, user: str, session: str, index: int) -> Work:
    """The work of picture `index` alone, as `spread` would make it."""
    request, step = request.of(index), seed_step(request, index)
    seed, variation = request.seed, request.variation_seed
    if variation is not None:
        variation = (variation + step) % _SEEDS
    else:
        seed = (seed + step) % _SEEDS
    return Work(
        id=f"{job_id}:{index}",
        user=user,
        session=session,
        model=request.model,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        width=request.width,
        height=request.height,
        steps=request.steps,
        cfg_scale=request.cfg_scale,
        sampler=request.sampler,
        scheduler=request.scheduler,
        seed=seed,
        variation_seed=variation,
        variation_strength=request.variation_strength,
        init_image=request.init_image,
        strength=request.strength,
        mask=request.mask,
        loras=request.loras,
        vae=request.vae,
        embeddings=request.embeddings,
        controls=request.controls,
        second=request.second,
        regions=request.regions,
        workflow=request.workflow,
        format=request.format,
        quality=request.quality,
        previews=request.previews,
        deterministic=request.deterministic,
        extra=request.engine_extra,
    )
