"""What machine and queue used up over time, as columns for plots."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.resources import Resources
from hub.wire import own


class HistoryIn(Struct, frozen=True):
    """Which rows."""

    step: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="Seconds between two rows at least. There are rows of 1 s for five minutes, of 10 s "
            "for an hour and of 120 s for a day; each is the mean of what it covers.",
        ),
    ] = 1.0
    after: Annotated[float, Meta(ge=0, le=2**40, description="Only rows after this time (unix seconds).")] = (
        0.0
    )


class Facts(Struct, frozen=True):
    """What does not change from row to row: bytes, cores, and by number what each card is called and how many
    bytes it has."""

    cores: int
    ram_total: int
    disk_total: int
    gpu_names: dict[str, str]
    gpu_memory: dict[str, int]


class HistoryOut(Struct, frozen=True):
    """`columns` by name, each as long as `times` (unix seconds, oldest first), null where nothing was
    measured; `units` says what each is counted in."""

    step: float
    times: list[float]
    columns: dict[str, list[float | None]]
    units: dict[str, str]
    facts: Facts


_UNITS = (
    ("_per_minute", "per minute"),
    ("_p50", "seconds"),
    ("_p95", "seconds"),
    ("_temperature", "degrees Celsius"),
    ("_power", "watts"),
    ("_memory_used", "bytes"),
    ("ram_used", "bytes"),
    ("hub_ram", "bytes"),
    ("disk_free", "bytes"),
    ("queue_waiting", "images"),
    ("queue_loading", "images"),
    ("queue_drawn", "images"),
    ("sockets", "sockets"),
)


@own("/resources", permission="read_server_info_panels", method="GET")
async def show_resources(caller: Caller, given: HistoryIn, resources: Resources) -> HistoryOut:
    """Tell how machine and queue have fared, as columns for plots.

    Machine: `cpu`, `hub_cpu` (of one core), `ram_used`, `hub_ram`, `disk_free`; of each card `gpu0_use`,
    `gpu0_memory_used`, `gpu0_temperature`, `gpu0_power`. Queue: `queue_waiting`, `queue_loading`,
    `queue_drawn`; `wait_p50`, `wait_p95`, `draw_p50`, `draw_p95` over the images of five minutes;
    `images_per_minute` and `failures_per_minute`, `engine0_images_per_minute` of each engine;
    `loads_per_minute` and `loading_share` of models; `sockets`. Shares are 0 to 1.
    """
    history = resources.history(given.step, given.after)
    now = await resources.now()
    gpus = now.gpus
    return HistoryOut(
        history.step,
        history.times,
        history.columns,
        {name: _unit(name) for name in history.columns},
        Facts(
            now.look.cores,
            now.look.ram_total,
            now.look.disk_total,
            {str(number): gpu.name for number, gpu in gpus.items()},
            {str(number): gpu.total_memory for number, gpu in gpus.items()},
        ),
    )


def _unit(name: str) -> str:
    """What a column is counted in; a share where nothing else is said."""
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "share")
