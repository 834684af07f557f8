"""The server's door as an ASGI application: every route bare and under /api, answers as recorded."""

import io
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from PIL import Image

from tests.comfy.files import ANNOTATED, FOLDERS, Outside
from tests.comfy.jobs import job, listing
from tests.comfy.refusals import judge
from tests.comfy.server import Server, new_id, now
from tests.comfy.uploads import upload

MOST_BYTES = 100 * 2**20
TROUBLE = (500, "text/plain; charset=utf-8", b"500 Internal Server Error\n\nServer got itself in trouble")
EMPTY = (200, "", b"")
Answer = tuple[int, str, bytes]


class TooLargeError(Exception):
    """A body over the server's limit."""


@dataclass(frozen=True)
class Call:
    """A request, read whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body. Raises ValueError."""
        return json.loads(self.body)


async def answer(server: Server, call: Call) -> Answer:
    """What the server says to a request; anything it trips over is a 500 in plain text."""
    path = call.path
    if path.startswith("/api/") and not path.startswith("/api/jobs"):
        path = path.removeprefix("/api")
    head, _, rest = path.strip("/").partition("/")
    try:
        if path.startswith("/api/jobs"):
            return _jobs(server, call, path.removeprefix("/api/jobs").strip("/"))
        handler = ROUTES.get((call.method, head))
        if handler is None:
            return (
                (405, "text/plain; charset=utf-8", b"405: Method Not Allowed")
                if call.method != "GET"
                else _absent()
            )
        return handler(server, call, unquote(rest))
    except Outside:
        return 400, "", b""
    except Exception:
        return TROUBLE


