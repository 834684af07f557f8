"""Two hubs never share a data folder."""

from pathlib import Path

import pytest

from hub.ownership import FolderTaken, own_folder
from tests.hub.running import running


def test_a_second_hub_is_refused(tmp_path: Path) -> None:
    with own_folder(tmp_path / "data"):
        with pytest.raises(FolderTaken, match="Another hub"), own_folder(tmp_path / "data"):
            pass
    with own_folder(tmp_path / "data"):
        pass


def test_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderTaken, match="cannot be used"), own_folder(tmp_path / "file"):
        pass


async def test_a_running_hub_holds_its_folder(tmp_path: Path) -> None:
    async with running(tmp_path / "data", {}):
        with pytest.raises(FolderTaken), own_folder(tmp_path / "data"):
            pass
    with own_folder(tmp_path / "data"):
        pass
