"""Many jobs at once, and what the daemon costs when there is nothing to do."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest
from harness import house
from test_kill import Server
from waiting import eventually

from labstudio.jobs.models import CreateSweep, JobState, ListJobs

pytestmark = pytest.mark.faults


def test_with_a_thousand_jobs_queued_listing_stays_quick_and_the_queue_keeps_up() -> None:
    with house(max_jobs=1, warm_kernels=0) as home:
        source = home.work / "point.py"
        source.write_text("print('done')\n")
        grid = {"a": list(range(40)), "b": list(range(25))}
        request = CreateSweep.model_validate(
            {"job": {"path": str(source), "files": []}, "grid": grid}
        )
        asked = time.monotonic()
        jobs = home.jobs.sweep(request)
        submitted_s = time.monotonic() - asked
        assert len(jobs) == 1000
        home.start_daemon()
        urgent = home.script("print('urgent')", name="urgent", priority=100)
        took = []

        def look() -> bool:
            began = time.monotonic()
            page = home.jobs.list(ListJobs(limit=100))
            took.append(time.monotonic() - began)
            return page.counts.get(JobState.succeeded, 0) >= 20

        eventually(look, 50, home.told, pause_s=0.1)
        took.sort()
        everything = time.monotonic()
        assert len(home.jobs.list(ListJobs(limit=1000)).items) == 1000
        everything = time.monotonic() - everything
        ahead = home.jobs.list(ListJobs(state=[JobState.succeeded], limit=1000)).items
        assert urgent.id in {job.id for job in ahead}
        assert statistics.median(took) < 0.05, took
        print(
            f"1,000 jobs accepted in {submitted_s:.2f} s; a page of 100 listed in "
            f"{statistics.median(took) * 1000:.0f} ms (median), {took[-1] * 1000:.0f} ms (most), "
            f"all 1,000 in {everything * 1000:.0f} ms"
        )


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_daemon_with_nothing_to_do_does_next_to_nothing() -> None:
    with house(warm_kernels=1, heartbeat_s=5) as home:
        daemon = home.start_daemon()
        home.await_end(home.cell("1"))
        time.sleep(6)
        began, before = time.monotonic(), cpu_s(daemon.pid)
        time.sleep(12)
        share = (cpu_s(daemon.pid) - before) / (time.monotonic() - began)
        status = Path(f"/proc/{daemon.pid}/status").read_text()
        memory = int(status.partition("VmRSS:")[2].split()[0]) / 1024
        print(f"idle daemon: {share:.1%} of a core, {memory:.0f} MB")
        assert share < 0.05
        assert memory < 250


def test_the_server_starts_again_a_daemon_that_was_killed_under_it() -> None:
    with house() as home:
        server = Server(home)
        server.start()
        server.await_ready()
        first = home.await_daemon()
        for _ in range(2):
            home.kill_daemon()
            first = home.await_daemon(60, other_than=first)
        server.kill()
        job = home.script("print(1)")
        assert home.await_end(job).state is JobState.succeeded
