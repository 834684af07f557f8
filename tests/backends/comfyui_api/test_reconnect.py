"""What becomes of works when the connection, the server or the hub goes away under them."""

import asyncio

import pytest

from backends.comfyui_api import attempt, life, link
from backends.contract import Done, Failed, Image, Progress, Unreachable
from tests.backends.comfyui_api.bench import Bench, Settings, settled, talking
from tests.backends.comfyui_api.wire import wired
from tests.comfy.serving import serving

FILES = ("SaveImageWebsocket",)
"""Without it pictures are left as files on the server."""


def drawn(comfy) -> int:
    """How many prompts the server has begun."""
    return len(comfy.memory.started)


async def test_a_lost_socket_costs_no_second_drawing_of_what_is_left_as_a_file() -> None:
    settings = Settings(without=FILES, step_seconds=0.03)
    async with serving(settings) as comfy, wired(comfy.port) as wire:
        bench = Bench(wire.url)
        await bench.begin()
        work = bench.submit(steps=20)
        await bench.until(lambda: bench.of(Progress, work))
        wire.cut_sockets()
        await bench.ended(work)
        assert bench.of(Done, work)
        assert drawn(comfy) == 1
        await bench.end()


async def test_a_lost_socket_costs_one_more_asking_of_what_only_went_over_it() -> None:
    async with serving(Settings(step_seconds=0.03)) as comfy, wired(comfy.port) as wire:
        bench = Bench(wire.url)
        await bench.begin()
        first, second = bench.submit("a:0", steps=20), bench.submit("a:1", steps=3)
        await bench.until(lambda: bench.of(Progress, first))
        wire.cut_sockets()
        await bench.ended(first, second)
        assert bench.of(Done, first)
        assert bench.of(Done, second)
        assert len(bench.of(Image)) == 2
        clients = {item[3]["client_id"] for item in comfy.memory.taken}
        assert len(clients) == 2  # a fresh id for each connection
        await bench.end()


async def test_a_socket_that_brings_nothing_any_more_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "_POLL", 0.3)
    monkeypatch.setattr(attempt, "_LATE", 0.2)
    async with serving(Settings(step_seconds=0.02)) as comfy, wired(comfy.port) as wire:
        bench = Bench(wire.url)
        await bench.begin()
        work = bench.submit(steps=10)
        await bench.until(lambda: bench.of(Progress, work))
        wire.silence()
        await bench.ended(work)
        assert bench.of(Done, work)
        await bench.end()


async def test_a_restarted_server_is_asked_again_once() -> None:
    async with serving(Settings(step_seconds=0.03)) as comfy, talking(comfy) as bench:
        works = [bench.submit(f"a:{number}", steps=15, seed=number) for number in range(2)]
        await bench.until(lambda: bench.of(Progress))
        await comfy.restart(0.3)
        await bench.ended(*works)
        assert sorted(one.id for one in bench.of(Done)) == works
        assert not bench.over


async def test_a_server_that_dies_of_a_work_gets_it_no_third_time() -> None:
    async with serving(Settings(step_seconds=0.05)) as comfy, talking(comfy) as bench:
        work = bench.submit(steps=100)
        for _ in range(2):
            await settled(lambda: comfy.memory.running, 10)
            await comfy.restart()
        await bench.ended(work)
        assert bench.of(Failed, work)[0].retry
        assert "restarted" in bench.of(Failed, work)[0].reason


async def test_a_server_that_stays_away_ends_the_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_BRIDGED", 1.0)
    async with serving(Settings(step_seconds=0.05)) as comfy, talking(comfy) as bench:
        work = bench.submit(steps=100)
        await bench.until(lambda: bench.of(Progress, work))
        await comfy.kill()
        await bench.ended(work)
        assert bench.over
        assert isinstance(bench.life.exception(), Unreachable)
        assert not bench.ends(work)  # the hub gives it to another engine


async def test_a_prompt_whose_answer_was_lost_is_not_posted_twice() -> None:
    async with serving(Settings(step_seconds=0.02)) as comfy, wired(comfy.port) as wire:
        bench = Bench(wire.url)
        await bench.begin()
        wire.lose_answers = 1
        work = bench.submit()
        await bench.ended(work)
        assert bench.of(Done, work)
        assert len({item[1] for item in comfy.memory.taken}) == len(comfy.memory.taken)
        assert sum(1 for item in comfy.memory.taken if item[1] == comfy.memory.taken[0][1]) == 1
        await bench.end()


