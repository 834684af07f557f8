"""What the bench runner prints, writes and returns."""

import json
from pathlib import Path

import pytest

from bench import discover
from bench.__main__ import main
from bench.report import Figure, table, write_json

FAST = Figure("CPU per call", 0.98, "x", floor=1.3, aim=1.0, ours="98 us", peer="100 us")
SLOW = Figure("CPU per call", 1.4, "x", floor=1.3, aim=1.0)
MANY = Figure("jobs", 450, "jobs/s", floor=300, aim=500, better="higher")


@pytest.mark.parametrize(("figure", "verdict"), [(FAST, "aim"), (SLOW, "missed"), (MANY, "floor")])
def test_verdict(figure: Figure, verdict: str) -> None:
    assert figure.verdict == verdict


def test_a_limit_met_exactly_holds() -> None:
    assert Figure("x", 1.3, "x", floor=1.3, aim=1.0).verdict == "floor"
    assert Figure("x", 300, "jobs/s", floor=300, aim=500, better="higher").verdict == "floor"


def test_table_tells_both_sides_and_the_limits() -> None:
    told = table("status", [FAST, SLOW, MANY])
    assert "0.98 x  CPU per call: reaches the aim (floor <= 1.30, aim <= 1.00)" in told
    assert "ours 98 us, peer 100 us" in told
    assert "MISSES THE FLOOR" in told
    assert "450 jobs/s  jobs: holds the floor (floor >= 300, aim >= 500)" in told


def test_json_holds_verdicts_and_the_machine(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "figures.json"
    write_json(file, {"status": [FAST]}, {"jobs": "broke"})
    told = json.loads(file.read_text("utf-8"))
    assert told["benches"]["status"][0]["verdict"] == "aim"
    assert told["failed"] == {"jobs": "broke"}
    assert told["machine"]["cpus"]


def test_a_file_with_measure_is_a_bench(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text('"""First.\n\nMore."""\n\nasync def measure():\n    return []\n')
    (tmp_path / "two.py").write_text('"""Second."""\n\ndef other():\n    return []\n')
    assert discover.find(tmp_path) == {"one": "First."}


def test_an_unknown_name_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing_of_this_name"]) == 2
    assert "There is no bench nothing_of_this_name" in capsys.readouterr().err
