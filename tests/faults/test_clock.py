"""The clock is set while jobs run: a machine wakes up, a time server answers at last."""

from __future__ import annotations

import psutil
import pytest
from harness import house

from labstudio.daemon.keeper import read_daemon
from labstudio.jobs import processes
from labstudio.jobs.models import JobState
from labstudio.jobs.runner import protocol

pytestmark = pytest.mark.faults

LONG = "import time\nprint('on', flush=True)\ntime.sleep(600)\n"


def test_what_runs_is_known_again_after_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with house() as home:
        home.start_daemon()
        job = home.script(LONG)
        home.await_log(job, "on")
        runner = home.runner(job)
        folder = home.home.attempt(job.id, 1)
        boot = psutil.boot_time()
        # What psutil reckons every start time from: it moves with the clock.
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot + 3600)
        shown = psutil.Process(runner.pid).create_time()
        assert abs(shown - runner.create_time) > 3000
        assert protocol.is_alive(folder)
        assert read_daemon(home.home) is not None
        assert home.studio.keeper.status().state == "running"
        # A number that another process has by now is another process all the same.
        other = runner.model_copy(update={"started": (runner.started or 0) - 1})
        assert protocol.process_of(other.pid, other.create_time, other.started) is None
        assert runner.pid in processes.kill_attempt(folder)
        assert home.await_end(job).state is JobState.interrupted
        home.check_no_job_processes()