@pytest.mark.parametrize("version", ["0.33.0", "0.8.0", "0.4.0"])
async def test_a_restarted_hub_fetches_what_was_finished_meanwhile(version: str) -> None:
    async with serving(Settings(version=version, without=FILES, step_seconds=0.02)) as comfy:
        async with talking(comfy) as bench:
            work = bench.submit(steps=10)
            await bench.until(lambda: bench.of(Progress, work))
        await settled(lambda: comfy.memory.history)
        async with talking(comfy) as bench:
            bench.submit(work, steps=10)
            await bench.ended(work)
            assert bench.of(Done, work)
            assert len(comfy.memory.taken) == 1
            await settled(lambda: not comfy.memory.history)


async def test_a_restarted_hub_waits_for_what_is_still_drawn() -> None:
    async with serving(Settings(without=FILES, step_seconds=0.05)) as comfy:
        async with talking(comfy) as bench:
            works = [bench.submit(f"a:{number}", steps=20, seed=number) for number in range(2)]
            await bench.until(lambda: bench.of(Progress, works[0]))
            await settled(lambda: len(comfy.memory.taken) == 2)
        async with talking(comfy) as bench:
            for number, work in enumerate(works):
                bench.submit(work, steps=20, seed=number)
            await bench.ended(*works)
            assert len(bench.of(Done)) == 2
            assert len(comfy.memory.taken) == 2


async def test_a_restarted_hub_asks_once_more_for_what_only_went_over_the_old_socket() -> None:
    async with serving(Settings(step_seconds=0.02)) as comfy:
        async with talking(comfy) as bench:
            work = bench.submit(steps=10)
            await bench.until(lambda: bench.of(Progress, work))
        async with talking(comfy) as bench:
            bench.submit(work, steps=10)
            await bench.ended(work)
            assert bench.of(Done, work)
            assert not [one for one in bench.of(Progress) if one.step < 10]  # the steps were remembered there
            assert len(comfy.memory.taken) == 2


async def test_what_a_life_left_behind_is_stopped_unless_it_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(life, "_GRACE", 0.3)
    async with serving(Settings(step_seconds=0.05)) as comfy, talking(comfy) as bench:
        bench.submit("gone:0", steps=400)
        await bench.until(lambda: bench.of(Progress))
        await bench.end()
        assert comfy.memory.running is not None
        await bench.begin()
        await settled(lambda: comfy.memory.running is None)
        work = bench.submit("next:0")
        await bench.ended(work)
        assert bench.of(Done, work)


async def test_a_prompt_taken_out_of_the_queue_by_somebody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "_POLL", 0.3)
    monkeypatch.setattr(attempt, "_LATE", 0.2)
    async with serving(Settings(step_seconds=0.05)) as comfy, talking(comfy) as bench:
        first, second = bench.submit("a:0", steps=40), bench.submit("a:1", steps=40)
        await bench.until(lambda: bench.of(Progress))
        await settled(lambda: comfy.memory.pending)
        comfy.memory.pending.clear()
        waiting = second if bench.of(Progress, first) else first
        await bench.ended(waiting)
        assert "queue" in bench.of(Failed, waiting)[0].reason
        assert bench.of(Failed, waiting)[0].retry


async def test_pictures_of_megabytes_pass_and_nobody_waits_for_us() -> None:
    async with serving(Settings(grain=True)) as comfy, talking(comfy) as bench:
        works = [bench.submit(f"a:{n}", width=1024, height=1024, steps=2, seed=n) for n in range(3)]
        await bench.ended(*works, seconds=60)
        assert len(bench.of(Image)) == 3
        assert all(len(one.data) > 1 << 20 for one in bench.of(Image))


async def test_a_reader_that_stalls_the_server_costs_time_but_no_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While nothing comes over any socket the picture is asked for as a file."""
    monkeypatch.setattr(attempt, "_POLL", 0.3)
    monkeypatch.setattr(attempt, "_LATE", 0.2)
    async with serving(Settings(step_seconds=0.02)) as comfy, talking(comfy) as bench:
        stuck = asyncio.Event()

        async def never(_frame: str | bytes) -> None:
            await stuck.wait()

        comfy.memory.sockets.join("somebody", never)
        comfy.memory.sockets.tell("status", {}, "somebody")
        work = bench.submit(steps=5)
        await bench.ended(work)
        assert bench.of(Done, work)
        assert len(bench.of(Image, work)) == 1
        stuck.set()
