"""The overall word for all engines, and the status object around it."""

import json

import pytest

from backends.contract import EngineState
from hub.jobs import Counts, StatusText, status_body
from hub.jobs.status import backend_status


def engine(status: str, *, enabled: bool = True, reason: str = "") -> EngineState:
    return EngineState(0, "t", "T", status, enabled=enabled, reason=reason, features=("f",))


@pytest.mark.parametrize(
    ("states", "word", "level"),
    [
        ([], "empty", "error"),
        ([engine("disabled", enabled=False)], "all_disabled", "error"),
        ([engine("running")], "running", ""),
        ([engine("running"), engine("loading")], "some_loading", "warn"),
        ([engine("running"), engine("errored")], "running", ""),
        ([engine("loading"), engine("errored")], "loading", "soft"),
        ([engine("waiting")], "loading", "soft"),
        ([engine("errored", reason="It broke.")], "errored", "error"),
        ([engine("idle")], "idle", "warn"),
        ([engine("silent"), engine("disabled", enabled=False)], "disabled", "warn"),
        ([engine("dreaming")], "unknown", "error"),
    ],
)
def test_the_word(states: list[EngineState], word: str, level: str) -> None:
    found = backend_status(states)
    assert (found.status, found.class_) == (word, level)
    assert bool(found.message) is (word != "running")


def test_an_errored_hub_tells_the_first_reason() -> None:
    assert "It broke." in backend_status([engine("errored", reason="It broke.")]).message


def test_loading_is_told_whatever_the_word() -> None:
    assert backend_status([engine("running"), engine("waiting")]).any_loading
    assert not backend_status([engine("running"), engine("errored")]).any_loading


def test_the_frame_is_the_body_as_json() -> None:
    text = StatusText([engine("running")])
    frame = json.loads(text.frame(Counts(4, 1, 2, 3)))
    assert frame == {
        "status": {"waiting_gens": 4, "loading_models": 1, "waiting_backends": 2, "live_gens": 3},
        "backend_status": {"status": "running", "class": "", "message": "", "any_loading": False},
        "supported_features": ["f"],
    }


def test_the_body_follows_the_pools_version() -> None:
    class Engines:
        version = 1
        now = (engine("loading"),)

        def states(self) -> tuple[EngineState, ...]:
            return self.now

    pool = Engines()
    assert status_body(Counts(), pool).backend_status.status == "loading"
    pool.now = (engine("running"),)
    assert status_body(Counts(), pool).backend_status.status == "loading"
    pool.version = 2
    assert status_body(Counts(), pool).backend_status.status == "running"
