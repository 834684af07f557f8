"""How long an engine may say nothing of an image."""

from hub.jobs.pulse import STEPS, Pulse

LEAST = 60.0


def test_before_the_first_word_nothing_is_expected() -> None:
    assert Pulse().quiet(1e9, LEAST, 0.0) == 0.0


def test_silence_counts_from_the_last_word() -> None:
    pulse = Pulse()
    pulse.sign(100.0)
    pulse.sign(101.0)
    assert pulse.quiet(161.0, LEAST, 0.0) == 0.0
    assert pulse.quiet(162.0, LEAST, 0.0) == 61.0


def test_where_steps_take_long_it_may_say_nothing_for_longer() -> None:
    pulse = Pulse()
    pulse.sign(0.0)
    pulse.sign(50.0)
    assert pulse.quiet(50.0 + STEPS * 50.0, LEAST, 0.0) == 0.0
    assert pulse.quiet(51.0 + STEPS * 50.0, LEAST, 0.0) > 0
    fresh = Pulse()
    fresh.sign(0.0)
    assert fresh.quiet(299.0, LEAST, 30.0) == 0.0, "as measured with other images"
    assert fresh.quiet(301.0, LEAST, 30.0) > 0


def test_what_we_slept_through_is_no_silence() -> None:
    pulse = Pulse()
    pulse.forgive(5.0)
    assert pulse.heard is None
    pulse.sign(10.0)
    pulse.leaving = 20.0
    pulse.forgive(500.0)
    assert pulse.quiet(540.0, LEAST, 0.0) == 0.0 and pulse.leaving == 500.0
    assert pulse.longest == 0.0
