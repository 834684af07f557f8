"""docs/security.md names, for every item it claims, tests that exist."""

import ast
import re
from functools import cache

from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
ITEMS = (
    *("4.1.3", "4.4.1", "4.4.2", "4.4.3", "4.4.4", "5.2.1", "5.2.4", "5.2.6", "5.3.2", "5.4.1"),
    *("7.2.1", "7.2.2", "7.2.3", "7.2.4", "7.3.1", "7.3.2", "7.4.1", "7.4.2", "7.4.5", "7.5.2"),
)
"""Of the OWASP ASVS 5.0: what this project claims."""


def rows() -> dict[str, list[str]]:
    """The cells of each claimed item's line."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| [\d.]+ \|", line)]
    return {
        cells[0]: cells for line in lines if (cells := [part.strip() for part in line.strip("|").split("|")])
    }


@cache
def named_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in found if node.name.startswith("test_"))


def test_every_claimed_item_has_its_line_and_a_test() -> None:
    found = rows()
    assert tuple(sorted(found)) == ITEMS
    without = [item for item, cells in found.items() if not NAMED.search(cells[3]) or not cells[2]]
    assert not without, f"Name what is done and the test that shows it: {without}"


def test_every_named_test_exists() -> None:
    named = NAMED.findall(PAGE.read_text("utf-8"))
    assert len(named) > 40
    wrong = []
    for file, name in named:
        if not (ROOT / file).is_file():
            wrong.append(f"{file} is not there")
        elif name and name not in named_in(file):
            wrong.append(f"{file} has no {name}")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_nothing_is_named_past_the_rule() -> None:
    """A test in words the rule above does not read would never be missed."""
    text = PAGE.read_text("utf-8")
    assert text.count("tests/") == len(NAMED.findall(text)) + text.count("`tests/house`")
