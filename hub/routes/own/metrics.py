"""The hub's figures in the text form that Prometheus reads."""

import time
from collections.abc import Iterable, Iterator

from backends.pool import Pool
from hub.jobs import Jobs
from hub.wire import Answer, Switchboard, own

FORM = b"text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[dict[str, str], float]
_BEGAN = time.time()


@own("/metrics", permission="queue_metrics", method="GET")
async def show_metrics(jobs: Jobs, pool: Pool, board: Switchboard) -> Answer:
    """Tell the whole server's figures as Prometheus collects them (text, not JSON).

    A collector signs in with an API token of a user who holds the flag: `Authorization: Bearer <token>`.
    """
    body = "".join(_lines(jobs, pool, board)).encode()
    headers = [
        (b"content-type", FORM),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
    ]
    return Answer(200, body, headers)


def _lines(jobs: Jobs, pool: Pool, board: Switchboard) -> Iterator[str]:
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
    states = [
        ({"engine": str(state.id), "type": state.type, "status": state.status}, 1.0)
        for state in pool.states()
    ]
    yield from _metric("hub_engine_up", "gauge", "Every engine with its status.", states)


def _one(value: float) -> Iterable[Sample]:
    return [({}, float(value))]


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        told = ",".join(f'{label}="{_escaped(word)}"' for label, word in labels.items())
        yield f"{name}{'{' + told + '}' if told else ''} {value!r}\n"


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
