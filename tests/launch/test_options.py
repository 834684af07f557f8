"""The command line."""

from pathlib import Path

import pytest

from hub.setup.options import Bench, Check, Manage, RunTests, Serve, parse

ROOT = Path("/hub").resolve()


class TestServe:
    def test_is_what_no_command_means(self) -> None:
        assert parse([], ROOT) == Serve(None, None, ROOT / "data", True, None)

    def test_options_without_the_command(self, tmp_path: Path) -> None:
        words = [
            "--host",
            "::1",
            "--port",
            "0",
            "--data-dir",
            str(tmp_path),
            "--no-browser",
            "--log-level",
            "debug",
        ]
        assert parse(words, ROOT) == Serve("::1", 0, tmp_path, False, "debug")
        assert parse(["serve", *words], ROOT) == parse(words, ROOT)

    def test_a_relative_data_folder_is_relative_to_the_person(self) -> None:
        assert parse(["--data-dir", "mine"], ROOT) == Serve(None, None, Path.cwd() / "mine", True, None)

    def test_the_door(self, tmp_path: Path) -> None:
        words = ["--base-path", "/hub", "--tls-cert", "a.pem", "--tls-key", str(tmp_path / "b.pem")]
        found = parse(words, ROOT)
        assert isinstance(found, Serve)
        assert (found.base_path, found.tls_cert, found.tls_key) == (
            "/hub",
            Path.cwd() / "a.pem",
            tmp_path / "b.pem",
        )

    @pytest.mark.parametrize("port", ["-1", "65536", "http", "7801.5", ""])
    def test_a_wrong_port_names_the_limits(self, port: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            parse([f"--port={port}"], ROOT)
        assert ended.value.code == 2
        assert "0 (any free one) to 65535" in capsys.readouterr().err

    def test_an_unknown_word_is_refused_with_the_known_ones(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            parse(["srve"], ROOT)
        assert "serve" in capsys.readouterr().err


class TestManaging:
    def test_the_words_go_on_with_the_folder_of_this_hub(self) -> None:
        folder = ("--data-dir", str(ROOT / "data"))
        for words in (("user", "add", "ann"), ("token", "list"), ("backup",), ("restore", "b.zip")):
            assert parse(words, ROOT) == Manage((*words, *folder))

    def test_a_folder_that_was_named_stays(self) -> None:
        for words in (("backup", "--data-dir", "mine"), ("user", "list", "--data-dir=mine")):
            assert parse(words, ROOT) == Manage(words)

    def test_a_question_for_help_is_passed_on_alone(self) -> None:
        for words in (("user",), ("user", "--help"), ("restore", "-h")):
            assert parse(words, ROOT) == Manage(words)


class TestOthers:
    def test_everything_behind_test_goes_to_pytest(self) -> None:
        assert parse(["test", "-k", "jobs", "--long", "--help"], ROOT) == RunTests(
            ("-k", "jobs", "--long", "--help")
        )

    def test_the_whole_suite_runs_on_every_processor(self) -> None:
        for whole in ((), ("--long",)):
            words = RunTests(whole).words
            assert words[:2] == ("-n", "auto") and words[len(words) - len(whole) :] == whole
        for picked in (("tests/house",), ("-k", "jobs"), ("--long", "-x"), ("-n", "0")):
            assert RunTests(picked).words == picked

    def test_bench_names_and_file(self, tmp_path: Path) -> None:
        file = tmp_path / "figures.json"
        assert parse(["bench", "jobs", "status", "--json", str(file)], ROOT) == Bench(
            ("jobs", "status"), file
        )
        assert parse(["bench"], ROOT) == Bench((), None)

    def test_check(self) -> None:
        assert parse(["check"], ROOT) == Check()
