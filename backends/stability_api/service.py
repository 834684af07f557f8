"""Stability AI's v2beta Stable Image API: what is sent for a work, and how the answers read.

Source: platform.stability.ai/docs/api-reference (multipart forms; `accept: image/*` gives the picture itself,
with the headers `finish-reason` and `seed`; errors are {"id", "name", "errors"}).
"""

import io

import msgspec

from backends.contract import RemoteModel, Work
from backends.hosted.calls import Answer, Call, File, text_parts
from backends.hosted.demands import check_demands
from backends.hosted.picture import cover, flatten, open_picture, surround
from backends.hosted.refused import Refused, about, quoted
from backends.hosted.service import Drawn
from backends.hosted.shapes import nearest
from backends.stability_api.models import FOLDER, GUIDANCE, PROMPT_LETTERS, RATIOS, Model, models_of
from backends.stability_api.settings import StabilitySettings

_SEEDS = 4_294_967_294
"""The largest seed; 0 would mean a random one."""
_NATIVE = 1024  # pixels along a side of a square, about what every model draws
_LEAST_SIDE = 64  # pixels of an initial picture


class _Trouble(msgspec.Struct):
    name: str = ""
    errors: list[str] = []


class Stability:
    """See hosted.Service."""

    name = "Stability AI"
    key_kind = "stability_api"
    knock = "v1/engines/list"

    def __init__(self, settings: StabilitySettings) -> None:
        self.settings = settings
        self.address = settings.address
        self._models: dict[str, Model] = {}

    def models(self) -> tuple[RemoteModel, ...]:
        """Raises Misconfigured."""
        self._models = {FOLDER + model.name: model for model in models_of(self.settings.models)}
        return tuple(
            RemoteModel(
                name=name,
                subtype="Stable-Diffusion",
                title=model.title,
                author="Stability AI",
                description=f"{model.description} Drawn by Stability AI with your own key (stability_api).",
                class_id=model.class_id,
                width=_NATIVE,
                height=_NATIVE,
            )
            for name, model in self._models.items()
        )

    def check(self, work: Work) -> None:
        """Raise Refused, naming the parameter, for what the model cannot honour."""
        model = self._models[work.model.name]
        check_demands(work, self.name, starts=model.starts, masks=False, negative=model.negative)
        for field, text in (("Prompt", work.prompt), ("Negative Prompt", work.negative_prompt)):
            if len(text) > PROMPT_LETTERS:
                raise about(field, f"{self.name} reads at most {PROMPT_LETTERS} letters; shorten it.")
        if model.guided and not GUIDANCE[0] <= work.cfg_scale <= GUIDANCE[1]:
            raise about(
                "CFG Scale",
                f"{work.model.name} takes {GUIDANCE[0]:g} to {GUIDANCE[1]:g}, not {work.cfg_scale:g}.",
            )

    def call(self, work: Work) -> Call:
        """The form for a checked work."""
        model = self._models[work.model.name]
        ratio = nearest((work.width, work.height), tuple(RATIOS.values()))
        word = next(word for word, size in RATIOS.items() if size == ratio)
        redraws = work.init_image is not None
        keeps_shape = redraws and model.path == "sd3"  # there the result has the shape of the start
        seed = sent_seed(work.seed)
        parts = text_parts(
            prompt=work.prompt,
            negative_prompt=work.negative_prompt.strip() or None,
            aspect_ratio=None if keeps_shape else word,
            seed=seed,
            output_format="png",
            model=model.sent or None,
            mode=("image-to-image" if redraws else "text-to-image") if model.path == "sd3" else None,
            cfg_scale=f"{work.cfg_scale:g}" if model.guided else None,
            strength=f"{work.strength:g}" if redraws else None,
        )
        if work.init_image is not None:
            parts += (("image", _start(work, None if keeps_shape else ratio)),)
        unused = (
            ["Steps", "Sampler", "Scheduler"]
            if model.guided
            else ["Steps", "CFG Scale", "Sampler", "Scheduler"]
        )
        notes: dict[str, str | int | float | bool | list[str]] = {"unused_by_engine": unused}
        if seed != work.seed:
            notes["sent_seed"] = seed
        return Call(f"v2beta/stable-image/generate/{model.path}", parts, accept="image/*", notes=notes)

    def busy(self, answer: Answer) -> bool:
        """429 is the limit of 150 requests in 10 seconds; 503 comes with a time to wait or is no promise."""
        return answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers)

    def glimpse(self, event: bytes) -> tuple[int, bytes] | None:
        """It gives none."""
        return None

    def read(self, answer: Answer, key: str) -> Drawn:
        """Raises Refused for everything but a picture."""
        if answer.status != 200:
            raise self._refusal(answer, key)
        ended = answer.headers.get("finish-reason", "SUCCESS").upper()
        if ended == "CONTENT_FILTERED":
            raise about(
                "Prompt",
                f"{self.name} drew this picture and then held it back by its own rules; change the prompt.",
            )
        if ended != "SUCCESS":
            raise Refused(
                f"{self.name} could not finish this picture ({quoted(ended, key)[:40]}); try again."
            )
        seed = answer.headers.get("seed", "")
        return Drawn(answer.body, {"drawn_seed": int(seed)} if seed.isascii() and seed.isdigit() else {})

    def _refusal(self, answer: Answer, key: str) -> Refused:
        words = quoted(_words(answer.body), key)
        said = f' It says: "{words}"' if words else ""
        match answer.status:
            case 401:
                return Refused(
                    f"{self.name} does not accept your key; store a valid one (SetAPIKey with the key type "
                    f"{self.key_kind})."
                )
            case 402:
                return Refused(
                    f"Your account at {self.name} has too few credits for this picture; buy some there."
                )
            case 403:
                return Refused(
                    f"{self.name} declines this request by its own rules; change the prompt or the "
                    f"picture.{said}"
                )
            case 404:
                return Refused(
                    f"{self.name} does not offer this model; an administrator can correct Models.{said}"
                )
            case 413:
                return about("Init Image", f"it is too large for {self.name}; take a smaller one.")
            case 429:
                return Refused(f"{self.name} was asked too often with your key; try again in a minute.")
            case status if status >= 500:
                return Refused(f"{self.name} has trouble of its own at the moment; try again later.{said}")
            case _:
                return Refused(f"{self.name} refuses the request.{said}")


def sent_seed(seed: int) -> int:
    """The seed in the range that is taken, 1..4294967294: the same one wherever it lies in there."""
    return (seed - 1) % _SEEDS + 1


def _start(work: Work, ratio: tuple[int, int] | None) -> File:
    """The initial picture filling the work's size, laid out in the shape that is drawn."""
    picture = flatten(open_picture(work.init_image or b"", "Init Image"))
    picture = cover(picture, (work.width, work.height))
    if ratio is not None:
        picture = surround(picture, ratio)
    if (short := min(picture.size)) < _LEAST_SIDE:
        times = _LEAST_SIDE / short
        picture = picture.resize((round(picture.width * times), round(picture.height * times)))
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return "start.png", out.getvalue(), "image/png"


def _words(body: bytes) -> str:
    try:
        told = msgspec.json.decode(body, type=_Trouble)
    except msgspec.MsgspecError:
        return ""
    return " ".join(told.errors) or told.name
