"""The job's state machine: every transition, every refusal, every counter."""

import pytest

from hub.jobs.job import ENDS, Job, State
from hub.jobs.tally import Counts


def make(total: int = 2, **more: object) -> Job:
    return Job("j", "u", "s", 1001, total, **more)  # type: ignore[arg-type]


def counted(job: Job) -> tuple[int, int, int, int]:
    counts = job.counts
    return counts.waiting_gens, counts.loading_models, counts.waiting_backends, counts.live_gens


class TestTheStraightWay:
    def test_each_step_moves_the_counters(self) -> None:
        told: list[tuple[int, int, int, int]] = []
        job = make(1, changed=told.append)
        assert counted(job) == (1, 0, 0, 0) and job.state == "waiting"
        assert job.admit(5) == [0] and counted(job) == (1, 0, 1, 0)
        assert job.claim(0, 7) and counted(job) == (1, 0, 1, 0) and job.state == "running"
        assert job.pictures[0].engine == 7 and job.pictures[0].at_engine
        assert job.load(0) and counted(job) == (1, 1, 1, 0)
        assert job.start(0) and counted(job) == (1, 0, 0, 1) and job.pictures[0].begun
        assert job.receive(0) and counted(job) == (1, 0, 0, 1)
        picture = job.pictures[0]
        assert picture.settled
        assert job.finish(0) and counted(job) == (0, 0, 0, 0)
        assert job.ended and job.state == "done" and picture.engine is None
        total = Counts()
        for difference in told:
            total.change(*difference)
        assert total.idle and total == Counts()

    def test_loading_may_be_left_out(self) -> None:
        job = make(1)
        job.admit(1)
        job.claim(0, 0)
        assert job.start(0) and job.receive(0) and job.finish(0)


class TestAdmitting:
    def test_no_more_than_the_cap_are_under_way(self) -> None:
        job = make(5)
        assert job.admit(2) == [0, 1]
        assert job.admit(2) == []
        job.claim(0, 0)
        assert job.admit(2) == []
        assert job.cancel(0)
        assert job.admit(2) == [2]

    def test_done_and_cancelled_ones_are_passed_over(self) -> None:
        job = make(4, done=(0, 2))
        assert job.counts.waiting_gens == 2
        job.cancel(1)
        assert job.admit(9) == [3]

    def test_a_job_found_all_done_has_ended(self) -> None:
        job = make(2, done=(0, 1))
        assert job.ended and job.state == "done"


class TestLateWords:
    @pytest.mark.parametrize("end", sorted(ENDS))
    def test_nothing_moves_after_the_end(self, end: State) -> None:
        job = make(1)
        job.admit(1)
        job.claim(0, 0)
        job.start(0)
        if end is State.DONE:
            job.receive(0)
            job.finish(0)
        elif end is State.FAILED:
            job.fail(0, "why")
        else:
            job.cancel(0)
        before = counted(job)
        assert not job.claim(0, 1) and not job.load(0) and not job.start(0) and not job.receive(0)
        assert not job.finish(0) and not job.fail(0, "again") and not job.cancel(0)
        assert not job.lose(0) and not job.stop(0) and job.admit(9) == []
        assert counted(job) == before and job.state == str(end)

    def test_an_image_not_in_line_cannot_be_claimed(self) -> None:
        assert not make().claim(0, 0)

    def test_loading_after_the_start_is_ignored(self) -> None:
        job = make(1)
        job.admit(1)
        job.claim(0, 0)
        job.start(0)
        assert not job.load(0)

    def test_finish_needs_a_received_picture(self) -> None:
        job = make(1)
        job.admit(1)
        job.claim(0, 0)
        assert not job.finish(0)


class TestStopping:
    def test_a_waiting_image_needs_no_engine_told(self) -> None:
        job = make(1)
        job.admit(1)
        assert not job.stop(0) and job.pictures[0].stopping

    def test_a_stopping_image_is_never_claimed(self) -> None:
        job = make(1)
        job.admit(1)
        job.stop(0)
        assert not job.claim(0, 0)

    def test_an_engine_is_told_once(self) -> None:
        job = make(1)
        job.admit(1)
        job.claim(0, 0)
        assert job.stop(0) and not job.stop(0)

    def test_a_picture_being_saved_is_kept(self) -> None:
        job = make(1)
        job.admit(1)
        job.claim(0, 0)
        job.receive(0)
        assert not job.stop(0) and not job.cancel(0) and job.finish(0) and job.state == "done"


class TestLosingTheEngine:
    def test_the_first_time_it_goes_back_in_line(self) -> None:
        job = make(1)
        job.admit(1)
        job.claim(0, 0)
        job.start(0)
        assert job.lose(0)
        assert counted(job) == (1, 0, 1, 0) and job.pictures[0].engine is None
        assert job.claim(0, 1)

    def test_the_second_time_is_once_too_often(self) -> None:
        job = make(1)
        job.admit(1)
        for _ in range(2):
            job.claim(0, 0)
            lost = job.lose(0)
        assert not lost

    def test_a_picture_being_saved_is_not_lost(self) -> None:
        job = make(1)
        job.admit(1)
        job.claim(0, 0)
        job.receive(0)
        assert not job.lose(0)


class TestTheJobsOwnState:
    def test_failed_weighs_more_than_cancelled(self) -> None:
        job = make(3, done=(0,))
        job.cancel(1)
        assert job.state == "running"
        job.fail(2, "first")
        assert job.state == "failed" and job.reason == "first"

    def test_cancelled_weighs_more_than_done(self) -> None:
        job = make(2, done=(0,))
        job.cancel(1)
        assert job.state == "cancelled"

    def test_the_first_reason_stays(self) -> None:
        job = make(2)
        job.fail(0, "one")
        job.fail(1, "two")
        assert job.reason == "one"

    def test_what_it_will_be_after_the_last_image(self) -> None:
        job = make(3)
        assert job.state_after(0) is None
        job.fail(1, "x")
        job.cancel(2)
        assert job.state_after(0) == "failed"
        assert make(1).state_after(0) == "done"
