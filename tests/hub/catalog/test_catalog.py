"""Finding a model by what people type, within what their role lets them see."""

from pathlib import Path

import pytest

from hub.catalog import Catalog
from hub.errors import BadInput, HubError
from hub.settings import load
from tests.hub.catalog.conftest import caller, write_folder, write_safetensors

SD = "Stable-Diffusion"


@pytest.fixture
async def filled(catalog: Catalog, models: Path) -> Catalog:
    write_safetensors(models / SD / "sdxl" / "base_1.0.safetensors")
    write_safetensors(models / SD / "sdxl" / "base_1.0 refined.safetensors")
    write_safetensors(models / SD / "private" / "secret.safetensors")
    (models / SD / "old.ckpt").write_bytes(b"x")
    await catalog.refresh()
    return catalog


class TestFind:
    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("sdxl/base_1.0.safetensors", "sdxl/base_1.0.safetensors"),
            ("sdxl/base_1.0", "sdxl/base_1.0.safetensors"),
            ("SDXL\\Base_1.0", "sdxl/base_1.0.safetensors"),
            ("base", "sdxl/base_1.0.safetensors"),  # the shortest of two that contain it
            ("refined", "sdxl/base_1.0 refined.safetensors"),
            ("STARTER", "starter"),
        ],
    )
    async def test_loosely(self, filled: Catalog, typed: str, meant: str) -> None:
        assert filled.find(SD, typed, caller()).name == meant

    @pytest.mark.parametrize("typed", ["nothing like it", "", "  ", "../../etc/passwd", "x" * 100_000])
    async def test_not_there(self, filled: Catalog, typed: str) -> None:
        with pytest.raises(HubError) as refused:
            filled.find(SD, typed, caller())
        assert refused.value.text == "Model not found."

    async def test_exact_asks_for_the_whole_name(self, filled: Catalog) -> None:
        assert filled.exact(SD, "/sdxl//base_1.0", caller()).name == "sdxl/base_1.0.safetensors"
        with pytest.raises(HubError):
            filled.exact(SD, "base_1.0", caller())

    async def test_unknown_subtypes_are_refused(self, filled: Catalog) -> None:
        with pytest.raises(BadInput) as refused:
            filled.find("Sounds", "x", caller())
        assert refused.value.text == "Invalid sub-type."
        assert refused.value.extra["limit"][0] == SD


class TestRoles:
    async def test_a_refused_prefix_looks_like_nothing(self, filled: Catalog) -> None:
        person = caller(model_blacklist=("PRIVATE/",))
        for typed in ("private/secret", "secret"):
            with pytest.raises(HubError) as refused:
                filled.find(SD, typed, person)
            assert refused.value.text == "Model not found."
        assert "private/secret.safetensors" not in [entry.name for entry in filled.seen_by(person, SD)]

    async def test_an_allowed_prefix_hides_the_rest(self, filled: Catalog) -> None:
        person = caller(model_whitelist=("sdxl/",), model_blacklist=("sdxl/base_1.0 r",))
        assert [entry.name for entry in filled.seen_by(person, SD)] == ["sdxl/base_1.0.safetensors"]


class TestDefault:
    async def test_the_built_in_one(self, filled: Catalog) -> None:
        assert filled.default(caller()).name == "starter"

    async def test_a_setting_names_another(self, tmp_path: Path, models: Path, starter: Path) -> None:
        write_folder(models / SD / "mine")
        catalog = Catalog(load(tmp_path / "data", {"engines.default_model": "mine"}), [starter])
        await catalog.refresh()
        assert catalog.default(caller()).name == "mine"
        assert catalog.default(caller(model_blacklist=("mine",))).name == "starter"

    async def test_none_that_may_be_used(self, filled: Catalog) -> None:
        with pytest.raises(HubError, match="administrator"):
            filled.default(caller(model_whitelist=("nothing/",)))

    async def test_never_one_that_cannot_be_loaded(self, filled: Catalog) -> None:
        with pytest.raises(HubError):
            filled.default(caller(model_whitelist=("old",)))


class TestRefresh:
    async def test_a_second_look_within_ten_seconds_is_skipped(self, tmp_path: Path, models: Path) -> None:
        now = [100.0]
        catalog = Catalog(load(tmp_path / "data"), clock=lambda: now[0])
        assert await catalog.refresh(not_within=10)
        write_safetensors(models / "LoRA" / "a.safetensors")
        now[0] += 9
        assert not await catalog.refresh(not_within=10)
        assert not list(catalog.seen_by(caller(), "LoRA"))
        now[0] += 2
        version = catalog.version
        assert await catalog.refresh(not_within=10)
        assert [entry.name for entry in catalog.seen_by(caller(), "LoRA")] == ["a.safetensors"]
        assert catalog.version == version + 1

    async def test_nothing_new_is_no_new_version(self, filled: Catalog) -> None:
        version = filled.version
        await filled.refresh()
        assert filled.version == version

    async def test_missing_folders_are_no_trouble(self, tmp_path: Path) -> None:
        catalog = Catalog(load(tmp_path / "nowhere"))
        assert await catalog.refresh()
        assert list(catalog.seen_by(caller(), SD)) == []
