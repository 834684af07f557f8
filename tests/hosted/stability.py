"""Stability AI's v2beta Stable Image API as its reference publishes it: checks every form, draws a picture.

Source: platform.stability.ai/docs/api-reference. It knows nothing of our engine.
"""

import json
import math

from tests.hosted.serving import Asked, FakeServer, Reply, opened, picture

RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
STYLES = ("3d-model", "analog-film", "anime", "cinematic", "photographic", "pixel-art")
_EVERY = {"prompt", "negative_prompt", "aspect_ratio", "seed", "output_format", "style_preset"}
FIELDS = {
    "core": _EVERY,
    "ultra": _EVERY | {"image", "strength"},
    "sd3": _EVERY | {"image", "strength", "mode", "model", "cfg_scale"},
}
MODELS = ("sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash")


def error(status: int, name: str, *errors: str, **headers: str) -> Reply:
    """An error in the shape all of them have."""
    return Reply(status, json.dumps({"id": "a1b2", "name": name, "errors": errors}).encode(), headers)


class FakeStability(FakeServer):
    """`keys` maps accepted keys to the pictures their accounts can still pay for."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, int] = {"sk-ann": 100}
        self.finish = "SUCCESS"

    def answer(self, asked: Asked) -> Reply:
        """The reply to a request."""
        key = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in self.keys:
            return error(401, "unauthorized", "authorization: invalid or missing header value")
        base, _, model = asked.path.rpartition("/")
        if asked.method != "POST" or base != "/v2beta/stable-image/generate" or model not in FIELDS:
            return error(404, "not_found", "The requested resource does not exist.")
        wrong = list(self._wrong(model, asked))
        if wrong:
            return error(400, "bad_request", *wrong)
        if "forbidden words" in (asked.text("prompt") or ""):
            return error(
                403, "content_moderation", "Your request was flagged by our content moderation system."
            )
        if self.keys[key] < 1:
            return error(402, "payment_required", "You lack sufficient credits to make this request.")
        self.keys[key] -= 1
        seed = asked.text("seed") or "0"
        kind = asked.text("output_format") or "png"
        headers = {"content-type": f"image/{kind}", "finish-reason": self.finish, "seed": seed}
        return Reply(200, picture(self._size(model, asked), kind=kind.upper()), headers)

    def _wrong(self, model: str, asked: Asked) -> list[str]:
        form, wrong = asked.form, []
        if asked.headers.get("accept") not in ("image/*", "application/json"):
            wrong.append("accept: must be image/* or application/json")
        wrong += [f"{name}: unknown field" for name in form if name not in FIELDS[model]]
        if not 1 <= len(asked.text("prompt") or "") <= 10_000:
            wrong.append("prompt: must have 1 to 10000 characters")
        if not (asked.text("seed") or "0").isdigit() or int(asked.text("seed") or 0) > 4294967294:
            wrong.append("seed: must be between 0 and 4294967294")
        if (asked.text("output_format") or "png") not in ("png", "jpeg", "webp"):
            wrong.append("output_format: unknown")
        if (asked.text("aspect_ratio") or "1:1") not in RATIOS:
            wrong.append("aspect_ratio: unknown")
        if "image" in form and "strength" not in form:
            wrong.append("strength: is required with an image")
        if "strength" in form and not 0 <= float(form["strength"]) <= 1:
            wrong.append("strength: must be between 0 and 1")
        if "image" in form and min(opened(form["image"]).size) < 64:
            wrong.append("image: must be at least 64 pixels wide and high")
        return wrong + (self._wrong_family(asked) if model == "sd3" else [])

    def _wrong_family(self, asked: Asked) -> list[str]:
        wrong = []
        mode, name = asked.text("mode") or "text-to-image", asked.text("model") or "sd3.5-large"
        if name not in MODELS:
            wrong.append("model: unknown")
        if mode not in ("text-to-image", "image-to-image"):
            wrong.append("mode: unknown")
        if (mode == "image-to-image") != ("image" in asked.form):
            wrong.append("image: goes with the mode image-to-image, and only with it")
        if mode == "image-to-image" and "aspect_ratio" in asked.form:
            wrong.append("aspect_ratio: is only for text-to-image")
        if "turbo" in name and "negative_prompt" in asked.form:
            wrong.append("negative_prompt: does not work with this model")
        if not 1 <= float(asked.text("cfg_scale") or 4) <= 10:
            wrong.append("cfg_scale: must be between 1 and 10")
        return wrong

    def _size(self, model: str, asked: Asked) -> tuple[int, int]:
        """About a megapixel in the shape asked for (1.5 for core), in steps of 64 pixels; small here."""
        if model == "sd3" and "image" in asked.form:
            return opened(asked.form["image"]).size
        width, _, height = (asked.text("aspect_ratio") or "1:1").partition(":")
        area, shape = (384 * 256 if model == "core" else 256 * 256), int(width) / int(height)
        return round(math.sqrt(area * shape) / 16) * 16, round(math.sqrt(area / shape) / 16) * 16
