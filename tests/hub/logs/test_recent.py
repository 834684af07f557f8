"""The last lines of the log by kind, numbered in one row."""

import logging

from hub.logs import KINDS, Recent, clock_text
from hub.logs.recent import LONGEST, MOST


def said(recent: Recent, level: int, text: str, *arguments: object) -> None:
    recent.handle(logging.LogRecord("hub.jobs", level, "", 0, text, arguments, None))


def test_lines_by_level_under_one_row_of_numbers() -> None:
    recent = Recent()
    said(recent, logging.INFO, "one")
    said(recent, logging.ERROR, "two %s", "words")
    said(recent, logging.DEBUG, "three")
    said(recent, logging.CRITICAL, "four")
    assert [line.text for line in recent.of("Error")] == ["hub.jobs: two words", "hub.jobs: four"]
    numbers = [line.sequence for kind in ("Info", "Debug") for line in recent.of(kind)]
    assert numbers[0] < recent.of("Error")[0].sequence < numbers[1] < recent.last
    assert recent.of("Nothing") == []


def test_only_what_came_after() -> None:
    recent = Recent()
    said(recent, logging.INFO, "old")
    last = recent.last
    said(recent, logging.INFO, "new")
    assert [line.text for line in recent.of("Info", last)] == ["hub.jobs: new"]


def test_it_is_bounded() -> None:
    recent = Recent()
    for number in range(MOST + 10):
        said(recent, logging.INFO, "x" * LONGEST + str(number))
    lines = recent.of("Info")
    assert len(lines) == MOST and all(len(line.text) == LONGEST for line in lines)


def test_a_record_that_cannot_be_written_stops_nobody(capsys: object) -> None:
    recent = Recent()
    said(recent, logging.INFO, "%d", "no number")
    said(recent, logging.INFO, "fine")
    assert [line.text for line in recent.of("Info")] == ["hub.jobs: fine"]


def test_the_clock_has_thousandths() -> None:
    assert clock_text(1_700_000_000.25).endswith(".250") and len(clock_text(0)) == 23
    assert len({kind.identifier for kind in KINDS}) == len(KINDS)
