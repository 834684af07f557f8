"""Finding theme folders: one folder is enough, a broken one is named."""

from pathlib import Path

import pytest

from themes import discover


def _folder(
    root: Path, theme_id: str, card: str = '{"name": "X", "is_dark": true}', css: str = ":root {}"
) -> None:
    (root / theme_id).mkdir()
    (root / theme_id / "theme.json").write_text(card)
    if css:
        (root / theme_id / "theme.css").write_text(css)


def test_a_new_folder_is_a_new_theme(tmp_path: Path) -> None:
    _folder(tmp_path, "sea")
    (tmp_path / "no_theme").mkdir()
    theme = discover(tmp_path)["sea"]
    assert (theme.name, theme.is_dark, theme.css_paths) == ("X", True, ("assets/themes/sea/theme.css",))
    assert list(discover(tmp_path)) == ["sea"]


@pytest.mark.parametrize(
    ("theme_id", "card", "css"),
    [
        ("sea", "{", ":root {}"),
        ("sea", '{"name": "X"}', ":root {}"),
        ("sea", '{"name": "X", "is_dark": "yes"}', ":root {}"),
        ("sea", '{"name": "X", "is_dark": true, "colour": 1}', ":root {}"),
        ("sea", '{"name": "X", "is_dark": true}', ""),
        ("Deep Sea", '{"name": "X", "is_dark": true}', ":root {}"),
    ],
    ids=["broken JSON", "key missing", "wrong type", "unknown key", "no css", "bad folder name"],
)
def test_a_broken_theme_is_named(tmp_path: Path, theme_id: str, card: str, css: str) -> None:
    _folder(tmp_path, theme_id, card, css)
    with pytest.raises(ValueError, match=theme_id):
        discover(tmp_path)
