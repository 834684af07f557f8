"""Where a prompt stands, read from the routes of newer and older servers."""

import msgspec
import pytest

from backends.comfyui_api.frames import File
from backends.comfyui_api.states import read_history, read_job, read_queue

IMAGES = {"9": {"images": [{"filename": "hub_00001_.png", "subfolder": "hub", "type": "output"}]}}


def job(status: str, messages: object = (), outputs: object = IMAGES, **more: object) -> bytes:
    done = status == "completed"
    execution = {"status_str": "success" if done else "error", "completed": done, "messages": messages}
    told = {"id": "p", "status": status, "outputs": outputs, "execution_status": execution}
    return msgspec.json.encode(told | more)


@pytest.mark.parametrize(("status", "stand"), [("pending", "pending"), ("in_progress", "running")])
def test_a_job_on_its_way(status: str, stand: str) -> None:
    assert read_job(msgspec.json.encode({"id": "p", "status": status, "priority": 1})).stand == stand


def test_a_completed_job_has_its_files() -> None:
    state = read_job(job("completed", [["execution_start", {}], ["execution_success", {}]]))
    assert state.stand == "completed"
    assert state.files("9") == (File("hub_00001_.png", "hub", "output"),)
    assert state.files("8") == ()


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_an_interrupted_job_is_cancelled_whatever_its_server_calls_it(status: str) -> None:
    messages = [["execution_start", {}], ["execution_interrupted", {"node_type": "KSampler"}]]
    assert read_job(job(status, messages, {})).stand == "cancelled"


def test_a_failed_job_says_why_in_words() -> None:
    error = {"node_type": "VAEEncode", "exception_type": "RuntimeError", "exception_message": "bad '/srv/x'"}
    state = read_job(job("failed", [["execution_error", error]], {}))
    assert state.stand == "failed"
    assert "VAEEncode" in state.reason
    assert "/srv" not in state.reason


def test_outputs_that_are_no_pictures_hide_nothing() -> None:
    outputs = IMAGES | {"5": {"text": ["a"]}, "6": None, "7": {"images": "x"}, "8": {"images": [None]}}
    state = read_job(job("completed", outputs=outputs))
    assert state.stand == "completed"
    assert len(state.files("9")) == 1


def test_the_history_tells_the_same() -> None:
    status = {"status_str": "success", "completed": True, "messages": []}
    body = msgspec.json.encode({"p": {"prompt": [0, "p", {}, {}, []], "outputs": IMAGES, "status": status}})
    assert read_history(body, "p").files("9")
    assert read_history(b"{}", "p").stand == "absent"


def test_the_queue_tells_waiting_from_running() -> None:
    item = [0, "p", {}, {"client_id": "c"}, ["9"]]
    for queue, stand in (
        ({"queue_running": [item], "queue_pending": []}, "running"),
        ({"queue_running": [], "queue_pending": [[1, "q", {}, {}, []], item]}, "pending"),
        ({"queue_running": [], "queue_pending": []}, "absent"),
    ):
        assert read_queue(msgspec.json.encode(queue), "p").stand == stand
