"""Names, temporary files, and what a crash leaves."""

from pathlib import Path

import pytest

from hub.media import Outputs, OutsideOutputs


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "out")


def put(outputs: Outputs, base: str, index: int = 0) -> str:
    spot = outputs.choose("u", base, "png", "job", index)
    outputs.write(spot, [b"head", memoryview(b"body")])
    outputs.publish(spot)
    assert spot.final.read_bytes() == b"headbody"
    return spot.path


class TestNames:
    def test_a_taken_name_gets_a_number(self, outputs: Outputs) -> None:
        assert [put(outputs, "a/b") for _ in range(3)] == ["a/b.png", "a/b-1.png", "a/b-2.png"]

    def test_number_counts_up(self, outputs: Outputs) -> None:
        assert [put(outputs, "a/[number]") for _ in range(2)] == ["a/1.png", "a/2.png"]

    def test_files_from_before_the_start_count(self, outputs: Outputs) -> None:
        (outputs.home("u") / "a").mkdir(parents=True)
        (outputs.home("u") / "a" / "b.png").touch()
        assert put(outputs, "a/b") == "a/b-1.png"

    def test_two_at_once_get_two_names(self, outputs: Outputs) -> None:
        first = outputs.choose("u", "x", "png", "job", 0)
        second = outputs.choose("u", "x", "png", "job", 1)
        assert first.path != second.path

    def test_a_deleted_name_stays_taken(self, outputs: Outputs) -> None:
        path = put(outputs, "x")
        outputs.inside("u", path).unlink()
        outputs.retire("u", path)
        assert put(outputs, "x") != path

    def test_a_released_name_leaves_no_file(self, outputs: Outputs) -> None:
        spot = outputs.choose("u", "x", "png", "job", 0)
        outputs.write(spot, [b"x"])
        outputs.release(spot)
        assert not spot.temporary.exists() and not spot.final.exists()

    def test_addresses(self, outputs: Outputs, tmp_path: Path) -> None:
        assert outputs.url("u", "a b.png") == "View/u/a b.png"
        assert Outputs(tmp_path, append_user=False).url("u", "x.png") == "Output/x.png"


class TestContainment:
    @pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "\\x", "", "a\0b"])
    def test_no_way_out(self, outputs: Outputs, path: str) -> None:
        outputs.home("u").mkdir(parents=True)
        with pytest.raises(OutsideOutputs):
            outputs.inside("u", path)

    def test_no_link_leads_out(self, outputs: Outputs, tmp_path: Path) -> None:
        outputs.home("u").mkdir(parents=True)
        (outputs.home("u") / "link").symlink_to(tmp_path)
        with pytest.raises(OutsideOutputs):
            outputs.inside("u", "link/secret")
        with pytest.raises(OutsideOutputs):
            outputs.choose("u", "link/x", "png", "job", 0)

    def test_a_neighbour_whose_name_begins_alike_is_outside(self, outputs: Outputs) -> None:
        outputs.home("u").mkdir(parents=True)
        outputs.home("u2").mkdir()
        with pytest.raises(OutsideOutputs):
            outputs.inside("u", "../u2/x")


class TestAfterACrash:
    def test_a_written_but_uncommitted_file_goes(self, outputs: Outputs) -> None:
        spot = outputs.choose("u", "x", "png", "job", 0)
        outputs.write(spot, [b"x"])
        assert Outputs(outputs.root).sweep(lambda user, job, index: None) == (0, 1)
        assert not spot.temporary.exists()

    def test_a_committed_file_gets_its_name(self, outputs: Outputs) -> None:
        spot = outputs.choose("u", "x", "png", "job", 4)
        outputs.write(spot, [b"x"])

        def path_of(user: str, job: str, index: int) -> str | None:
            assert (user, job, index) == ("u", "job", 4)
            return "deep/x.png"

        assert Outputs(outputs.root).sweep(path_of) == (1, 0)
        assert (outputs.home("u") / "deep/x.png").read_bytes() == b"x"

    def test_strange_leftovers_go(self, outputs: Outputs) -> None:
        folder = outputs.home("u") / ".pending"
        folder.mkdir(parents=True)
        (folder / "half").touch()
        assert outputs.sweep(lambda user, job, index: "never") == (0, 1)

    def test_nothing_there_is_fine(self, outputs: Outputs) -> None:
        assert outputs.sweep(lambda user, job, index: None) == (0, 0)


def test_folders_removed_while_we_run_are_made_again(outputs: Outputs) -> None:
    spot = outputs.choose("u", "a/x", "png", "job", 0)
    spot.final.parent.rmdir()
    spot.temporary.parent.rmdir()
    with pytest.raises(FileNotFoundError):
        outputs.write(spot, [b"x"])
    outputs.restore(spot)
    outputs.write(spot, [b"x"])
    outputs.publish(spot)
    assert spot.final.exists()
