"""The OpenAI Images API: what is sent for a work, and how the answers read.

Source: platform.openai.com/docs/api-reference/images (POST images/generations with JSON, POST images/edits
with a form; pictures come as `data[0].b64_json`) and its guide to error codes ({"error": {message, type,
code}}).
"""

import base64
import binascii

import msgspec

from backends.contract import Misconfigured, RemoteModel, Work
from backends.hosted.calls import Answer, Call, text_parts
from backends.hosted.demands import check_demands
from backends.hosted.refused import Refused, about, quoted
from backends.hosted.service import Drawn
from backends.openai_api.models import Family, family_of, names_of, sizes_of
from backends.openai_api.settings import OpenAISettings
from backends.openai_api.start import start_of

_NATIVE = 1024  # pixels along a side of the square that is offered as the usual size
_NO_CREDIT = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "credit_balance_exhausted"}
)
_DECLINED = frozenset({"moderation_blocked", "content_policy_violation", "image_generation_user_error"})
_UNUSED = ["Seed", "Steps", "CFG Scale", "Sampler", "Scheduler"]


class _Picture(msgspec.Struct):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class _Usage(msgspec.Struct):
    total_tokens: int = 0


class _Event(msgspec.Struct):
    type: str = ""
    b64_json: str | None = None
    partial_image_index: int = 0


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class _Made(msgspec.Struct):
    """Of a stream the last event, which has the picture itself."""

    data: list[_Picture] = []
    usage: _Usage | None = None
    type: str = ""
    b64_json: str | None = None
    error: _Error | str | None = None


class _Trouble(msgspec.Struct):
    error: _Error | str | None = None


