"""The ids of prompts: the same after a restart of the hub, never the same for two hubs."""

from pathlib import Path

from backends.comfyui_api.prompts import lasting_id, prompt_id


def test_the_hubs_id_is_made_once_and_outlives_its_process(tmp_path: Path) -> None:
    first = lasting_id(tmp_path, "of this start")
    assert first != "of this start"
    assert lasting_id(tmp_path, "of the next start") == first


def test_two_folders_are_two_hubs(tmp_path: Path) -> None:
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        folder.mkdir()
    assert len({lasting_id(folder, "x") for folder in folders}) == 2


def test_without_a_place_to_keep_it_the_one_of_this_start_is_taken(tmp_path: Path) -> None:
    assert lasting_id(None, "x") == "x"
    assert lasting_id(tmp_path / "lacking", "x") == "x"


def test_an_unreadable_one_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "hub_id").write_bytes(b"\xff\xfe")
    made = lasting_id(tmp_path, "x")
    assert made == lasting_id(tmp_path, "x") != "x"


def test_ids_follow_from_hub_work_and_attempt() -> None:
    ids = {prompt_id(hub, work, attempt) for hub in "ab" for work in "cd" for attempt in (0, 1)}
    assert len(ids) == 8
    assert prompt_id("a", "c", 0) in ids
