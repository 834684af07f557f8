"""Models that only engines elsewhere have, beside those on disk."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from backends.contract import EngineState, RemoteModel
from hub.catalog import Catalog, Entry, ModelFiles, card
from hub.catalog.elsewhere import gathered, merged, same, telling
from hub.catalog.keep import recall
from hub.errors import HubError
from hub.settings import load
from tests.hub.catalog.conftest import caller, write_safetensors

SD = "Stable-Diffusion"


def offers(*models: RemoteModel) -> dict[str, dict[str, RemoteModel]]:
    found: dict[str, dict[str, RemoteModel]] = {}
    for model in models:
        found.setdefault(model.subtype, {})[model.name] = model
    return found


def engine(number: int, *models: RemoteModel, status: str = "running", enabled: bool = True) -> EngineState:
    return EngineState(
        id=number,
        type="far",
        title="",
        status=status,
        enabled=enabled,
        holds_any=False,
        offers=offers(*models),
    )


class Engines:
    """A pool of engines that count how often somebody looks at them."""

    def __init__(self, *states: EngineState) -> None:
        self.version = 1
        self.now: Sequence[EngineState] = states
        self.looks = 0

    def states(self) -> Sequence[EngineState]:
        self.looks += 1
        return self.now

    def become(self, *states: EngineState) -> None:
        self.now = states
        self.version += 1


XL = RemoteModel("far/xl.safetensors", SD, title="Far XL", class_id="stable-diffusion-xl-v1-base")
STYLE = RemoteModel("style.safetensors", "LoRA")


class TestWhatEnginesTell:
    def test_only_engines_that_live_count(self) -> None:
        states = [
            engine(1, XL),
            engine(2, XL, enabled=False),
            engine(3, XL, status="errored"),
            engine(4, XL, status="idle"),
            engine(5, XL, status="waiting"),
            EngineState(id=6, type="here", title="", status="running"),
        ]
        assert [number for number, _ in telling(states)] == [1, 5]

    def test_one_model_of_several_engines(self) -> None:
        held = gathered(telling([engine(1, XL), engine(7, XL, STYLE)]))
        assert held[SD][XL.name].engines == (1, 7)
        assert held["LoRA"][STYLE.name].engines == (7,)

    def test_nothing_that_cannot_be_shown(self) -> None:
        names = ("../x", "a/../../b", "/etc/x", "a\nb", "", "x" * 2000)
        bad = [RemoteModel(name, SD) for name in names]
        assert not gathered(telling([engine(1, *bad, RemoteModel("x", "Strange"))])).get(SD)

    def test_the_same_is_known_by_the_object(self) -> None:
        one = engine(1, XL)
        assert same(telling([one]), telling([msgspec.structs.replace(one, busy=1)]))
        assert not same(telling([one]), telling([engine(1, XL)]))


class TestMerging:
    def test_the_order_is_that_of_names(self) -> None:
        own = {"b": Entry(name="b", subtype=SD, path=Path("/b"), title="b")}
        told = gathered(telling([engine(1, RemoteModel("c", SD), RemoteModel("a", SD))]))
        assert list(merged(own, told[SD], SD)) == ["a", "b", "c"]

    def test_what_is_here_too_stays_as_it_is_known_here(self) -> None:
        own = {"b": Entry(name="b", subtype=SD, path=Path("/b"), title="Mine")}
        told = gathered(telling([engine(4, RemoteModel("b", SD, title="Theirs"))]))
        found = merged(own, told[SD], SD)["b"]
        assert (found.title, found.engines, found.ref().path) == ("Mine", (4,), "/b")

    def test_what_nobody_here_can_load_is_drawn_elsewhere_only(self) -> None:
        own = {"b.ckpt": Entry(name="b.ckpt", subtype=SD, path=Path("/b"), title="", supported=False)}
        told = gathered(telling([engine(4, RemoteModel("b.ckpt", SD))]))
        found = merged(own, told[SD], SD)["b.ckpt"]
        assert found.supported and not found.drawn_here and found.ref().path == ""

    def test_a_known_class_tells_its_size(self) -> None:
        told = gathered(telling([engine(1, XL)]))
        found = merged({}, told[SD], SD)[XL.name]
        assert (found.class_id, found.size()) == ("stable-diffusion-xl-v1-base", (1024, 1024))
        assert found.path is None and found.title == "Far XL"

    def test_a_known_class_tells_how_it_wants_to_be_drawn(self) -> None:
        told = gathered(telling([engine(1, RemoteModel("far/flux", SD, class_id="Flux.1-schnell"))]))
        found = merged({}, told[SD], SD)["far/flux"]
        assert (found.defaults.steps, found.defaults.cfgscale) == (4, 1.0)


class TestCatalog:
    async def test_listed_and_found_like_others(self, catalog: Catalog) -> None:
        await catalog.refresh()
        catalog.use(Engines(engine(1, XL, STYLE)))
        assert "far/xl.safetensors" in [entry.name for entry in catalog.seen_by(caller(), SD)]
        assert catalog.exact(SD, "far/xl", caller()).engines == (1,)
        assert catalog.find("LoRA", "style", caller()).ref().path == ""

    async def test_a_role_hides_them_too(self, catalog: Catalog) -> None:
        catalog.use(Engines(engine(1, XL)))
        with pytest.raises(HubError):
            catalog.exact(SD, XL.name, caller(model_blacklist=("far/",)))

    async def test_they_come_and_go_with_their_engine(self, catalog: Catalog) -> None:
        engines = Engines(engine(1, XL))
        catalog.use(engines)
        assert catalog.exact(SD, XL.name, caller())
        engines.become(engine(1, XL, status="errored"))
        with pytest.raises(HubError, match="Model not found"):
            catalog.exact(SD, XL.name, caller())

    async def test_no_look_while_no_engine_has_changed(self, catalog: Catalog) -> None:
        engines = Engines(engine(1, XL))
        catalog.use(engines)
        first = catalog.exact(SD, XL.name, caller())
        for _ in range(5):
            assert catalog.exact(SD, XL.name, caller()) is first
        assert engines.looks == 1
        engines.become(msgspec.structs.replace(engines.now[0], busy=1))
        assert catalog.exact(SD, XL.name, caller()) is first, "nothing new was offered, so nothing is made"

    async def test_a_refresh_of_the_disk_keeps_them(self, catalog: Catalog, models: Path) -> None:
        catalog.use(Engines(engine(1, XL)))
        write_safetensors(models / SD / "new.safetensors")
        await catalog.refresh()
        names = [entry.name for entry in catalog.seen_by(caller(), SD)]
        assert {"new.safetensors", XL.name} <= set(names) and names == sorted(names)

    async def test_nothing_of_them_is_kept_on_disk(self, catalog: Catalog, tmp_path: Path) -> None:
        catalog.use(Engines(engine(1, XL)))
        await catalog.refresh()
        assert XL.name not in recall(tmp_path / "data" / "models.cache").get(SD, {})

    async def test_without_an_engine_here_the_default_is_one_that_can_be_drawn(
        self, catalog: Catalog
    ) -> None:
        await catalog.refresh()
        catalog.use(Engines(engine(1, XL)))
        assert catalog.default(caller()).name == XL.name


class TestTheirFiles:
    async def test_nothing_is_changed_or_read(self, catalog: Catalog, tmp_path: Path) -> None:
        catalog.use(Engines(engine(1, XL)))
        files = ModelFiles(load(tmp_path / "data"), catalog)
        entry = catalog.exact(SD, XL.name, caller())
        for attempt in (files.delete(entry), files.rename(entry, "y", caller()), files.headers(entry)):
            with pytest.raises(HubError, match="only an engine elsewhere has it"):
                await attempt

    async def test_the_card_says_so(self, catalog: Catalog) -> None:
        catalog.use(Engines(engine(1, XL), engine(2, XL)))
        shown = card(catalog.exact(SD, XL.name, caller()), loaded=False, with_picture=True)
        assert shown["local"] is False and shown["engines"] == [1, 2]
        assert shown["preview_image"] == "imgs/model_placeholder.jpg"


def test_what_is_told_of_a_model_comes_before_what_its_class_wants() -> None:
    xl = "stable-diffusion-xl-v1-base"
    told = RemoteModel(
        "one", "Stable-Diffusion", class_id=xl, wishes={"steps": 7}, native_sizes=((640, 640),)
    )
    odd = RemoteModel("two", "Stable-Diffusion", class_id=xl, wishes={"steps": "many"})
    usual = RemoteModel("three", "Stable-Diffusion", class_id=xl)
    lora = RemoteModel("lay", "LoRA", lora_weight="0.7", lora_section="1", hash="0xab", usage_hint="softly")
    shelf = merged(
        {}, gathered(telling([engine(0, told, odd, usual)]))["Stable-Diffusion"], "Stable-Diffusion"
    )
    assert shelf["one"].defaults == msgspec.structs.replace(shelf["three"].defaults, steps=7)
    assert shelf["two"].defaults == shelf["three"].defaults and shelf["one"].size() == (640, 640)
    laid = merged({}, gathered(telling([engine(0, lora)]))["LoRA"], "LoRA")["lay"]
    assert (laid.lora_default_weight, laid.lora_default_confinement) == ("0.7", "1")
    assert (laid.hash, laid.usage_hint) == ("0xab", "softly")
