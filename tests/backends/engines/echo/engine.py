"""Names the echo engine."""

from msgspec import Struct

from backends.contract import EngineType


class EchoSettings(Struct, frozen=True):
    """`step_seconds` a step lasts, `start_seconds` its start; `broken` is the reason why it cannot start, ""
    when it can; `bytes` of ballast.
    """

    step_seconds: float = 0.0
    start_seconds: float = 0.0
    broken: str = ""
    bytes: int = 0


ENGINE = EngineType(
    id="echo",
    name="Echo",
    description="Answers with a ready PNG.",
    settings=EchoSettings,
    drawer="echo.drawer:EchoDrawer",
    slots=16,
    features=("variation_seed",),
    samplers=("euler",),
    schedulers=("normal",),
    standard=False,
)