class OpenAIImages:
    """See hosted.Service."""

    knock = "models"

    def __init__(self, settings: OpenAISettings) -> None:
        self.settings = settings
        self.name = " ".join(settings.service_name.split())[:60] or "OpenAI"
        self.key_kind = "openai_api" if settings.needs_key else ""
        self.address = settings.address
        self._models: dict[str, tuple[str, Family]] = {}

    def models(self) -> tuple[RemoteModel, ...]:
        """Raises Misconfigured."""
        folder = self.settings.folder.strip("/ ")
        if (
            not folder
            or not all(letter.isalnum() or letter in "._-/ " for letter in folder)
            or ".." in folder
        ):
            raise Misconfigured("Folder: it needs a name of letters, digits, dots and dashes, like openai.")
        sizes = sizes_of(self.settings.sizes)
        self._models = {
            f"{folder}/{name}": (name, family_of(name, sizes)) for name in names_of(self.settings.models)
        }
        whose = f" with your own key ({self.key_kind})" if self.key_kind else ""
        return tuple(
            RemoteModel(
                name=full,
                subtype="Stable-Diffusion",
                title=name,
                author=self.name,
                description=f"Drawn by {self.name}{whose}.",
                width=usual[0],
                height=usual[1],
            )
            for full, (name, family) in self._models.items()
            for usual in (family.size((_NATIVE, _NATIVE)),)
        )

    def check(self, work: Work) -> None:
        """Raise Refused, naming the parameter, for what the model cannot honour."""
        _, family = self._models[work.model.name]
        check_demands(work, self.name, starts=family.edits, masks=family.edits, negative=False)
        if len(work.prompt) > family.letters:
            raise about("Prompt", f"{work.model.name} reads at most {family.letters} letters; shorten it.")

    def call(self, work: Work) -> Call:
        """The body for a checked work: a form when it has an initial picture."""
        name, family = self._models[work.model.name]
        size = family.size((work.width, work.height))
        fields: dict[str, str | int] = {
            "model": name,
            "prompt": work.prompt,
            "n": 1,
            "size": f"{size[0]}x{size[1]}",
        }
        if family.asks_for_base64:
            fields["response_format"] = "b64_json"
        if family.tuned:
            fields |= {"output_format": "png", "quality": self.settings.quality}
        previews = self.settings.partial_images if family.tuned and work.previews else 0
        if previews:
            fields |= {"stream": True, "partial_images": previews}
        notes: dict[str, str | int | float | bool | list[str]]
        start = start_of(work)
        if start is not None:
            notes = {"unused_by_engine": [*_UNUSED, "Init Image Creativity"]}
            parts = text_parts(**fields) + start.parts(size)
            finish = start.put_back if start.mask is not None else None
            return Call("images/edits", parts, notes=notes, finish=finish, steps=previews + 1)
        if family.tuned:
            fields["moderation"] = self.settings.moderation
        notes = {"unused_by_engine": _UNUSED}
        body = msgspec.json.encode(fields)
        return Call("images/generations", json=body, notes=notes, steps=previews + 1)

    def busy(self, answer: Answer) -> bool:
        """429 is a limit of its rate, unless it tells of an account without credit."""
        if answer.status == 503:
            return "retry-after" in answer.headers
        return answer.status == 429 and not _NO_CREDIT & _marks(_error(answer.body))

    def glimpse(self, event: bytes) -> tuple[int, bytes] | None:
        """The partial images of a stream."""
        try:
            told = msgspec.json.decode(event, type=_Event)
            if not told.type.endswith(".partial_image"):
                return None
            return told.partial_image_index + 1, base64.b64decode(told.b64_json or "", validate=True)
        except (msgspec.MsgspecError, binascii.Error, ValueError):
            return None

    def read(self, answer: Answer, key: str) -> Drawn:
        """Raises Refused for everything but a picture."""
        if answer.status != 200:
            raise self._refusal(answer, key)
        try:
            made = msgspec.json.decode(answer.body, type=_Made)
        except msgspec.MsgspecError as error:
            raise Refused(
                f"{self.name} answered with something that is no list of pictures; is the engine's address "
                "right?"
            ) from error
        if made.error is not None:
            raise self._refusal(answer, key)
        if made.type.endswith(".partial_image"):
            raise Refused(f"{self.name} ended before the picture was finished; try again.")
        picture = made.data[0] if made.data else _Picture(made.b64_json)
        if picture.b64_json is None:
            what = "an address instead of a picture" if picture.url else "no picture"
            raise Refused(f"{self.name} answered with {what}; it has to understand response_format b64_json.")
        try:
            data = base64.b64decode(picture.b64_json, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refused(f"{self.name} answered with a picture that cannot be read.") from error
        notes: dict[str, str | int | float | bool | list[str]] = {}
        if picture.revised_prompt:
            notes["revised_prompt"] = picture.revised_prompt[:4000]
        if made.usage is not None and made.usage.total_tokens:
            notes["tokens_used"] = made.usage.total_tokens
        return Drawn(data, notes)

    def _refusal(self, answer: Answer, key: str) -> Refused:
        error = _error(answer.body)
        marks, words = _marks(error), quoted(error.message or "", key)
        said = f' It says: "{words}"' if words else ""
        again = f"store a valid one (SetAPIKey with the key type {self.key_kind})"
        if marks & _DECLINED:
            return Refused(
                f"{self.name} declines this request by its own rules; change the prompt or the picture.{said}"
            )
        if marks & _NO_CREDIT or answer.status == 402:
            return Refused(
                f"Your account at {self.name} has no credit left for this picture; see its billing."
            )
        match answer.status:
            case 401 if self.key_kind:
                return Refused(f"{self.name} does not accept your key; {again}.")
            case 401:
                return Refused(f"{self.name} wants a key; an administrator can turn on Needs Key.")
            case 403:
                return Refused(f"{self.name} does not let your account do this.{said}")
            case 404:
                return Refused(f"{self.name} does not offer this model to you, or nothing is there.{said}")
            case 413:
                return about("Init Image", f"it is too large for {self.name}; take a smaller one.")
            case 429:
                return Refused(f"{self.name} was asked too often with your key; try again later.")
            case status if status >= 500:
                return Refused(f"{self.name} has trouble of its own at the moment; try again later.{said}")
            case _:
                return Refused(f"{self.name} refuses the request.{said}")


def _error(body: bytes) -> _Error:
    try:
        error = msgspec.json.decode(body, type=_Trouble).error
    except msgspec.MsgspecError:
        return _Error()
    return _Error(message=error) if isinstance(error, str) else error or _Error()


def _marks(error: _Error) -> frozenset[str]:
    """By what an error is told: newer ones by their code, older ones by their type."""
    return frozenset(str(mark) for mark in (error.type, error.code) if mark)
