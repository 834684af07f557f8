"""Frames of a generation socket as reports."""

import json
from typing import Any

import pytest

from backends.contract import Loading, ModelRef, Progress, Started, Work
from backends.swarmswarmbackend.frames import (
    DECODE,
    Counters,
    Course,
    Going,
    Told,
    is_on_the_way,
    told_of,
)

WORK = Work("job:0", "ann", "s", ModelRef("one", ""), "a cat", steps=10)


def going(**fields: Any) -> Going:
    """A progress frame, as it is read from the wire."""
    frame = DECODE(
        json.dumps({"gen_progress": {"batch_index": "0", "request_id": "1001", **fields}}).encode()
    )
    assert frame.gen_progress is not None
    return frame.gen_progress


def test_counters_tell_loading_and_the_start_once() -> None:
    course = Course(WORK)
    assert course.counted(Counters(waiting_gens=1)) == []
    assert course.counted(Counters(waiting_gens=1, waiting_backends=1)) == []
    assert course.counted(Counters(waiting_gens=1, loading_models=1)) == [Loading("job:0", "one")]
    assert course.counted(Counters(waiting_gens=1, loading_models=1)) == []
    assert course.counted(Counters(waiting_gens=1, live_gens=1)) == [Started("job:0", 10)]
    assert course.counted(Counters(waiting_gens=1, live_gens=1)) == []


def test_progress_of_a_hub_of_our_kind() -> None:
    course = Course(WORK)
    assert course.going(going(step=1, steps=12, metadata="{}"), None) == [Started("job:0", 12)]
    assert course.going(going(step=1, steps=12), b"jpeg") == [Progress("job:0", 1, 12, b"jpeg")]
    assert course.going(going(step=1, steps=12), None) == []
    assert course.going(going(step=2, steps=12), None) == [Progress("job:0", 2, 12)]


def test_progress_of_a_swarmui_is_in_parts() -> None:
    course = Course(WORK)
    reports = course.going(going(overall_percent=0.0, current_percent=0.5), None)
    assert reports == [Started("job:0", 10)]
    assert course.going(going(overall_percent=0.3), b"x") == [Progress("job:0", 3, 10, b"x")]
    assert course.going(going(overall_percent=0.2), None) == []  # it never goes back
    assert course.going(going(overall_percent=1.7), None) == [Progress("job:0", 10, 10)]


def test_the_index_may_be_a_number_and_others_are_not_ours() -> None:
    course = Course(WORK)
    assert course.going(going(batch_index=0, overall_percent=0.5), None)
    assert course.going(going(batch_index="1", overall_percent=0.9), None) == []


@pytest.mark.parametrize(
    "frame",
    [
        {"keep_alive": True},
        {"status": {"waiting_gens": 1}, "backend_status": {"class": ""}, "supported_features": []},
        {"raw_swarm_data": {"params_used": ["prompt"]}},
        {"error": "No.", "limit": {"min": 0, "max": 1}, "field": "steps"},
        {"image": "data:image/png;base64,AA==", "batch_index": 3, "request_id": "1001", "metadata": None},
        {"something": {"new": 1}},
    ],
)
def test_every_frame_is_read(frame: dict[str, Any]) -> None:
    DECODE(json.dumps(frame).encode())


@pytest.mark.parametrize(
    ("index", "is_one"), [("-11", True), (-12, True), ("-1", False), ("0", False), ("x", False)]
)
def test_pictures_on_the_way(index: str | int, is_one: bool) -> None:
    assert is_on_the_way(index) is is_one


def test_notes_of_engines_are_taken_over_and_those_of_hubs_are_not() -> None:
    extra = {
        "date": "2026-11-20",
        "prep_time": "1.00 sec",
        "generation_time": "2.50 min",
        "original_prompt": "<random:a,b>",
        "used_wildcards": ["a"],
        "unknown_words": ["blorb"],
        "drawn_size": "512x512",
        "odd": {"no": "note"},
    }
    told = told_of(json.dumps({"sui_image_params": {}, "sui_extra_data": extra}))
    assert told == Told(150.0, {"unknown_words": ["blorb"], "drawn_size": "512x512"})


@pytest.mark.parametrize("text", [None, "", "no json", "[]", '{"sui_extra_data": 3}'])
def test_other_metadata_tells_nothing(text: str | None) -> None:
    assert told_of(text) == Told()
