"""Where a prompt stands on the server, read from the answers of its routes (comfyui-protocol §1, §3.2). Pure.

Servers differ: since 0.5.1 one route tells all, before it takes the history and the queue; 0.8.0 calls an
interrupted job failed.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from backends.comfyui_api.complaints import broken_words
from backends.comfyui_api.frames import File, Output, read_output

Stand = Literal["absent", "pending", "running", "completed", "failed", "cancelled"]


class JobState(Struct, frozen=True):
    """Where a prompt stands. `outputs` are the nodes' of a completed one, `reason` a failed one's sentence
    for the user, `retry` whether another try may help.
    """

    stand: Stand
    outputs: Mapping[str, Output] = {}
    reason: str = ""
    retry: bool = False

    def files(self, node: str) -> tuple[File, ...]:
        """The pictures a node left."""
        found = self.outputs.get(node)
        return found.images if found is not None else ()


ABSENT = JobState("absent")
PENDING = JobState("pending")
RUNNING = JobState("running")


class _Status(Struct):
    status_str: str = ""
    messages: list[tuple[str, Raw]] = []


class _Job(Struct):
    status: str = ""
    outputs: dict[str, Raw] = {}
    execution_status: _Status | None = None


class _Entry(Struct):
    outputs: dict[str, Raw] = {}
    status: _Status | None = None


class _Queue(Struct):
    queue_running: list[list[Any]] = []
    queue_pending: list[list[Any]] = []


class _Error(Struct):
    node_type: str | None = None
    exception_type: str | None = None
    exception_message: str | None = None


_STANDS: Mapping[str, Stand] = {
    "pending": "pending",
    "in_progress": "running",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


def read_job(body: bytes) -> JobState:
    """The answer of `GET /api/jobs/{id}`. Raises msgspec.MsgspecError for one that cannot be read."""
    job = msgspec.json.decode(body, type=_Job)
    stand = _STANDS.get(job.status, "running")
    if stand in ("pending", "running"):
        return JobState(stand)
    ended = _ended(job.outputs, job.execution_status)
    if ended.stand == "completed" and stand != "completed":
        return JobState(stand, reason=broken_words("", "", "")[0], retry=True)
    return ended


def read_history(body: bytes, prompt: str) -> JobState:
    """The answer of `GET /history/{id}`; absent also means pending or running there."""
    entries = msgspec.json.decode(body, type=dict[str, _Entry])
    entry = entries.get(prompt)
    return ABSENT if entry is None else _ended(entry.outputs, entry.status)


def read_queue(body: bytes, prompt: str) -> JobState:
    """The answer of `GET /queue`, about one prompt."""
    queue = msgspec.json.decode(body, type=_Queue)
    if any(len(item) > 1 and item[1] == prompt for item in queue.queue_running):
        return RUNNING
    return PENDING if any(len(item) > 1 and item[1] == prompt for item in queue.queue_pending) else ABSENT


def _ended(outputs: Mapping[str, Raw], status: _Status | None) -> JobState:
    messages = dict(status.messages) if status is not None else {}
    if "execution_interrupted" in messages:
        return JobState("cancelled")
    if "execution_error" in messages or (status is not None and status.status_str == "error"):
        reason, retry = _reason(messages.get("execution_error"))
        return JobState("failed", reason=reason, retry=retry)
    read = {node: read_output(raw) for node, raw in outputs.items()}
    return JobState("completed", {node: output for node, output in read.items() if output is not None})


def _reason(message: Raw | None) -> tuple[str, bool]:
    try:
        error = msgspec.json.decode(message, type=_Error) if message is not None else _Error()
    except msgspec.MsgspecError:
        error = _Error()
    return broken_words(error.node_type or "", error.exception_type or "", error.exception_message or "")
