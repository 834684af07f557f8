"""Every text of the page is in the English file, which every translation starts from."""

import json
import re

from tests.house.tree import ROOT, tracked

CALL = re.compile(r"""(?<![\w.])t\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`$]*`)\s*[,)]""")


def used() -> set[str]:
    """Return the texts the page asks for by a literal key."""
    found = set()
    for path in tracked():
        inside = path.relative_to(ROOT)
        if inside.parts[0] == "web" and "tests" not in inside.parts and path.suffix in (".ts", ".svelte"):
            for literal in CALL.findall(path.read_text("utf-8")):
                found.add(re.sub(r"\\(.)", r"\1", literal[1:-1]))
    return found


def test_the_english_file_knows_every_text_of_the_page() -> None:
    keys = json.loads((ROOT / "languages" / "en.json").read_text("utf-8"))["keys"]
    missing = sorted(used() - set(keys))
    assert not missing, 'Add to "keys" in languages/en.json:\n' + "\n".join(
        f'  {json.dumps(key)}: "",' for key in missing
    )


def test_every_language_has_the_same_shape() -> None:
    for path in sorted((ROOT / "languages").glob("*.json")):
        told = json.loads(path.read_text("utf-8"))
        assert {"name_en", "name_local", "keys"} <= set(told), path.name
        assert all(isinstance(text, str) for text in told["keys"].values()), path.name
