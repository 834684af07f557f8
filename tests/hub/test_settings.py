"""Four layers of settings; what cannot be used is refused with its key and where it came from."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.settings import BadSettings, Settings, fields_of, load


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_text(text, "utf-8")
    return folder


class TestLayers:
    def test_defaults(self, tmp_path: Path) -> None:
        settings = load(tmp_path)
        assert (settings.network.host, settings.network.port) == ("127.0.0.1", 7801)
        assert settings.network.max_request_mib == 200
        assert settings.limits.prompt_kib == 100

    def test_each_layer_beats_the_one_before(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data = write(tmp_path, '[network]\nport = 1001\nhost = "::1"\nexternal_url = "http://a"\n')
        assert load(data).network.port == 1001
        monkeypatch.setenv("HUB_NETWORK_PORT", "1002")
        monkeypatch.setenv("HUB_NETWORK_HOST", "127.0.0.2")
        assert load(data).network.port == 1002
        settings = load(data, {"network.port": "1003"})
        assert (settings.network.port, settings.network.host) == (1003, "127.0.0.2")
        assert settings.network.external_url == "http://a"

    def test_lists_from_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HUB_NETWORK_HOSTS", "a.example, b.example ,")
        assert load(tmp_path).network.hosts == ("a.example", "b.example")

    def test_switches_from_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HUB_ACCOUNTS_REQUIRED", "true")
        assert load(tmp_path).accounts.required is True

    def test_foreign_variables_are_left_alone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HUB_PAGE_PROBLEM", "x")
        monkeypatch.setenv("HUBBLE_NETWORK_PORT", "x")
        assert load(tmp_path).network.port == 7801

    def test_engines_with_settings_of_their_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HUB_ENGINES_TYPES", "diffusers_local device=cuda:1 offload=parts, sketch")
        assert load(tmp_path).engines.types == ("diffusers_local device=cuda:1 offload=parts", "sketch")
        monkeypatch.setenv("HUB_ENGINES_TYPES", "diffusers_local fast")
        with pytest.raises(BadSettings, match=r"HUB_ENGINES_TYPES: engines\.types"):
            load(tmp_path)

    def test_paths_are_absolute_and_below_the_data_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        folders = load("data", {"folders.models": "models,/elsewhere"}).folders
        assert folders.data == tmp_path / "data"
        assert folders.models == (tmp_path / "data" / "models", Path("/elsewhere"))
        assert folders.database.parent == folders.data
        assert folders.outputs == folders.data / "outputs"


class TestRefusals:
    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("network.port", "70000"),
            ("network.port", "x"),
            ("network.max_request_mib", "0"),
            ("accounts.required", "perhaps"),
            ("log.level", "loud"),
            ("limits.image_megapixels", "nan"),
            ("network.nothing", "1"),
            ("nothing.port", "1"),
            ("folders.data", "x"),
        ],
    )
    def test_key_and_source_are_named(self, tmp_path: Path, key: str, value: str) -> None:
        with pytest.raises(BadSettings) as refusal:
            load(tmp_path, {key: value})
        assert key in str(refusal.value)
        assert "command line" in str(refusal.value)

    def test_from_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HUB_NETWORK_PRT", "1")
        with pytest.raises(BadSettings, match=r"HUB_NETWORK_PRT.*network\.prt"):
            load(tmp_path)

    @pytest.mark.parametrize(
        "text", ["[network\n", "network = 3\n", "[network]\nport = 'x'\n", "[netwrk]\nport = 1\n"]
    )
    def test_from_the_file(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(BadSettings, match=r"settings\.toml"):
            load(write(tmp_path, text))


class TestTexts:
    def test_every_setting_says_what_it_is(self) -> None:
        def text(hint: Any) -> bool:
            return any(getattr(note, "description", None) for note in getattr(hint, "__metadata__", ()))

        silent = [
            f"{section.name}.{name}"
            for section in msgspec.structs.fields(Settings)
            for name, hint in fields_of(section.name).items()
            if not text(hint)
        ]
        assert silent == []
