"""Notice: a preemptible compute is drained now, and its jobs save, wait, and go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from preemption_tools import (
    LOOPS,
    SPOT,
    attempt,
    described,
    log,
    runner,
    scripts,
    spot_studio,
    submit,
    until,
)

from labstudio._studio import Studio
from labstudio.errors import InvalidInput
from labstudio.jobs.runner import protocol

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    """One for all tests of this module."""
    with spot_studio() as made:
        yield made


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    """Write a script."""
    return scripts(tmp_path)


@contextmanager
def drained(studio: Studio) -> Iterator[None]:
    """Have what runs here save a checkpoint and wait."""
    studio.computes.drain("local", draining=True, now=True)
    try:
        yield
    finally:
        studio.computes.drain("local", draining=False)


def test_a_drain_gives_notice_and_jobs_wait_until_it_is_over(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    job = submit(studio, script(LOOPS))
    run_id = job.run_id
    until(lambda: "step 7" in log(studio, job, 1))
    with drained(studio):
        until(lambda: job.state == "queued", 15)
        late = submit(studio, script("print('late')"))
        first = studio.jobs.detail(job.id).attempts[0]
        assert first.state == "interrupted"
        assert first.notice_at is not None
        assert "Goes on when a slot is free" in (first.cause or "")
        shown = studio.computes.detail("local")
        assert (shown.state, shown.running) == ("draining", 0)
        assert shown.message == "Nothing new is let in; jobs save a checkpoint and wait."
        assert {each.id for each in shown.waiting} == {job.id, late.id}
        time.sleep(1.0)
        assert job.state == "queued"
    assert job.wait(60).state == "succeeded"
    record = studio.jobs.detail(job.id)
    assert (record.preemptions, record.attempt, record.run_id) == (1, 2, run_id)
    assert record.attempts[1].notice_at is None
    done = log(studio, job, 1).count("step ")
    assert f"from the checkpoint of step {done}." in log(studio, job, 2)
    assert late.wait(60).state == "succeeded"
    assert studio.jobs.get(late.id).preemptions == 0


def test_a_notice_is_passed_on_by_a_daemon_that_was_not_there_when_it_was_given(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    job = submit(studio, script(LOOPS))
    until(lambda: "step 2" in log(studio, job, 1))
    studio.keeper.stop()
    with drained(studio):
        assert "being taken away" not in log(studio, job, 1)
        assert studio.keeper.ensure(wait=True).state == "running"
        until(lambda: job.state == "queued", 30)
        assert "being taken away" in log(studio, job, 1)
        job.stop()
    assert job.wait(10).state == "stopped"
    assert not attempt(studio, job, 2).exists()


def test_what_does_not_even_end_after_its_grace_period_is_killed_and_waits(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    with described(studio, SPOT.format(0.5)):
        job = submit(studio, script(LOOPS))
        until(lambda: "step 7" in log(studio, job, 1))
        os.kill(runner(studio, job, 1), signal.SIGSTOP)
        began = time.monotonic()
        with drained(studio):
            until(lambda: job.state == "queued", 30)
            assert 10 < time.monotonic() - began < 20
            assert not protocol.is_alive(attempt(studio, job, 1))
    assert job.wait(60).state == "succeeded"
    first = studio.jobs.detail(job.id).attempts[0]
    assert first.error is not None
    assert first.error.type == "Preempted"
    assert "from the checkpoint of step" in log(studio, job, 2)


def test_only_what_is_preemptible_is_drained_now(studio: Studio) -> None:
    for draining, problem in ((False, "takes new work"), (True, "not preemptible")):
        with described(studio, ""), pytest.raises(InvalidInput, match=problem) as caught:
            studio.computes.drain("local", draining=draining, now=True)
        assert caught.value.details["field"] == "now"
    assert studio.computes.detail("local").state == "ready"
