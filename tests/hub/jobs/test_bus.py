"""Numbers, replay, what is held back, and a listener that breaks."""

import asyncio

from hub.jobs.bus import RING, Bus, Channel
from hub.jobs.events import Ended, Imaged, JobEvent, Progressed, Queued, Waiting


def channel(bus: Bus, *, opened: bool = True) -> Channel:
    made = bus.channel("j", "u", "s", 1001)
    made.say(Queued, images=1)
    if opened:
        made.open()
    return made


class TestNumbers:
    def test_they_count_from_one_and_previews_share_the_last(self) -> None:
        bus = Bus()
        heard: list[JobEvent] = []
        bus.listen_to_user("u", heard.append)
        job = channel(bus)
        job.say(Waiting, index=0)
        job.show(0, 1, 4, b"jpg")
        job.say(Imaged, index=0, url="x", metadata=None)
        assert [event.number for event in heard] == [1, 2, 2, 3]
        assert {(event.job, event.user, event.session, event.request_id) for event in heard} == {
            ("j", "u", "s", 1001)
        }


class TestAfterTheEnd:
    """A job that has ended is remembered for long; whoever heard it must not be."""

    def test_listeners_are_let_go_once_it_is_told(self) -> None:
        bus = Bus()
        heard: list[JobEvent] = []
        job = channel(bus, opened=False)
        leave = bus.listen_to_job(job, heard.append)
        bus.listen_to_job(job, heard.append, previews=False)
        job.say(Ended, state="done")
        assert job.listeners, "it is not told yet"
        job.open()
        assert [type(event) for event in heard] == [Queued, Queued, Ended, Ended]
        assert not job.listeners and not job.blind
        leave()

    def test_whoever_comes_late_is_told_it_again_and_not_kept(self) -> None:
        bus = Bus()
        job = channel(bus)
        job.say(Ended, state="done")
        late: list[JobEvent] = []
        assert job.replay(late.append, 0)
        bus.listen_to_job(job, late.append)()
        assert [event.number for event in late] == [1, 2] and not job.listeners


class TestWhatAKillCouldUndo:
    async def test_nothing_is_told_before_it_is_written(self) -> None:
        bus = Bus()
        heard: list[JobEvent] = []
        bus.listen_to_user("u", heard.append)
        job = channel(bus)
        first, second = (asyncio.get_running_loop().create_future() for _ in range(2))
        job.hold(first)
        job.say(Waiting, index=0)
        job.hold(second)
        job.say(Waiting, index=1)
        late: list[JobEvent] = []
        assert job.replay(late.append, 0)
        assert [event.number for event in late] == [1]
        bus.listen_to_job(job, late.append)
        first.set_result(1)
        await asyncio.sleep(0)
        assert [event.number for event in heard] == [1]
        second.set_exception(OSError("the disk is full"))
        await asyncio.sleep(0)
        assert [event.number for event in heard] == [event.number for event in late] == [1, 2, 3]
        assert bus.feeds.number("u") == 3 and second.exception()


class TestBeforeItIsDurable:
    def test_nothing_leaves(self) -> None:
        bus = Bus()
        heard: list[JobEvent] = []
        bus.listen_to_user("u", heard.append)
        job = channel(bus, opened=False)
        job.show(0, 1, 4, None)
        assert heard == []
        job.open()
        assert [type(event) for event in heard] == [Queued, Progressed]


class TestReplay:
    def test_from_a_number_on(self) -> None:
        bus = Bus()
        job = channel(bus)
        job.say(Waiting, index=0)
        heard: list[JobEvent] = []
        assert job.replay(heard.append, 1)
        assert [event.number for event in heard] == [2]

    def test_the_newest_preview_of_each_image_comes_too(self) -> None:
        job = channel(Bus())
        job.show(0, 1, 4, b"old")
        job.show(0, 2, 4, b"new")
        job.show(1, 1, 4, b"other")
        heard: list[JobEvent] = []
        job.replay(heard.append, 1)
        assert [event.preview for event in heard if isinstance(event, Progressed)] == [b"new", b"other"]

    def test_an_image_takes_its_preview_away(self) -> None:
        job = channel(Bus())
        job.show(0, 1, 4, b"old")
        job.say(Imaged, index=0, url="x", metadata=None)
        heard: list[JobEvent] = []
        job.replay(heard.append, 2)
        assert heard == []

    def test_who_is_too_far_behind_is_told_so(self) -> None:
        job = channel(Bus())
        for index in range(RING + 5):
            job.say(Waiting, index=index)
        heard: list[JobEvent] = []
        assert not job.replay(heard.append, 1) and heard == []
        assert job.replay(heard.append, job.number - 2) and len(heard) == 2


class TestOwners:
    def test_other_users_hear_nothing(self) -> None:
        bus = Bus()
        heard: list[JobEvent] = []
        bus.listen_to_user("somebody", heard.append)
        channel(bus).say(Waiting, index=0)
        assert heard == []

    def test_leaving_is_final_and_may_be_repeated(self) -> None:
        bus = Bus()
        heard: list[JobEvent] = []
        job = channel(bus)
        leaves = [bus.listen_to_user("u", heard.append), bus.listen_to_job(job, heard.append)]
        for leave in leaves * 2:
            leave()
        job.say(Waiting, index=0)
        assert heard == [] and bus.listeners_of("u") == []


class TestWhoLooks:
    def test_a_job_is_watched_while_somebody_looks(self) -> None:
        told: list[tuple[str, str | None]] = []
        bus = Bus(lambda user, job: told.append((user, job)))
        job = channel(bus)
        seen = [job.watched]
        blind = bus.listen_to_job(job, lambda event: None, previews=False)
        seen.append(job.watched)
        leave = bus.listen_to_user("u", lambda event: None)
        seen.append(job.watched)
        leave()
        seen.append(job.watched)
        leave = bus.listen_to_job(job, lambda event: None)
        blind()
        seen.append(job.watched)
        leave()
        seen.append(job.watched)
        assert seen == [False, False, True, False, True, False]
        assert told == [("u", "j"), ("u", None), ("u", None), ("u", "j"), ("u", "j"), ("u", "j")]

    def test_a_broken_listener_looks_no_more(self) -> None:
        bus = Bus()
        job = channel(bus)

        def broken(event: JobEvent) -> None:
            raise RuntimeError("broken")

        bus.listen_to_job(job, broken, previews=True)
        bus.listen_to_user("u", broken, previews=False)
        job.say(Waiting, index=0)
        job.say(Waiting, index=1)
        assert not job.watched


def test_a_listener_that_raises_is_dropped_and_costs_the_others_nothing() -> None:
    bus = Bus()
    heard: list[JobEvent] = []

    def broken(event: JobEvent) -> None:
        raise RuntimeError("broken")

    job = channel(bus)
    bus.listen_to_job(job, broken)
    bus.listen_to_user("u", broken)
    bus.listen_to_user("u", heard.append)
    job.say(Waiting, index=0)
    job.say(Waiting, index=1)
    assert len(heard) == 2 and job.listeners == [] and bus.listeners_of("u") == [heard.append]