def _prompt(server: Server, call: Call, _rest: str) -> Answer:
    """POST /prompt: judge, then queue."""
    body = call.json()
    if "prompt" not in body:
        return _refused("no_prompt", "No prompt provided", "No prompt provided")
    number = server.next_number(body.get("number"), front=bool(body.get("front")))
    prompt_id = str(body.get("prompt_id") or new_id())
    if server.settings.since(0, 24) and not _canonical(prompt_id):
        words = "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
        words += "omit it to let the server generate one"
        return _refused("invalid_prompt_id", "prompt_id must be a valid UUID", words)
    graph = body["prompt"]
    verdict = judge(
        graph,
        server.told(),
        lambda name: server.files.named(name) is not None,
        body.get("partial_execution_targets"),
        old=not server.settings.since(0, 20),
    )
    if verdict.error is not None:
        return _json({"error": verdict.error, "node_errors": verdict.node_errors}, 400)
    extra = dict(body.get("extra_data") or {})
    if "client_id" in body:
        extra["client_id"] = body["client_id"]
    extra["create_time"] = now()
    server.put((number, prompt_id, graph, extra, verdict.outputs))
    return _json({"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors})


def _count(server: Server, _call: Call, _rest: str) -> Answer:
    return _json({"exec_info": {"queue_remaining": server.remaining()}})


def _queue(server: Server, _call: Call, _rest: str) -> Answer:
    running = [server.running] if server.running is not None else []
    return _json({"queue_running": running, "queue_pending": [item for _, _, item in server.pending]})


def _change_queue(server: Server, call: Call, _rest: str) -> Answer:
    body = call.json()
    if body.get("clear"):
        server.clear()
    for prompt_id in body.get("delete", ()):
        server.drop([prompt_id])
    return EMPTY


def _interrupt(server: Server, call: Call, _rest: str) -> Answer:
    body = call.json() if call.body else {}
    server.stop(body.get("prompt_id"))
    return EMPTY


def _history(server: Server, call: Call, rest: str) -> Answer:
    if rest:
        return _json({rest: server.history[rest]} if rest in server.history else {})
    names = list(server.history)
    most, offset = int(call.query.get("max_items", len(names))), int(call.query.get("offset", -1))
    chosen = names[-most:] if offset < 0 and most else names[max(offset, 0) :][:most]
    return _json({name: server.history[name] for name in chosen})


def _change_history(server: Server, call: Call, _rest: str) -> Answer:
    body = call.json()
    if body.get("clear"):
        server.history.clear()
    for prompt_id in body.get("delete", ()):
        server.history.pop(prompt_id, None)
    return EMPTY


def _jobs(server: Server, call: Call, rest: str) -> Answer:
    if call.method == "POST":
        if not server.settings.since(0, 25):
            return 405, "text/plain; charset=utf-8", b"405: Method Not Allowed"
        return _cancel(server, call, rest)
    if not server.settings.since(0, 5, 1):
        return _absent()
    if not rest:
        jobs = [j for j in listing(server) if j["status"] in call.query.get("status", j["status"]).split(",")]
        limit, offset = int(call.query.get("limit", len(jobs))), int(call.query.get("offset", 0))
        page = jobs[offset:][:limit]
        more = {"offset": offset, "limit": call.query.get("limit"), "total": len(jobs)}
        return _json({"jobs": page, "pagination": {**more, "has_more": offset + len(page) < len(jobs)}})
    found = job(server, rest)
    return _json({"error": "Job not found"}, 404) if found is None else _json(found)


def _cancel(server: Server, call: Call, rest: str) -> Answer:
    if rest == "cancel":
        ids = call.json()["job_ids"]
        wrong = [name for name in ids if not _canonical(name)]
        if wrong:
            return _json({"error": "Invalid job ids", "invalid_ids": wrong}, 400)
        return _json({"cancelled": any([server.cancel(name) for name in ids])})
    return _json({"cancelled": server.cancel(rest.removesuffix("/cancel"))})


def _object_info(server: Server, _call: Call, rest: str) -> Answer:
    told = server.told()
    if not rest:
        return _json(told)
    return _json({rest: told[rest]} if rest in told else {})


def _models(server: Server, _call: Call, rest: str) -> Answer:
    if not rest:
        return _json(list(server.settings.models))
    return _json(list(server.settings.models[rest])) if rest in server.settings.models else _absent()


def _experiment(server: Server, _call: Call, rest: str) -> Answer:
    names = server.settings.models.get(rest.removeprefix("models").strip("/"), ())
    about = {"pathIndex": 0, "modified": 1795183710.0, "created": 1795183730.0, "size": 628389126}
    return _json([{"name": name, **about} for name in names])


def _view_metadata(server: Server, call: Call, rest: str) -> Answer:
    if call.query.get("filename", "") not in server.settings.models.get(rest, ()):
        return _absent()
    return _json({"modelspec.title": call.query["filename"]})


def _embeddings(server: Server, _call: Call, _rest: str) -> Answer:
    return _json([name.rpartition(".")[0] for name in server.settings.models.get("embeddings", ())])


def _features(server: Server, _call: Call, _rest: str) -> Answer:
    return _json(features(server))


def features(server: Server) -> dict[str, Any]:
    """The server's own flags."""
    told = {
        "supports_preview_metadata": True,
        "max_upload_size": MOST_BYTES,
        "extension": {"manager": {"supports_v4": True}},
    }
    if server.settings.since(0, 9):
        told |= {"supports_model_type_tags": True, "node_replacements": True, "assets": False}
    return told


def _system_stats(server: Server, _call: Call, _rest: str) -> Answer:
    system = {
        "os": "linux",
        "ram_total": 25276510208,
        "ram_free": 22803587072,
        "comfyui_version": server.settings.version,
        "python_version": "3.11.7",
        "pytorch_version": "2.13.0+cpu",
        "embedded_python": False,
        "argv": ["/comfyui/main.py", "--cpu"],
    }
    memory = {"vram_total": 25276510208, "vram_free": 22803587072}
    device = {
        "name": "cpu",
        "type": "cpu",
        "index": None,
        **memory,
        **{f"torch_{k}": v for k, v in memory.items()},
    }
    return _json({"system": system, "devices": [device]})


def _free(server: Server, call: Call, _rest: str) -> Answer:
    asked = call.json()
    server.freed.append(asked)
    if asked.get("free_memory"):
        server.cache.clear()
    return EMPTY


def _upload(server: Server, call: Call, rest: str) -> Answer:
    told = upload(server.files, call.headers["content-type"], call.body, mask=rest == "mask")
    return (400, "", b"") if told is None else _json(told)


def _view(server: Server, call: Call, _rest: str) -> Answer:
    name = call.query.get("filename")
    if name is None:
        return _absent()
    folder = call.query.get("type", "output")
    marked = ANNOTATED.match(name)
    if marked:
        name, folder = marked["name"], marked["type"]
    if name.startswith("/") or ".." in name or folder not in FOLDERS:
        return 400, "", b""
    subfolder = call.query.get("subfolder", "")
    if subfolder.startswith(("/", "..")):
        return 403, "", b""
    data = server.files.read(folder, subfolder, name)
    if data is None:
        return _absent()
    return _converted(data, call.query.get("preview"), call.query.get("channel", "rgba"))


def _converted(data: bytes, form: str | None, channel: str) -> Answer:
    picture, out = Image.open(io.BytesIO(data)), io.BytesIO()
    if form is not None:
        kind, _, quality = form.partition(";")
        kind = kind if kind in ("webp", "jpeg") else "webp"
        picture.convert("RGB").save(out, kind, quality=int(quality or 90))
        return 200, f"image/{kind}", out.getvalue()
    if channel == "rgb":
        picture.convert("RGB").save(out, "PNG")
    elif channel == "a":
        alone = Image.new("RGBA", picture.size)
        alone.putalpha(picture.convert("RGBA").getchannel("A"))
        alone.save(out, "PNG")
    else:
        return 200, "image/png", data
    return 200, "image/png", out.getvalue()


def _canonical(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _refused(kind: str, message: str, details: str) -> Answer:
    error = {"type": kind, "message": message, "details": details, "extra_info": {}}
    return _json({"error": error, "node_errors": {}}, 400)


def _json(body: Any, status: int = 200) -> Answer:
    return status, "application/json; charset=utf-8", json.dumps(body).encode()


def _absent() -> Answer:
    return 404, "", b""


ROUTES: Mapping[tuple[str, str], Callable[[Server, Call, str], Answer]] = {
    ("POST", "prompt"): _prompt,
    ("GET", "prompt"): _count,
    ("GET", "queue"): _queue,
    ("POST", "queue"): _change_queue,
    ("POST", "interrupt"): _interrupt,
    ("GET", "history"): _history,
    ("POST", "history"): _change_history,
    ("GET", "object_info"): _object_info,
    ("GET", "models"): _models,
    ("GET", "experiment"): _experiment,
    ("GET", "view_metadata"): _view_metadata,
    ("GET", "embeddings"): _embeddings,
    ("GET", "features"): _features,
    ("GET", "system_stats"): _system_stats,
    ("POST", "free"): _free,
    ("POST", "upload"): _upload,
    ("GET", "view"): _view,
}

Receive = Callable[[], Awaitable[Any]]


def read_call(scope: Mapping[str, Any], body: bytes) -> Call:
    """A request as the routes want it."""
    query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode(), True).items()}
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope.get("raw_path", scope["path"].encode()).decode("ascii").partition("?")[0]
    return Call(scope.get("method", "GET"), path, query, headers, body)
