"""When the queue has begun and ended, as told by the webhooks it waits for."""

from hub.webhooks.gate import Gate, Say, State


def opened() -> Gate:
    gate = Gate()
    assert gate.wants() is Say.START
    assert gate.answered(empty=False) is Say.PUMP
    return gate


def test_the_first_image_waits_for_the_answer() -> None:
    gate = Gate()
    assert [gate.wants(), gate.wants()] == [Say.START, Say.NOTHING]
    assert gate.state is State.STARTING
    assert gate.answered(empty=False) is Say.PUMP
    assert gate.is_open
    assert gate.wants() is Say.NOTHING


def test_the_end_is_told_after_a_quiet_while() -> None:
    gate = opened()
    assert gate.empty() is Say.DELAY
    assert gate.quiet(gate.number, empty=True) is Say.END
    assert not gate.is_open
    assert gate.answered(empty=True) is Say.NOTHING
    assert gate.state is State.CLOSED


def test_work_within_the_delay_puts_the_end_off() -> None:
    gate = opened()
    gate.empty()
    first = gate.number
    gate.wants()
    assert gate.quiet(first, empty=True) is Say.NOTHING
    assert gate.empty() is Say.DELAY
    assert gate.quiet(first, empty=True) is Say.NOTHING
    assert gate.quiet(gate.number, empty=False) is Say.NOTHING
    assert gate.is_open


def test_what_comes_while_the_end_is_told_waits_and_begins_anew() -> None:
    gate = opened()
    gate.empty()
    gate.quiet(gate.number, empty=True)
    assert gate.wants() is Say.NOTHING
    assert not gate.is_open
    assert gate.answered(empty=False) is Say.PUMP
    assert gate.wants() is Say.START


def test_a_queue_that_was_emptied_before_its_start_was_answered_ends() -> None:
    gate = Gate()
    gate.wants()
    assert gate.empty() is Say.NOTHING
    assert gate.answered(empty=True) is Say.DELAY
    assert gate.quiet(gate.number, empty=True) is Say.END
