from collections.abc import Generator
from pathlib import Path
from typing import Any

from backends.contract import Work
from backends.diffusers_local.loop.errands import Errand, Errands
from tests.backends.diffusers_local.conftest import a_work


class Desk:
    """Errands that write down what happens."""

    def __init__(self) -> None:
        self.errands = Errands()
        self.notes: list[Any] = []

    def add(self, name: str, pieces: int, *works: Work, fails: bool = False) -> None:
        def generator() -> Generator[None, None, str]:
            try:
                for number in range(pieces):
                    self.notes.append((name, number))
                    yield
                if fails:
                    raise ValueError(name)
            finally:
                self.notes.append((name, "left"))
            return name

        self.errands.add(
            Errand(
                list(works),
                generator(),
                ended=lambda value: self.notes.append(("ended", value)),
                failed=lambda error: self.notes.append(("failed", str(error))),
            )
        )


ONE, TWO = (a_work(Path("m"), number) for number in (1, 2))


def test_one_to_its_end_then_the_next() -> None:
    desk = Desk()
    desk.add("a", 2, ONE)
    desk.add("b", 1, TWO)
    while desk.errands:
        desk.errands.go_on(0.0)
    assert [note for note in desk.notes if note[0] in "ab"] == [
        ("a", 0),
        ("a", 1),
        ("a", "left"),
        ("b", 0),
        ("b", "left"),
    ]
    assert [note for note in desk.notes if note[0] == "ended"] == [("ended", "a"), ("ended", "b")]


def test_one_piece_at_least_and_all_when_there_is_time() -> None:
    desk = Desk()
    desk.add("a", 3, ONE)
    desk.errands.go_on(0.0)
    assert desk.notes == [("a", 0)]
    desk.errands.go_on(60.0)
    assert not desk.errands


def test_an_error_ends_only_its_own() -> None:
    desk = Desk()
    desk.add("a", 1, ONE, fails=True)
    desk.add("b", 1, TWO)
    desk.errands.go_on(60.0)
    assert ("failed", "a") in desk.notes
    assert ("ended", "b") in desk.notes
    assert ("ended", "a") not in desk.notes


def test_the_last_work_that_is_cancelled_closes_it() -> None:
    desk = Desk()
    desk.add("a", 9, ONE, TWO)
    desk.errands.go_on(0.0)
    assert desk.errands.cancel(frozenset({ONE.id, "other"})) == [ONE.id]
    assert [work.id for work in desk.errands.works] == [TWO.id]
    assert desk.errands.cancel(frozenset({TWO.id})) == [TWO.id]
    assert desk.notes == [("a", 0), ("a", "left")]
    assert not desk.errands
