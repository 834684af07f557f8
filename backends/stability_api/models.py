"""Stability AI's models and what each takes. Pure.

Source: the reference of the v2beta Stable Image API, platform.stability.ai/docs/api-reference.
"""

from dataclasses import dataclass

from backends.contract import Misconfigured
from backends.hosted.settings import words_of
from backends.hosted.shapes import ratios

FOLDER = "stability/"
RATIOS = ratios(("1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"))
"""The shapes that can be asked for, as width and height."""

PROMPT_LETTERS = 10_000
GUIDANCE = (1.0, 10.0)
"""The range of `cfg_scale`."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `path` is where it is asked for; `sent` its name in the form ("" when the path says it).

    `starts`: it redraws pictures; `negative`: it takes a negative prompt; `guided`: it takes `cfg_scale`.
    """

    name: str
    title: str
    description: str
    path: str
    sent: str = ""
    class_id: str = ""
    starts: bool = True
    negative: bool = True
    guided: bool = False


_KNOWN = {
    "core": Model("core", "Stable Image Core", "Fast and cheap.", "core", starts=False),
    "ultra": Model("ultra", "Stable Image Ultra", "The best that Stability AI has.", "ultra"),
}


def models_of(setting: str) -> tuple[Model, ...]:
    """The models that a setting names. Raises Misconfigured."""
    names = words_of(setting)
    if not names:
        raise Misconfigured("Models: name at least one, like core.")
    return tuple(_KNOWN.get(name) or _of_family(name) for name in names)


def _of_family(name: str) -> Model:
    """A model of the Stable Diffusion 3 family: they share one path and are named in the form."""
    if not name.startswith("sd3") or not all(letter.isalnum() or letter in ".-" for letter in name):
        raise Misconfigured(
            f"Models: {name[:80]!r} is neither core nor ultra nor a name like sd3.5-large of Stability AI."
        )
    quick = name.endswith(("-turbo", "-flash"))  # distilled: their guidance is built in
    size = next((size for size in ("large", "medium") if f"-{size}" in name), "")
    return Model(
        name,
        "Stable Diffusion " + name.removeprefix("sd").replace("-", " ").title(),
        "Of the Stable Diffusion 3.5 family.",
        "sd3",
        sent=name,
        class_id=f"stable-diffusion-v3.5-{size}" if size and name.startswith("sd3.5") and not quick else "",
        negative=not quick,
        guided=not quick,
    )
