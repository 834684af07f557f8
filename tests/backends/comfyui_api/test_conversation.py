"""One prompt's conversation: the recorded orders of frames, and what they mean for a work."""

from itertools import pairwise

from backends.comfyui_api.conversation import Conversation, Failure, Finished, Stopped
from backends.comfyui_api.frames import File, Output, Picture, Text
from backends.comfyui_api.graph import Graph, Pass
from backends.contract import Alive, Loading, Progress, Report, Started

JPEG, OTHER = b"\xff\xd8\xff one", b"\xff\xd8\xff two"
PNG = b"\x89PNG\r\n\x1a\n result"
NODES = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {}},
    "3": {"class_type": "KSampler", "inputs": {}},
    "13": {"class_type": "KSampler", "inputs": {}},
    "8": {"class_type": "VAEDecode", "inputs": {}},
    "9": {"class_type": "SaveImageWebsocket", "inputs": {}},
}


def talk(*passes: Pass, by_socket: bool = True, watched: bool = True) -> Conversation:
    graph = Graph(nodes=NODES, output="9", by_socket=by_socket, passes=passes or (Pass("3", 3),))
    return Conversation("w", "m", graph, watched)


def say(to: Conversation, kind: str, now: float = 0.0, **more: object) -> tuple[Report, ...]:
    return to.hear(Text(kind, "p", **more), now)  # type: ignore[arg-type]


def run(to: Conversation, node: str | None, now: float = 0.0) -> tuple[Report, ...]:
    return say(to, "executing", now, node=node)


def step(
    to: Conversation, value: float, most: float = 3, node: str = "3", now: float = 0.0
) -> tuple[Report, ...]:
    return say(to, "progress", now, node=node, value=value, max=most)


def test_a_whole_run_with_metadata_becomes_the_reports_of_one_work() -> None:
    one = talk()
    assert say(one, "execution_start", 1.0) == (Alive("w"),)
    assert say(one, "execution_cached", 1.0) == ()
    assert run(one, "4", 1.0) == (Loading("w", "m"),)
    assert run(one, "3", 3.0) == (Started("w", 3),)
    assert one.hear(Picture(JPEG, "p", "3"), 4.0) == ()
    assert step(one, 1, now=4.0) == (Progress("w", 1, 3, JPEG),)
    assert step(one, 2, now=5.0) == (Progress("w", 2, 3, None),)
    assert one.hear(Picture(OTHER, "p", "3"), 6.0) == ()
    assert step(one, 3, now=6.0) == (Progress("w", 3, 3, OTHER),)
    assert run(one, "8", 6.0) == ()
    assert run(one, "9", 7.0) == ()
    assert one.hear(Picture(PNG, "p", "9"), 7.0) == ()
    assert step(one, 0, 1, node="9", now=7.0) == ()
    assert say(one, "execution_success", 7.0) == ()
    assert not one.over  # the history does not have it yet
    assert run(one, None, 7.5) == ()
    assert one.ending == Finished(pictures=(PNG,))
    assert (one.load_seconds, one.draw_seconds) == (2.0, 4.5)


def test_pictures_without_metadata_belong_to_the_node_that_runs() -> None:
    one = talk()
    say(one, "execution_start")
    run(one, "3")
    assert step(one, 1, now=1.0) == (Progress("w", 1, 3, None),)
    assert one.hear(Picture(JPEG), 1.0) == (Progress("w", 1, 3, JPEG),)
    run(one, "9", 2.0)
    assert one.hear(Picture(PNG), 2.0) == ()
    run(one, None, 2.0)
    assert one.ending == Finished(pictures=(PNG,))


def test_of_quick_previews_only_the_newest_is_handed_on_and_never_two_within_50_ms() -> None:
    one = talk(Pass("3", 100))
    run(one, "3")
    handed = []
    for at in range(100):
        now = at / 64  # seconds that a float holds exactly
        one.hear(Picture(JPEG + str(at).encode(), "p", "3"), now)
        for report in step(one, at + 1, 100, now=now):
            assert isinstance(report, Progress)
            if report.preview is not None:
                handed.append((now, report.preview))
    assert len(handed) == 25
    assert all(later - earlier >= 0.05 for (earlier, _), (later, _) in pairwise(handed))
    assert all(data == JPEG + str(round(now * 64)).encode() for now, data in handed)


def test_nobody_watching_means_steps_without_pictures() -> None:
    one = talk(watched=False)
    run(one, "3")
    one.hear(Picture(JPEG, "p", "3"), 1.0)
    assert step(one, 1, now=1.0) == (Progress("w", 1, 3, None),)
    one.watched = True
    one.hear(Picture(OTHER, "p", "3"), 2.0)
    assert step(one, 2, now=2.0) == (Progress("w", 2, 3, OTHER),)


def test_two_passes_count_as_one_walk_and_other_nodes_not_at_all() -> None:
    one = talk(Pass("3", 4), Pass("13", 2))
    run(one, "3")
    assert [r.step for r in step(one, 4, 4, "3") if isinstance(r, Progress)] == [4]
    assert step(one, 7, 10, "8") == ()
    assert [(r.step, r.steps) for r in step(one, 1, 2, "13") if isinstance(r, Progress)] == [(5, 6)]
    assert step(one, 1, 4, "3") == ()  # never backwards


def test_throttled_progress_is_no_count_of_frames() -> None:
    one = talk(Pass("3", 20))
    run(one, "3")
    steps = [r.step for value in (1, 3, 9, 20) for r in step(one, value, 20) if isinstance(r, Progress)]
    assert steps == [1, 3, 9, 20]


def test_a_workflow_of_somebody_elses_counts_whatever_counts() -> None:
    one = Conversation("w", "m", Graph(nodes=NODES, output="9", by_socket=False))
    run(one, "3")
    reports = [*step(one, 1, 2, "3"), *step(one, 2, 2, "3"), *step(one, 1, 4, "13")]
    assert reports[0] == Started("w", 2)
    assert [(r.step, r.steps) for r in reports[1:] if isinstance(r, Progress)] == [(1, 2), (2, 2), (3, 6)]


def test_a_run_from_the_servers_memory_starts_and_finishes_at_once() -> None:
    one = talk(by_socket=False)
    say(one, "execution_start")
    say(one, "execution_cached")
    say(one, "executed", node="9", output=Output((File("old.png", "hub"),)))
    say(one, "execution_success")
    assert run(one, None) == (Started("w", 3),)
    assert one.ending == Finished(files=(File("old.png", "hub"),))


def test_an_error_ends_with_the_last_frame_in_words_without_the_servers_paths() -> None:
    one = talk()
    run(one, "3")
    message = "cannot open '/srv/models/x.bin'\nmore"
    say(
        one, "execution_error", node_type="KSampler", exception_type="a.ValueError", exception_message=message
    )
    assert not one.over
    run(one, None)
    assert isinstance(one.ending, Failure)
    assert "KSampler" in one.ending.reason
    assert "ValueError" in one.ending.reason
    assert "/srv" not in one.ending.reason


def test_out_of_memory_may_be_tried_again() -> None:
    one = talk()
    say(one, "execution_error", node_type="VAEDecode", exception_type="torch.OutOfMemoryError")
    run(one, None)
    assert isinstance(one.ending, Failure)
    assert one.ending.retry
    assert "memory" in one.ending.reason


def test_an_interruption_is_its_own_end_and_later_frames_say_nothing() -> None:
    one = talk()
    run(one, "3")
    say(one, "execution_interrupted")
    run(one, None)
    assert one.ending == Stopped()
    assert step(one, 3) == ()
    assert one.ending == Stopped()
