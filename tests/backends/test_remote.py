"""Engines elsewhere: their life as the pool tells it, with a real client on a real socket."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from backends.contract import (
    Cancel,
    Cancelled,
    Done,
    EngineConfig,
    Failed,
    Free,
    Held,
    Loaded,
    LoadFailed,
    Log,
    ModelRef,
    Offers,
    Pong,
    Progress,
    Ready,
    RemoteModel,
    Report,
    Started,
    Submit,
    Work,
)
from backends.loads import EngineTrouble
from backends.pool import Pool
from backends.watch import WatchOptions
from tests.backends.conftest import ENGINES
from tests.backends.lighthouse import Lighthouse

QUICK = WatchOptions(ping=0.05, silent=0.3, stuck=1.0, stall=1.5, start=5, stop=2, again=0.2)
WAVE = ModelRef("sea/wave.safetensors", "")


class Shore:
    """A pool with one beacon, and what it said."""

    def __init__(self, house: Lighthouse, watching: WatchOptions = QUICK, **settings: str | bool) -> None:
        self.house = house
        self.reports: list[Report] = []
        self.lost: list[tuple[tuple[str, ...], str]] = []
        self.words: list[str] = []
        self._news = asyncio.Event()
        self.pool = Pool(
            [ENGINES],
            [EngineConfig(7, "beacon", settings={"Address": house.address, **settings})],
            self._heard,
            self._changed,
            lambda _engine, ids, reason: self.lost.append((ids, reason)),
            watching=watching,
            key=self._key,
            server="hub-1",
        )

    async def _key(self, user: str, kind: str) -> str:
        return f"{user}/{kind}"

    def _heard(self, _engine: int, report: Report) -> None:
        self.reports.append(report)
        self._news.set()

    def _changed(self) -> None:
        if not self.words or self.words[-1] != self.state.status:
            self.words.append(self.state.status)
        self._news.set()

    @property
    def state(self):
        return self.pool.states()[0]

    def submit(self, number: int = 0, prompt: str = "x") -> str:
        work = Work(f"j:{number}", "ann", "s", WAVE, prompt)
        self.pool.send(7, Submit(work))
        return work.id

    def of(self, kind: type) -> list[Report]:
        return [report for report in self.reports if isinstance(report, kind)]

    async def until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()


@pytest_asyncio.fixture
async def house() -> AsyncIterator[Lighthouse]:
    house = Lighthouse()
    await house.light()
    yield house
    await house.darken()


@pytest_asyncio.fixture
async def make_shore(house: Lighthouse) -> AsyncIterator[Callable[..., object]]:
    made: list[Shore] = []

    async def make(watching: WatchOptions = QUICK, **settings: str | bool) -> Shore:
        shore = Shore(house, watching, **settings)
        made.append(shore)
        await shore.pool.start()
        await shore.pool.ready()
        return shore

    yield make
    for shore in made:
        await shore.pool.stop()


async def test_it_is_running_with_what_it_says_of_itself(make_shore, house: Lighthouse) -> None:
    shore = await make_shore(Password="abc")
    state = shore.state
    assert (state.status, state.slots, state.features) == ("running", 3, ("variation_seed",))
    assert state.device == "lamp" and not state.holds_any
    assert (state.servers, state.samplers, state.schedulers) == (("far",), ("euler",), ())
    assert sorted(state.offers) == ["LoRA", "Stable-Diffusion"]
    assert state.offers["Stable-Diffusion"]["sea/wave.safetensors"].subtype == "Stable-Diffusion"
    assert shore.words == ["loading", "running"]
    assert house.heard[0] == "hello abc 7 hub-1"


async def test_offers_replace_those_before_and_changes_of_ready_count(make_shore, house: Lighthouse) -> None:
    shore = await make_shore()
    house.say(Offers((RemoteModel("b.st", "VAE"),)), Ready("lamp", ("loras",), slots=5))
    await shore.until(lambda: shore.state.slots == 5)
    assert list(shore.state.offers) == ["VAE"] and shore.state.features == ("loras",)
    version = shore.pool.version
    house.say(Offers((RemoteModel("b.st", "VAE"),)), Ready("lamp", ("loras",), slots=5), Log("info", "same"))
    await shore.until(lambda: shore.of(Log))
    assert shore.pool.version == version


async def test_works_go_there_and_end_once(make_shore, house: Lighthouse) -> None:
    shore = await make_shore()
    work = shore.submit(1)
    assert (await house.until_heard('"submit"'))["work"]["id"] == work
    assert shore.state.busy == 1 and shore.state.last_used > 0
    house.say(Started(work, 2), Progress(work, 1, 2), Done(work))
    await shore.until(lambda: shore.of(Done))
    assert shore.state.busy == 0
    other = shore.submit(2)
    shore.pool.send(7, Cancel((other,)))
    await shore.until(lambda: shore.of(Cancelled))
    assert shore.state.busy == 0 and not shore.lost


async def test_a_client_that_fails_at_a_work_fails_that_work_only(make_shore) -> None:
    shore = await make_shore()
    work = shore.submit(1, "stumble")
    assert [report.id for report in shore.of(Failed)] == [work]
    assert "stumbled" not in shore.of(Failed)[0].reason
    assert shore.state.status == "running" and shore.state.busy == 0


async def test_a_lost_connection_gives_the_works_back_and_is_made_again(
    make_shore, house: Lighthouse
) -> None:
    shore = await make_shore()
    works = (shore.submit(1), shore.submit(2))
    await house.until_heard("j:2")
    await house.darken()
    await shore.until(lambda: shore.lost)
    assert shore.lost == [(works, "The lighthouse has gone dark.")]
    assert shore.state.status == "waiting" and shore.state.reason == "The lighthouse has gone dark."
    await house.light()
    await shore.until(lambda: shore.state.status == "running")
    assert shore.words == ["loading", "running", "waiting", "loading", "running"]
    assert shore.state.offers and shore.state.reason == ""


async def test_nobody_there_is_an_error_after_three_tries_and_heals_by_itself(
    make_shore, house: Lighthouse
) -> None:
    await house.darken()
    shore = await make_shore()
    await shore.until(lambda: shore.state.status == "errored")
    assert shore.state.reason == f"Nobody answers at {house.address}; start the lighthouse."
    assert not shore.state.hopeless
    assert shore.words == ["loading", "waiting", "loading", "waiting", "loading", "errored"]
    logged = len(shore.of(Log))
    await asyncio.sleep(0.6)  # some more tries, of which nothing is told
    assert shore.words[-1] == "errored" and len(shore.of(Log)) == logged == 3
    await house.light()
    await shore.until(lambda: shore.state.status == "running")


async def test_work_for_one_given_up_tries_at_once_and_tells_the_reason(
    make_shore, house: Lighthouse
) -> None:
    await house.darken()
    shore = await make_shore(WatchOptions(ping=0.05, again=600))
    await shore.until(lambda: shore.state.status == "errored")
    shore.submit(1)
    assert shore.state.status == "loading"
    await shore.until(lambda: shore.lost)
    assert shore.lost[0][0] == ("j:1",) and "start the lighthouse" in shore.lost[0][1]
    with pytest.raises(EngineTrouble, match="start the lighthouse"):
        await shore.pool.load(WAVE, 7)
    await house.light()
    work = shore.submit(2)
    assert (await house.until_heard('"submit"'))["work"]["id"] == work


async def test_where_nobody_need_answer_it_is_idle_until_somebody_does(make_shore, house: Lighthouse) -> None:
    await house.darken()
    shore = await make_shore(AllowIdle="true")
    assert shore.state.status == "idle" and "start the lighthouse" in shore.state.reason
    await asyncio.sleep(0.6)
    assert shore.words == ["loading", "idle"]
    await house.light()
    await shore.until(lambda: shore.state.status == "running")
    await house.darken()
    await shore.until(lambda: shore.state.status == "idle")


async def test_a_wrong_setting_is_not_tried_again(make_shore, house: Lighthouse) -> None:
    house.greeting = "wrong"
    shore = await make_shore(AllowIdle="true")
    assert shore.state.status == "errored"
    assert shore.state.reason == "The lighthouse does not know this password; set Password."
    assert shore.state.hopeless, "nobody need wait for it"
    await asyncio.sleep(0.6)
    assert house.connections == 1


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"Address": ""}, "set Address"),
        ({"Adress": "a:1"}, "Beacon has no setting 'Adress'; it has: Address, AllowIdle, "),
        (
            {"OverQueue": "many"},
            "Beacon: the setting 'Over queue' (OverQueue) has a value that it cannot have: it takes a whole "
            "number from 0 to 9.",
        ),
        ({"OverQueue": "10"}, "a whole number from 0 to 9"),
        (
            {"Patience": 0},
            "the setting 'Patience' has a value that it cannot have: it takes a number above 0.",
        ),
        ({"Colour": "blue"}, "it takes one of red, green."),
        ({"AllowIdle": "perhaps"}, "it takes true or false."),
    ],
)
async def test_settings_that_cannot_be_used_are_named(make_shore, settings, reason: str) -> None:
    shore = await make_shore(**settings)
    assert shore.state.status == "errored" and reason in shore.state.reason


async def test_a_secret_that_cannot_be_used_is_not_repeated(make_shore) -> None:
    shore = await make_shore(Password="s" * 51)
    assert "'Password'" in shore.state.reason and "sss" not in shore.state.reason


async def test_an_error_of_the_client_tells_no_details(make_shore, house: Lighthouse) -> None:
    shore = await make_shore()
    house.say("burst")
    await shore.until(lambda: shore.state.status == "waiting")
    assert "secret" not in shore.state.reason and "log of the hub" in shore.state.reason
    await shore.until(lambda: shore.state.status == "running")


async def test_silence_with_work_is_noticed_and_the_work_given_back(make_shore, house: Lighthouse) -> None:
    shore = await make_shore()
    await asyncio.sleep(0.5)
    assert shore.state.status == "running"  # with nothing to do nothing has to be said
    work = shore.submit(1)
    await shore.until(lambda: shore.state.status == "silent")
    assert "has said nothing" in shore.state.reason
    house.say(Pong(0))
    await shore.until(lambda: shore.state.status == "running")
    await shore.until(lambda: shore.lost)
    assert shore.lost[0][0] == (work,) and "no sign of life" in shore.lost[0][1]
    await shore.until(lambda: shore.state.status == "running")
    assert house.connections == 2


async def test_signs_of_life_without_progress_do_not_hold_a_work_for_ever(
    make_shore, house: Lighthouse
) -> None:
    shore = await make_shore()
    shore.submit(1)
    async with asyncio.timeout(60):
        while not shore.lost:
            house.say(Pong(0))
            await asyncio.sleep(0.05)
    assert "no progress" in shore.lost[0][1]


async def test_an_engine_that_never_gets_ready_is_late(make_shore, house: Lighthouse) -> None:
    house.greeting = ""
    shore = await make_shore(WatchOptions(start=0.2, again=600))
    await shore.until(lambda: shore.state.status == "errored")
    assert shore.state.reason == "Nobody was ready there within 0 seconds."


async def test_commands_wait_for_the_connection_and_can_be_cancelled_meanwhile(
    make_shore, house: Lighthouse
) -> None:
    house.greeting = ""
    shore = Shore(house)
    await shore.pool.start()
    await house.until_heard("hello")
    shore.submit(1)
    shore.submit(2)
    shore.pool.send(7, Cancel(("j:1", "unknown")))
    assert shore.of(Cancelled) == [Cancelled("j:1")] and shore.state.busy == 1
    house.say("ready")
    assert (await house.until_heard('"submit"'))["work"]["id"] == "j:2"
    await shore.pool.stop()
    assert not any("j:1" in line for line in house.heard)


async def test_models_are_loaded_and_freed_there(make_shore, house: Lighthouse) -> None:
    shore = await make_shore()
    loading = asyncio.create_task(shore.pool.load(WAVE))
    asked = await house.until_heard('"load"')
    house.say(Loaded(WAVE.name, (WAVE.name,), asked["ticket"]))
    await loading
    assert shore.state.models == (WAVE.name,)
    shore.pool.send(7, Free())
    await house.until_heard('"free"')
    house.say(Held(()))
    await shore.until(lambda: not shore.state.models)
    house.heard.clear()
    loading = asyncio.create_task(shore.pool.load(WAVE))
    asked = await house.until_heard('"load"')
    house.say(LoadFailed(WAVE.name, "It is too large.", asked["ticket"]))
    with pytest.raises(EngineTrouble, match="too large"):
        await loading
    with pytest.raises(EngineTrouble, match="No enabled engine"):
        await shore.pool.load(ModelRef("on/disk.safetensors", "/here/disk.safetensors"))


async def test_anew_with_the_same_settings_it_still_has_what_it_had(make_shore, house: Lighthouse) -> None:
    shore = await make_shore()
    house.greeting = ""
    config = EngineConfig(7, "beacon", "Anew", settings={"Address": house.address})
    await shore.pool.change(7, config)
    assert shore.state.title == "Anew" and sorted(shore.state.offers) == ["LoRA", "Stable-Diffusion"]
    other = EngineConfig(7, "beacon", settings={"Address": house.address, "OverQueue": 4})
    await shore.pool.change(7, other)
    assert not shore.state.offers


async def test_the_users_key_can_be_asked_for(make_shore, house: Lighthouse) -> None:
    shore = await make_shore()
    shore.submit(1, "key")
    assert await house.until_heard("key") == "key ann/stability_api"


async def test_after_the_stop_nothing_is_told(make_shore, house: Lighthouse) -> None:
    shore = await make_shore()
    shore.submit(1)
    await house.until_heard("j:1")
    told, version = len(shore.reports), shore.pool.version
    await shore.pool.stop()
    assert shore.state.status == "disabled" and not shore.lost
    assert len(shore.reports) == told and shore.pool.version == version + 1
    assert shore.state.device == "lamp"
    shore.submit(2)
    assert shore.lost == [(("j:2",), "The engine 'Beacon' is disabled.")]
    with pytest.raises(EngineTrouble, match="disabled"):
        await shore.pool.load(WAVE, 7)


async def test_a_disabled_one_is_not_called(house: Lighthouse) -> None:
    config = EngineConfig(0, "beacon", enabled=False, settings={"Address": house.address})
    pool = Pool([ENGINES], [config], lambda *_: None, lambda: None, lambda *_: None)
    await pool.start()
    await pool.ready()
    assert pool.states()[0].status == "disabled" and house.connections == 0
    await pool.stop()
