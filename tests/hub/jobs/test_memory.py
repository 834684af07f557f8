"""Ended jobs are remembered for a while, by number and by weight."""

from hub.jobs.active import Active, badge
from hub.jobs.bus import Bus
from hub.jobs.events import Imaged
from hub.jobs.job import Job
from hub.jobs.keep import Kept
from hub.jobs.memory import Memory
from hub.jobs.need import need_of
from tests.hub.media.samples import request, work


def ended(name: str, url: str = "") -> Active:
    kept = Kept(request(init_image=b"x" * 1000))
    channel = Bus().channel(name, "u", "s", 1001)
    channel.say(Imaged, index=0, url=url, metadata=None)
    return Active(Job(name, "u", "s", 1001, 1, done=(0,)), kept, (work(),), channel, 1, 0.0)


def test_the_oldest_is_forgotten_first() -> None:
    memory = Memory(most_jobs=2)
    for name in "abc":
        memory.remember(ended(name))
    assert memory.get("a") is None and [active.job.id for active in memory.jobs()] == ["b", "c"]


def test_pictures_that_are_their_own_address_weigh() -> None:
    memory = Memory(most_bytes=100)
    memory.remember(ended("a", "x" * 60))
    memory.remember(ended("b", "x" * 60))
    assert memory.get("a") is None and memory.get("b") is not None
    memory.remember(ended("c", "x" * 200))
    assert list(memory.jobs()) == []


def test_start_pictures_are_let_go() -> None:
    memory = Memory()
    memory.remember(ended("a"))
    kept = memory.get("a")
    assert kept is not None and kept.kept.request.init_image is None and kept.works == ()


def test_equal_requests_have_equal_needs() -> None:
    assert need_of(request()) == need_of(request(prompt="another", seed=3))
    assert need_of(request()) != need_of(request(engine_id=3))


def test_a_badge_is_no_key() -> None:
    session = "0123456789ABCDEF" * 2 + "01234567"
    assert badge(session).startswith("01234567") and session[8:] not in badge(session)
    assert badge(session) != badge(session[:-1] + "8") and len(badge(session)) <= 64
