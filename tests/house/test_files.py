"""What is in the repository: names, words that must not be there, licence, changelog, README."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from hub.setup.options import COMMANDS, parse
from tests.house.tree import ROOT, house, tracked

BAD_NAMES = frozenset({"utils", "util", "helpers", "helper", "manager", "base", "common", "misc", "shared"})
# SwarmUI calls one of its route families "Util"; its folder carries that name.
NAMED_BY_OTHERS = frozenset({"hub/routes/util", "docs/api/util.md"})
TEXT = frozenset(
    {".py", ".ts", ".svelte", ".css", ".md", ".toml", ".json", ".html", ".sh", ".lock", ".yml", ""}
)
# Written in pieces, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
MACHINE_PATHS = re.compile(
    "|".join(
        (
            r"(?<![\w.])/wor" + r"k/(main|shared|brief|venv)",
            r"/roo" + r"t/\.",
            r"\.\./shar" + r"ed\b",
            r"/hom" + r"e/(?!you\b)\w+/",
            r"[A-Z]:\\User" + r"s\\",
        )
    )
)


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        if path.suffix in TEXT and path.name != "package-lock.json" and path.stat().st_size < 2_000_000:
            try:
                found.append((path.relative_to(ROOT), path.read_text("utf-8")))
            except UnicodeDecodeError:
                continue
    return found


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.as_posix()}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_files_are_named_after_what_they_hold() -> None:
    wrong = set()
    for path in tracked():
        inside = path.relative_to(ROOT)
        for depth, part in enumerate(inside.parts, 1):
            folder = "/".join(inside.parts[:depth])
            if Path(part).stem.lower() in BAD_NAMES and folder not in NAMED_BY_OTHERS:
                wrong.add(inside.as_posix())
    wrong.discard("themes/base.css")  # the sheet every theme stands on; the design names it so
    assert not wrong, "Name the thing it holds, one noun:\n" + "\n".join(sorted(wrong))


def test_nothing_is_left_for_later() -> None:
    wrong = lines_with(UNFINISHED)
    assert not wrong, "Do it, or leave it out and say so in CHANGELOG.md:\n" + "\n".join(wrong)


def test_nothing_raises_not_implemented() -> None:
    name = "NotImplemented" + "Error"
    wrong = [module.where for module in house() if name in module.path.read_text("utf-8")]
    assert not wrong, "A route or method that does nothing yet must not exist:\n" + "\n".join(wrong)


def test_no_path_of_one_machine() -> None:
    wrong = lines_with(MACHINE_PATHS)
    assert not wrong, "Paths of one machine mean nothing on the next:\n" + "\n".join(wrong)


def test_no_large_files() -> None:
    wrong = [path.relative_to(ROOT).as_posix() for path in tracked() if path.stat().st_size > 20_000_000]
    assert not wrong, "Nothing over 20 MB belongs into the repository:\n" + "\n".join(wrong)


def test_licence_is_mit_and_declared() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert text.startswith("MIT License")
    assert "Generation Hub contributors" in text
    assert project["license"] == "MIT"


def test_changelog_has_a_place_for_what_comes() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f'__version__ = "{project["version"]}"' in (ROOT / "hub" / "__init__.py").read_text("utf-8")


def launch_lines() -> list[str]:
    text = (ROOT / "README.md").read_text("utf-8")
    return [line.partition("#")[0].strip() for line in re.findall(r"^python3? launch\.py.*$", text, re.M)]


@pytest.mark.parametrize("line", launch_lines())
def test_readme_commands_exist(line: str) -> None:
    words = shlex.split(line)[2:]
    parse(words, ROOT)  # ends the test with SystemExit when an option is not there
    assert not words or words[0].startswith("-") or words[0] in COMMANDS


def test_what_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    links = [link for link in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)\)", text) if "://" not in link]
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing, f"README.md links to what is not there: {missing}"


def test_readme_shows_the_two_commands() -> None:
    assert "python launch.py" in launch_lines() or "python3 launch.py" in launch_lines()
