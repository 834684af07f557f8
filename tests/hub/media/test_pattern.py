"""Output path patterns: every documented tag, and nothing that leaves the folder or breaks a file system."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.media.pattern import clean_path, fill
from tests.hub.media.samples import occasion, request, work


def path(pattern: str, depth: int = 5, **more: object) -> str:
    return fill(request(path_format=pattern, **more), work(), occasion(), depth=depth)


@pytest.mark.parametrize(
    ("pattern", "filled"),
    [
        ("raw/[year]-[month]-[day]/[hour][minute]", "raw/2026-02-03/1405"),
        ("[month_name] [day_name] [second] [millisecond]", "February Tuesday 06 007"),
        ("[request_time_inc]-[prompt]-[model]", "003-a cat-foldermy model"),
        ("[negative_prompt] [seed] [width]x[height] [steps]", "dog 11 64x32 4"),
        ("[cfg_scale]", "75"),
        ("[cfgscale]", "75"),
        ("[batch_id] [user_name] [number]", "2 local [number]"),
        ("[model_title]", "foldermy modelsafetensors"),
        ("[loras]x", "x"),
        ("[presets_used]x", "x"),
        ("[unknown]", "[unknown]"),
        ("[images]", "1"),
    ],
)
def test_tags(pattern: str, filled: str) -> None:
    assert path(pattern) == filled


def test_hashes_are_eight_digits_and_differ() -> None:
    one, other = path("[prompthash] [negativeprompthash]").split()
    assert len(one) == len(other) == 8 and one != other


def test_the_title_and_extra_data_are_found() -> None:
    asked = request(
        path_format="[model_title] [original_prompt]",
        model_title="Nice",
        extra={"original_prompt": "an old cat"},
    )
    assert fill(asked, work(), occasion()) == "Nice an old cat"


def test_each_part_is_cut() -> None:
    assert fill(request(path_format="[prompt]"), work(prompt="x" * 500), occasion()) == "x" * 40


class TestCleaning:
    @pytest.mark.parametrize(
        ("raw", "clean"),
        [
            ("../../etc/passwd", "etc/passwd"),
            ("/abs/./x", "abs/x"),
            ("a\\b", "a/b"),
            ('a<b>:"|?*~&@;#$^%c', "abc"),
            ("con/x", "_con/x"),
            ("a. /b.", "a/b"),
            ("...", "unnamed"),
            ("a\nb\x00c", "a bc"),
        ],
    )
    def test_parts(self, raw: str, clean: str) -> None:
        assert clean_path(raw) == clean

    def test_too_many_folders_are_joined(self) -> None:
        assert clean_path("a/b/c/d/e", depth=2) == "a/b/c-d-e"

    def test_a_right_to_odd_characters_is_no_way_out(self) -> None:
        assert clean_path("a$b/../../c", unsafe=True) == "a$b/c"

    @given(st.text())
    def test_whatever_comes_it_stays_inside_and_short(self, raw: str) -> None:
        for unsafe in (False, True):
            parts = clean_path(raw, unsafe=unsafe).split("/")
            assert parts and len(parts) <= 6
            for part in parts:
                assert part not in ("", ".", "..") and len(part.encode()) <= 210 and "\0" not in part


@given(st.text(), st.text())
def test_any_prompt_in_any_pattern_gives_a_path(pattern: str, prompt: str) -> None:
    found = fill(request(path_format=pattern + "[prompt]"), work(prompt=prompt), occasion())
    assert found and not found.startswith("/") and ".." not in found.split("/")
