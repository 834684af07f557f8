"""Names the sketch engine: real worker, real protocol, no drawing to speak of."""

from pathlib import Path

from msgspec import Struct

from backends.contract import EngineType


class SketchSettings(Struct, frozen=True):
    """None: what it does is said by the words of a prompt."""


ENGINE = EngineType(
    id="sketch",
    name="Sketch (tests)",
    description="Fills a picture with the first colour its prompt names.",
    settings=SketchSettings,
    drawer="sketch.drawer:Sketch",
    slots=4,
    features=("sketching", "variation_seed"),
    samplers=("euler", "ddim"),
    schedulers=("normal",),
    builtin_models=(Path(__file__).parent / "doodle",),
    standard=False,
)
