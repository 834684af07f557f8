"""The hub's figures in the text form that Prometheus reads."""

import time
from collections.abc import Iterable, Iterator

from backends.pool import Pool
from hub.jobs import Jobs, quantile
from hub.resources import WINDOW_SECONDS, Now, Resources
from hub.wire import Answer, Switchboard, own

FORM = b"text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[dict[str, str], float]
_BEGAN = time.time()


@own("/metrics", permission="queue_metrics", method="GET")
async def show_metrics(jobs: Jobs, pool: Pool, board: Switchboard, resources: Resources) -> Answer:
    """Tell the whole server's figures as Prometheus collects them (text, not JSON).

    A collector signs in with an API token of a user who holds the flag: `Authorization: Bearer <token>`.
    """
    lines = (*_queue(jobs, board), *_engines(jobs, pool), *_times(jobs), *_machine(await resources.now()))
    body = "".join(lines).encode()
    headers = [
        (b"content-type", FORM),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
    ]
    return Answer(200, body, headers)


def _queue(jobs: Jobs, board: Switchboard) -> Iterator[str]:
    figures = jobs.figures()
    yield from _metric("hub_start_time_seconds", "gauge", "When the hub was started.", _one(_BEGAN))
    yield from _metric("hub_sockets", "gauge", "Open websockets.", _one(board.open_sockets))
    yield from _metric("hub_images_waiting", "gauge", "Images no engine has yet.", _one(figures.waiting))
    yield from _metric("hub_images_at_engines", "gauge", "Images at engines.", _one(figures.drawn))
    yield from _metric("hub_jobs_unfinished", "gauge", "Accepted jobs without an end.", _one(figures.jobs))
    yield from _metric("hub_users_unfinished", "gauge", "Users with unfinished jobs.", _one(figures.users))
    yield from _metric("hub_queue_paused", "gauge", "1 while the queue is paused.", _one(jobs.paused))
    if figures.seconds is not None:
        yield from _metric(
            "hub_image_seconds", "gauge", "Seconds an image takes, as measured lately.", _one(figures.seconds)
        )
    ends = [({"state": state}, float(count)) for state, count in jobs.ended_images.items()]
    yield from _metric("hub_images_total", "counter", "Images by their end, since the start.", ends)


def _engines(jobs: Jobs, pool: Pool) -> Iterator[str]:
    states = [
        ({"engine": str(state.id), "type": state.type, "status": state.status}, 1.0)
        for state in pool.states()
    ]
    yield from _metric("hub_engine_up", "gauge", "Every engine with its status.", states)
    times = jobs.times
    made = [({"engine": str(number)}, float(many)) for number, many in sorted(times.images.items())]
    yield from _metric("hub_engine_images_total", "counter", "Pictures each engine has made.", made)
    yield from _metric("hub_model_loads_total", "counter", "Models that were loaded.", _one(times.loads))
    yield from _metric(
        "hub_model_loading_seconds_total", "counter", "Seconds spent on loading models.", _one(times.loading)
    )


def _times(jobs: Jobs) -> Iterator[str]:
    since = time.time() - WINDOW_SECONDS
    for name, text, seconds in (
        ("hub_wait_seconds", "Seconds images waited, of those begun lately.", jobs.times.waited(since)),
        ("hub_draw_seconds", "Seconds images were drawn, of those made lately.", jobs.times.drawn(since)),
    ):
        shares = (0.5, 0.95) if seconds else ()
        yield from _metric(
            name, "gauge", text, [({"quantile": f"{share:g}"}, quantile(seconds, share)) for share in shares]
        )


def _machine(now: Now) -> Iterator[str]:
    look = now.look
    for name, text, value in (
        ("hub_machine_cpu_share", "Share of all cores' time, 0 to 1.", look.cpu),
        ("hub_machine_memory_total_bytes", "Memory of the machine.", look.ram_total),
        ("hub_machine_memory_used_bytes", "Memory that no program could have.", look.ram_used),
        ("hub_machine_disk_free_bytes", "Free bytes of the outputs' disk.", look.disk_free),
        ("hub_process_memory_bytes", "Memory of the hub itself.", look.hub_ram),
    ):
        yield from _metric(name, "gauge", text, _one(value))
    cards = [({"gpu": str(number), "name": gpu.name}, gpu) for number, gpu in now.gpus.items()]
    for name, text, values in (
        ("hub_gpu_use_share", "How busy a card is, 0 to 1.", [gpu.utilization_gpu / 100 for _, gpu in cards]),
        ("hub_gpu_memory_used_bytes", "Memory used on a card.", [gpu.used_memory for _, gpu in cards]),
        ("hub_gpu_memory_total_bytes", "Memory of a card.", [gpu.total_memory for _, gpu in cards]),
        ("hub_gpu_temperature_celsius", "How hot a card is.", [gpu.temperature for _, gpu in cards]),
        ("hub_gpu_power_watts", "What a card draws.", [gpu.power for _, gpu in cards]),
    ):
        samples = [(labels, float(value)) for (labels, _), value in zip(cards, values, strict=True)]
        yield from _metric(name, "gauge", text, samples)


def _one(value: float) -> Iterable[Sample]:
    return [({}, float(value))]


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        told = ",".join(f'{label}="{_escaped(word)}"' for label, word in labels.items())
        yield f"{name}{'{' + told + '}' if told else ''} {value!r}\n"


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
