"""Settings under SwarmUI's names, and what is made of them."""

import msgspec
import pytest

from backends.comfyui_api.engine import ENGINE
from backends.comfyui_api.settings import ComfyApiSettings, address_of, headers_of
from backends.contract import Misconfigured
from backends.engine_settings import RefusedSetting, fields_of, read_settings, secrets_of


def test_names_on_the_wire_are_swarmuis() -> None:
    names = [field.name for field in fields_of(ENGINE)]
    assert names[:4] == ["Address", "AllowIdle", "OverQueue", "EnableFrontendDev"]
    assert secrets_of(ENGINE) == {"ExtraHeaders"}
    assert msgspec.to_builtins(ComfyApiSettings())["OverQueue"] == 1


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://127.0.0.1:8188/", "http://127.0.0.1:8188"),
        ("127.0.0.1:8188", "http://127.0.0.1:8188"),
        (" https://gpu.example/comfy// ", "https://gpu.example/comfy"),
    ],
)
def test_an_address_may_be_written_loosely(given: str, meant: str) -> None:
    assert address_of(ComfyApiSettings(address=given)) == meant


def test_headers_are_lines_and_a_wrong_one_is_named_by_its_number_only() -> None:
    settings = ComfyApiSettings(extra_headers="A: b\n\n X-Key :  c: d \n")
    assert headers_of(settings) == {"A": "b", "X-Key": "c: d"}
    for wrong in ("secret", "A b: secret", "A: secret\x07", ": secret"):
        with pytest.raises(Misconfigured, match="Line 2") as refused:
            headers_of(ComfyApiSettings(extra_headers=f"A: b\n{wrong}"))
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "given", ["http://me:hush@gpu.example", "me:hush@gpu.example:8188", "me@gpu.example"]
)
def test_an_address_holds_no_login_since_addresses_are_listed(given: str) -> None:
    with pytest.raises(RefusedSetting, match="ExtraHeaders") as refused:
        read_settings(ENGINE, {"Address": given})
    assert "hush" not in str(refused.value)
