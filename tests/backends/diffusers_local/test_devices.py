"""Which device is chosen, with which numbers, and what is said of settings that cannot be followed."""

import msgspec
import pytest
import torch

from backends.contract import Report
from backends.diffusers_local.devices import BadDevice, Found, budget, choose, dtype_of, look
from backends.diffusers_local.drawer import DiffusersDrawer
from backends.diffusers_local.settings import DiffusersSettings

CPU = Found("cpu", 0, "", 32 << 30, wide=True)
CARDS = [
    Found("cuda", 0, "Card A", 8 << 30, wide=False),
    Found("cuda", 1, "Card B", 24 << 30, wide=True),
    CPU,
]
ROCM = [Found("rocm", 0, "Card R", 16 << 30, wide=True), CPU]
XPU = [Found("xpu", 0, "Card X", 16 << 30, wide=True), CPU]
APPLE = [Found("mps", 0, "Apple", 12 << 30), CPU]


@pytest.mark.parametrize(
    ("wanted", "found", "device"),
    [
        ("auto", CARDS, "cuda:0"),
        ("cuda", CARDS, "cuda:0"),
        ("cuda:1", CARDS, "cuda:1"),
        (" CUDA:1 ", CARDS, "cuda:1"),
        ("cpu", CARDS, "cpu"),
        ("auto", ROCM, "cuda:0"),
        ("rocm", ROCM, "cuda:0"),
        ("cuda:0", ROCM, "cuda:0"),
        ("auto", XPU, "xpu:0"),
        ("auto", APPLE, "mps"),
        ("mps", APPLE, "mps"),
        ("auto", [CPU], "cpu"),
    ],
)
def test_a_device_is_chosen(wanted: str, found: list[Found], device: str) -> None:
    assert choose(wanted, found).device == torch.device(device)


@pytest.mark.parametrize("wanted", ["cuda:2", "cuda:", "rocm", "mps", "gpu", "", "cuda:-1", "cpu:1"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(wanted: str) -> None:
    with pytest.raises(
        BadDevice, match=r"setting device .* auto .* Card A \(cuda:0\), Card B \(cuda:1\), cpu"
    ):
        choose(wanted, CARDS)


def test_what_is_here_can_be_chosen() -> None:
    here = look()
    assert here[-1].kind == "cpu"
    assert here[-1].memory > 1 << 28
    for found in here:
        place = found.kind if found.kind in ("cpu", "mps") else f"{found.kind}:{found.index}"
        assert choose(place, here) is found
        torch.empty(1, device=found.device)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (CPU, torch.float32),
        (CARDS[0], torch.float16),
        (CARDS[1], torch.float16),
        (ROCM[0], torch.float16),
        (XPU[0], torch.float16),
        (APPLE[0], torch.float16),
    ],
)
def test_numbers_by_device(found: Found, expected: torch.dtype) -> None:
    assert dtype_of("auto", found) == expected
    assert dtype_of("float32", found) == torch.float32


def test_numbers_that_cannot_be_had() -> None:
    with pytest.raises(BadDevice, match=r"'bfloat16', which Card A \(cuda:0\) does not"):
        dtype_of("bfloat16", CARDS[0])
    with pytest.raises(BadDevice, match="auto, float32, float16, bfloat16"):
        dtype_of("half", CPU)
    assert dtype_of("bfloat16", CARDS[1]) == torch.bfloat16


def test_what_is_kept_is_a_part_of_the_memory() -> None:
    assert budget(2.5, CPU) == 5 << 29
    assert budget(0, CPU) == 16 << 30
    assert budget(0, CARDS[0]) == int((8 << 30) * 0.7)
    assert budget(0, Found("mps")) == 4 << 30


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("dtype", "half", "auto, float32, float16, bfloat16"),
        ("offload", "all", "none, parts, sequential"),
        ("attention", "fast", "auto, sdpa, math, sliced, flash, xformers"),
        ("compile", "yes", "off, on"),
        ("previews", "tiny", "fast, decoder, none"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_can_be(setting: str, value: str, words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=f"setting {setting} is '{value}'; it can be {words}"):
        msgspec.convert({setting: value}, DiffusersSettings, strict=False)


@pytest.mark.parametrize("given", [{"memory_gib": -1}, {"threads": -1}, {"threads": "many"}])
def test_a_wrong_number_is_named(given: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{next(iter(given))}"):
        msgspec.convert(given, DiffusersSettings, strict=False)


def test_settings_come_as_words_too_and_each_has_its_text() -> None:
    given = {"memory_gib": "1.5", "threads": "2", "channels_last": "true", "vae_tiling": "1"}
    settings = msgspec.convert(given, DiffusersSettings, strict=False)
    assert (settings.memory_gib, settings.threads) == (1.5, 2)
    assert settings.channels_last and settings.vae_tiling
    (schema,) = msgspec.json.schema(DiffusersSettings)["$defs"].values()
    assert all(field.get("description") for field in schema["properties"].values())
    assert schema["properties"]["offload"]["enum"] == ["none", "parts", "sequential"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (DiffusersSettings(device="cuda:9"), "setting device is 'cuda:9'"),
        (DiffusersSettings(device="cpu", attention="xformers"), "package xformers"),
        (DiffusersSettings(device="cpu", attention="flash"), "package flash-attn"),
    ],
)
def test_an_engine_does_not_start_with_what_it_cannot_do(settings: DiffusersSettings, words: str) -> None:
    said: list[Report] = []
    with pytest.raises(RuntimeError, match=words):
        DiffusersDrawer(settings, said.append).start()
    assert not said
