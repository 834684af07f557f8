"""The OpenAI Images API as its reference publishes it: checks every request, draws a picture.

Source: platform.openai.com/docs/api-reference/images. It knows nothing of our engine.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.hosted.serving import Asked, FakeServer, Reply, opened, picture

_GPT = {
    *("background", "moderation", "output_compression", "output_format", "quality"),
    *("stream", "partial_images"),
}
_EVERY = {"model", "prompt", "n", "size", "user"}
_STANDARD = {"auto", "1024x1024", "1536x1024", "1024x1536"}


def error(status: int, message: str, type_: str, code: str | None = None, **headers: str) -> Reply:
    """An error in the shape all of them have."""
    told = {"error": {"message": message, "type": type_, "param": None, "code": code}}
    return Reply(
        status, json.dumps(told).encode(), {name.replace("_", "-"): v for name, v in headers.items()}
    )


class FakeImages(FakeServer):
    """`key` is the one that is accepted ("": none is asked for). `as_address` answers as servers do that
    know no base64, `breaks` ends streams before the picture. Other models than OpenAI's are drawn at any
    size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.key = "sk-ann-0123456789"
        self.as_address = False
        self.breaks = False
        self.made: Callable[[tuple[int, int]], bytes] = picture
        self.others = ("pony",)

    def answer(self, asked: Asked) -> Reply:
        """The reply to a request."""
        sent = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key and sent != self.key:
            hint = f"{sent[:6]}****{sent[-4:]}"
            text = f"Incorrect API key provided: {hint}. You can find your API key at the website."
            return error(401, text, "invalid_request_error", "invalid_api_key")
        if asked.path == "/v1/images/generations" and asked.method == "POST":
            return self._made(asked, json.loads(asked.body))
        if asked.path == "/v1/images/edits" and asked.method == "POST":
            fields = {k: v.decode() for k, v in asked.form.items() if k not in ("image", "mask")}
            return self._wrong_files(asked) or self._made(asked, fields)
        return error(404, "Unknown request URL", "invalid_request_error", "unknown_url")

    def _made(self, asked: Asked, fields: dict[str, Any]) -> Reply:
        wrong = self._wrong(fields, edit=bool(asked.form))
        if wrong is not None:
            return wrong
        if "forbidden words" in fields["prompt"]:
            text = "Your request was rejected by the safety system."
            return error(400, text, "image_generation_user_error", "moderation_blocked")
        size = fields.get("size", "auto")
        width, _, height = ("1024x1024" if size == "auto" else size).partition("x")
        data = self.made((int(width), int(height)))
        shown = (
            {"url": "http://127.0.0.1:1/x.png"}
            if self.as_address
            else {"b64_json": base64.b64encode(data).decode()}
        )
        if fields["model"] == "dall-e-3":
            shown["revised_prompt"] = "A detailed " + fields["prompt"]
        if fields.get("stream") in (True, "true"):
            return self._streamed("image_edit" if asked.form else "image_generation", fields, data)
        usage = {"total_tokens": 1100, "input_tokens": 44, "output_tokens": 1056}
        return Reply(200, json.dumps({"created": 1713833628, "data": [shown], "usage": usage}).encode())

    def _streamed(self, kind: str, fields: dict[str, Any], data: bytes) -> Reply:
        """The events of a stream: the partial images, then the finished one."""
        shown = base64.b64encode(data).decode()
        told: list[dict[str, Any]] = [
            {"type": f"{kind}.partial_image", "b64_json": shown, "partial_image_index": index}
            for index in range(int(fields.get("partial_images", 0)))
        ]
        if not self.breaks:
            usage = {"total_tokens": 1300, "input_tokens": 44, "output_tokens": 1256}
            told.append({"type": f"{kind}.completed", "b64_json": shown, "usage": usage})
        lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in told)
        return Reply(200, "".join(lines).encode(), {"content-type": "text/event-stream; charset=utf-8"})

    def _wrong(self, fields: dict[str, Any], *, edit: bool) -> Reply | None:
        model, size = fields.get("model", ""), fields.get("size", "auto")
        gpt = model.startswith(("gpt-image-", "chatgpt-image"))
        if not gpt and model not in ("dall-e-2", "dall-e-3", *self.others):
            return error(
                404, f"The model '{model}' does not exist.", "invalid_request_error", "model_not_found"
            )
        known = _EVERY | (_GPT if gpt else {"response_format", "quality", "style"})
        if edit:
            known = known - {"moderation"}
        for name in fields:
            if name not in known:
                return error(
                    400, f"Unknown parameter: '{name}'.", "invalid_request_error", "unknown_parameter"
                )
        limit = 32_000 if gpt else {"dall-e-2": 1000}.get(model, 4000)
        if not 1 <= len(fields.get("prompt", "")) <= limit:
            return error(
                400, "prompt is too long or empty", "invalid_request_error", "string_above_max_length"
            )
        if model == "dall-e-3" and (edit or int(fields.get("n", 1)) != 1):
            return error(400, "not supported by dall-e-3", "invalid_request_error", "invalid_value")
        if not self._draws(model, size):
            return error(400, f"Invalid value: '{size}'.", "invalid_request_error", "invalid_value")
        return None

    def _draws(self, model: str, size: str) -> bool:
        if model.startswith("gpt-image-2"):
            width, height = map(int, size.split("x"))
            return (
                width % 16 == height % 16 == 0
                and max(width, height) <= 3840
                and max(width, height) <= 3 * min(width, height)
                and 655_360 <= width * height <= 8_294_400
            )
        if model == "dall-e-3":
            return size in ("1024x1024", "1792x1024", "1024x1792")
        if model == "dall-e-2":
            return size in ("256x256", "512x512", "1024x1024")
        return model in self.others or size in _STANDARD

    def _wrong_files(self, asked: Asked) -> Reply | None:
        if "image" not in asked.form:
            return error(400, "Missing required parameter: 'image'.", "invalid_request_error")
        start = opened(asked.form["image"])
        if "mask" in asked.form:
            mask = opened(asked.form["mask"])
            if mask.size != start.size or mask.mode != "RGBA":
                return error(
                    400, "Invalid mask image format - mask image missing alpha channel or size differs.", "x"
                )
        return None
