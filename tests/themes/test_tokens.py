"""Every theme is complete, sets only tokens, and can be read: 4.5:1 for text, 3:1 for marks and frames."""

import re
from pathlib import Path

import pytest

import themes

FOLDER = Path(themes.__file__).parent
IDS = sorted(themes.discover())

COLOURS = (
    {f"surface-{level}" for level in range(4)}
    | {f"plot-{number}" for number in range(1, 9)}
    | {"text", "text-soft", "text-strong", "accent", "accent-text", "border", "border-strong", "focus"}
    | {"danger", "warn", "ok", "star", "shadow", "range-track", "range-thumb"}
)
SURFACES = ("surface-0", "surface-1", "surface-2")
TEXTS = ("text", "text-soft", "text-strong", "accent", "danger", "warn", "ok", "star")
MARKS = ("focus", "border-strong", "range-thumb", *(f"plot-{number}" for number in range(1, 9)))


def _tokens(theme_id: str) -> dict[str, str]:
    text = (FOLDER / theme_id / "theme.css").read_text()
    return {name: value.strip() for name, value in re.findall(r"--([a-z0-9-]+):([^;]+);", text)}


def _luminance(colour: str) -> float:
    assert re.fullmatch(r"#[0-9a-f]{6}", colour), f"{colour}: a colour is written #rrggbb"
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two #rrggbb colours, 1..21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_there_is_a_dark_and_a_light_theme() -> None:
    found = themes.discover()
    assert found["modern_dark"].is_dark
    assert not found["modern_light"].is_dark


@pytest.mark.parametrize("theme_id", IDS)
def test_theme_has_every_token_and_no_other(theme_id: str) -> None:
    assert set(_tokens(theme_id)) == COLOURS


@pytest.mark.parametrize("theme_id", IDS)
def test_theme_sets_tokens_on_the_root_only(theme_id: str) -> None:
    text = re.sub(r"/\*.*?\*/", "", (FOLDER / theme_id / "theme.css").read_text(), flags=re.DOTALL)
    assert re.findall(r"([^{}]+)\{", text) == [":root "]
    names = re.findall(r"^\s*([a-z-]+):", text, flags=re.MULTILINE)
    assert [name for name in names if not name.startswith("--")] == ["color-scheme"]


@pytest.mark.parametrize("theme_id", IDS)
@pytest.mark.parametrize("surface", SURFACES)
def test_text_can_be_read(theme_id: str, surface: str) -> None:
    tokens = _tokens(theme_id)
    ratios = {text: round(contrast(tokens[text], tokens[surface]), 2) for text in TEXTS}
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


def test_high_contrast_means_seven_to_one() -> None:
    for theme_id in ("high_contrast_dark", "high_contrast_light"):
        tokens = _tokens(theme_id)
        pairs = [(text, surface) for text in TEXTS for surface in SURFACES]
        assert [pair for pair in pairs if contrast(tokens[pair[0]], tokens[pair[1]]) < 7] == [], theme_id


@pytest.mark.parametrize("theme_id", IDS)
def test_text_on_raised_and_accent_surfaces_can_be_read(theme_id: str) -> None:
    tokens = _tokens(theme_id)
    pairs = (("text", "surface-3"), ("text-strong", "surface-3"), ("accent-text", "accent"))
    assert {pair: contrast(tokens[pair[0]], tokens[pair[1]]) for pair in pairs if
            contrast(tokens[pair[0]], tokens[pair[1]]) < 4.5} == {}  # fmt: skip


@pytest.mark.parametrize("theme_id", IDS)
@pytest.mark.parametrize("surface", SURFACES)
def test_marks_and_frames_can_be_seen(theme_id: str, surface: str) -> None:
    tokens = _tokens(theme_id)
    ratios = {mark: round(contrast(tokens[mark], tokens[surface]), 2) for mark in MARKS}
    assert {name: ratio for name, ratio in ratios.items() if ratio < 3} == {}


def test_a_thumb_stands_out_from_its_track() -> None:
    for theme_id in IDS:
        tokens = _tokens(theme_id)
        assert contrast(tokens["range-thumb"], tokens["range-track"]) >= 3, theme_id
