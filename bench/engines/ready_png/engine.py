"""A bench engine that answers every work with the same ready 512x512 PNG through the real worker protocol."""

from msgspec import Struct

from backends.contract import EngineType


class Settings(Struct, frozen=True):
    """`kilobytes` is about how large the picture's file is (130 or 390)."""

    kilobytes: int = 130


ENGINE = EngineType(
    id="ready_png",
    name="Ready PNG (bench)",
    description="Answers at once with one picture made at start-up; measures everything around the drawing.",
    settings=Settings,
    drawer="ready_png.drawer:ReadyPng",
    slots=64,
    samplers=("euler",),
    schedulers=("normal",),
    standard=False,
)
