"""Two daemons, an older daemon, a daemon that ends, workers that fall silent."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from harness import House, house, kill
from waiting import eventually

from labstudio._version import __version__
from labstudio.daemon.identity import worker_id
from labstudio.daemon.queue import APPLICATION_VERSION, WORKFLOW, workflow_id
from labstudio.database.tables import attempts, jobs, workers
from labstudio.jobs.models import Job, JobState
from labstudio.jobs.store import now

pytestmark = pytest.mark.faults

TICKS = "import time\nfor n in range({n}):\n    print('tick', n, flush=True)\n    time.sleep(0.1)\n"


def ticks(n: int) -> str:
    return TICKS.format(n=n)


def whole_log(home: House, job_id: str) -> list[str]:
    return home.jobs.log(job_id).text.splitlines()


def test_of_two_daemons_started_at_once_one_wins_and_the_other_says_so() -> None:
    with house() as home:
        kept = [home.script("print('once')", name=f"once{each}") for each in range(3)]
        for _ in range(3):
            both = [home.launch_daemon(), home.launch_daemon()]

            def over() -> list[subprocess.Popen[bytes]]:
                return [each for each in both if each.poll() is not None]  # noqa: B023

            (loser,) = eventually(over, 60, home.told)
            assert loser.returncode == 1
            told = (home.work / "daemon.err").read_text().strip().splitlines()
            said = [line for line in told if "Another daemon" in line]
            assert said, told
            assert str(home.path) in said[-1]
            assert not any("Traceback" in line for line in told), told
            pid = home.await_daemon()
            assert pid in {each.pid for each in both} - {loser.pid}
            for job in kept:
                assert home.await_end(job).state is JobState.succeeded
            kill(pid)
            (home.work / "daemon.err").write_text("")
            kept.append(home.script("print('once')", name=f"more{len(kept)}"))
        home.start_daemon()
        home.await_end(kept[-1])
        for job in kept:
            assert whole_log(home, job.id) == ["once"]
        home.check_jobs()


ENSURE = """
from labstudio._studio import Studio
status = Studio().keeper.ensure(wait=True)
while status.state == "starting":  # a very slow machine
    status = Studio().keeper.ensure(wait=True)
print(status.state, status.pid, status.message)
"""


def test_whoever_keeps_the_daemon_at_the_same_moment_hears_of_the_one() -> None:
    with house() as home:
        asked = [home.python(ENSURE, stdout=subprocess.PIPE) for _ in range(3)]
        answers = [each.communicate()[0].decode().split(maxsplit=2) for each in asked]
        assert {state for state, *_ in answers} == {"running"}, answers
        assert len({pid for _, pid, _ in answers}) == 1, answers
        assert answers[0][1] == str(home.daemon_pid())


OLDER = """
import sys
import labstudio._version
labstudio._version.__version__ = "0.0.1"
from labstudio.daemon.process import main
sys.exit(main())
"""


def test_an_older_daemon_is_replaced_and_running_jobs_go_on() -> None:
    with house() as home:
        with (home.work / "daemon.err").open("ab") as output:
            old = home.python(OLDER, stdout=output, stderr=output)
        home.await_daemon()
        told = home.studio.keeper.status()
        assert told.state == "outdated"
        assert told.version == "0.0.1"
        assert "It will be replaced; running jobs go on." in told.message
        job = home.script(ticks(60), name="ticks")
        home.await_log(job, "tick 2\n")
        runner = home.runner(job)
        environment = dict(home.settings)
        os.environ.update(environment)
        try:
            status = home.studio.keeper.ensure(wait=True)
        finally:
            for name in environment:
                del os.environ[name]
        assert (status.state, status.version) == ("running", __version__), status
        assert old.wait(10) == 0
        assert home.runner(job).pid == runner.pid
        assert home.await_end(job).state is JobState.succeeded, home.describe(job.id)
        assert whole_log(home, job.id) == [f"tick {n}" for n in range(60)]
        assert len(home.jobs.detail(job.id).attempts) == 1
        home.check_jobs()


def test_a_daemon_that_ends_leaves_its_jobs_running_for_the_next() -> None:
    with house() as home:
        first = home.start_daemon()
        job = home.notebook(ticks(40), "print('the end')")
        home.await_log(job, "tick 1\n")
        # Output can be on disk before the daemon has heard from the runner.
        eventually(lambda: home.state(job) is JobState.running, 40, lambda: home.describe(job.id))
        asked = time.monotonic()
        first.send_signal(signal.SIGTERM)
        assert first.wait(15) == 0
        assert time.monotonic() - asked < 8
        assert home.daemon_pid() is None
        assert home.state(job) is JobState.running
        size = home.jobs.log(job.id).size_bytes
        eventually(lambda: home.jobs.log(job.id).size_bytes > size, 40, "the job stands still")
        home.start_daemon()
        assert home.await_end(job).state is JobState.succeeded, home.describe(job.id)
        assert whole_log(home, job.id) == [*(f"tick {n}" for n in range(40)), "the end"]
        assert len(home.jobs.detail(job.id).attempts) == 1
        home.studio.keeper.stop()
        home.check_no_orphans()


def taken_by(home: House, job_id: str) -> str | None:
    return home.jobs.detail(job_id).attempts[-1].worker if home.jobs.get(job_id).attempt else None


def test_what_a_further_worker_had_is_taken_over_when_it_dies_or_leaves() -> None:
    with house(max_jobs=1) as home:
        home.start_daemon()
        blocker = home.script(ticks(3000), name="blocker")
        home.await_log(blocker, "tick 0")
        for ending in (signal.SIGKILL, signal.SIGTERM):
            worker = home.launch_worker()
            job = home.script(ticks(80), name=f"taken{ending}")
            home.await_log(job, "tick 0", 60)
            its = taken_by(home, job.id)
            assert its is not None
            assert its.endswith(f"-{worker.pid}")
            kill(worker.pid, ending)
            worker.wait(15)
            home.jobs.stop(blocker.id)
            daemon = worker_id(home.home)
            eventually(
                lambda: taken_by(home, job.id) == daemon,  # noqa: B023
                60,
                lambda: home.describe(job.id),  # noqa: B023
            )
            assert home.await_end(job).state is JobState.succeeded
            assert whole_log(home, job.id) == [f"tick {n}" for n in range(80)]
            assert len(home.jobs.detail(job.id).attempts) == 1
            if ending == signal.SIGKILL:
                blocker = home.script(ticks(3000), name="second blocker")
                home.await_log(blocker, "tick 0")
        home.check_jobs()


def test_each_worker_keeps_its_own_limit_whoever_started_last() -> None:
    # However slow this machine: the daemon is back before the worker takes over what it had.
    with house(max_jobs=3, worker_timeout_s=60) as home:
        home.start_daemon()
        worker = home.launch_worker(LABSTUDIO_MAX_JOBS="1")
        its, daemon = f"{worker_id(home.home)}-{worker.pid}", worker_id(home.home)
        waiting = [home.script(ticks(3000), name=f"long{each}") for each in range(6)]

        def running() -> Counter[str | None]:
            return running_by_worker(home, waiting)

        eventually(lambda: running() == {daemon: 3, its: 1}, 60, lambda: str(running()))
        # The daemon comes back, and is now the one that started last.
        home.kill_daemon()
        home.start_daemon()
        waiting.append(home.script(ticks(1), name="more"))
        time.sleep(2)
        assert running() == {daemon: 3, its: 1}
        for job in waiting:
            home.jobs.stop(job.id)
        for job in waiting:
            home.await_end(job)
        home.check_jobs()


def test_who_takes_over_goes_on_with_what_runs_and_begins_nothing_beyond_its_own_limit() -> None:
    with house(max_jobs=3) as home:
        home.start_daemon()
        worker = home.launch_worker(LABSTUDIO_MAX_JOBS="1")
        its, daemon = f"{worker_id(home.home)}-{worker.pid}", worker_id(home.home)
        longs = [home.script(ticks(3000), name=f"long{each}") for each in range(4)]

        def running() -> Counter[str | None]:
            return running_by_worker(home, [*longs, unbegun])

        unbegun = home.script(ticks(3000), name="unbegun")
        eventually(lambda: running() == {daemon: 3, its: 1}, 60, lambda: str(running()))
        home.kill_daemon()
        with home.studio.database.begin() as connection:
            # As the daemon leaves what it had let in a moment before.
            connection.execute(
                jobs.update()
                .where(jobs.c.id == unbegun.id, jobs.c.dispatched == 0)
                .values(dispatched=1)
            )
            pretend_taken(connection, unbegun.id, daemon)
        eventually(lambda: running() == {its: 4}, 90, lambda: str(running()))
        home.jobs.stop(longs[0].id)
        home.await_end(longs[0])
        time.sleep(1)
        assert home.state(unbegun) is JobState.queued, home.describe(unbegun.id)
        home.start_daemon()
        eventually(lambda: running() == {its: 3, daemon: 1}, 90, lambda: str(running()))
        for job in (*longs[1:], unbegun):
            home.jobs.stop(job.id)
            home.await_end(job)
        assert len(home.jobs.detail(unbegun.id).attempts) == 1
        home.check_jobs()


def running_by_worker(home: House, among: list[Job]) -> Counter[str | None]:
    found = [job for job in among if home.state(job) is JobState.running]
    return Counter(taken_by(home, job.id) for job in found)


def test_the_jobs_of_a_machine_gone_silent_are_interrupted_and_tried_again_by_their_policy() -> (
    None
):
    with house() as home:
        home.start_daemon()
        home.studio.keeper.stop()
        tried_again = home.script("print('here')", name="again", retries=1, retry_backoff_s=0)
        given_up = home.script("print('never')", name="never")
        unbegun = home.script("print('taken, not begun')", name="unbegun")
        with home.studio.database.begin() as connection:
            connection.execute(
                workers.insert().values(
                    id="elsewhere-1",
                    host="elsewhere",
                    pid=4711,
                    version=__version__,
                    started_at=now(),
                    # Its clock is an hour ahead: that does not make it live.
                    heartbeat_at=now() + timedelta(hours=1),
                )
            )
            for job in (tried_again, given_up, unbegun):
                connection.execute(jobs.update().where(jobs.c.id == job.id).values(dispatched=1))
                pretend_taken(connection, job.id, "elsewhere-1")
            for job in (tried_again, given_up):
                connection.execute(
                    jobs.update().where(jobs.c.id == job.id).values(state="running", attempt=1)
                )
                connection.execute(
                    attempts.insert().values(
                        job_id=job.id,
                        number=1,
                        state="running",
                        worker="elsewhere-1",
                        started_at=now(),
                    )
                )
        home.start_daemon()
        ended = home.await_end(given_up)
        assert ended.state is JobState.interrupted
        assert ended.error is not None
        assert "elsewhere" in ended.error
        assert home.await_end(tried_again).state is JobState.succeeded
        first, second = home.jobs.detail(tried_again.id).attempts
        assert first.state is JobState.interrupted
        assert first.cause is not None
        assert "elsewhere" in first.cause
        assert "Tried again (1 of 2" in first.cause
        assert second.worker == worker_id(home.home)
        assert home.await_end(unbegun).state is JobState.succeeded
        home.check_jobs()


def test_what_was_taken_and_got_lost_on_the_way_to_its_thread_is_taken_again() -> None:
    """The queue's row says that this daemon makes it; a database that failed between kept it so."""
    with house() as home:
        home.start_daemon()
        job = home.script("print('after all')", priority=0)
        home.await_end(job)
        stray = home.script("print('after all')", name="stray")
        with home.studio.database.begin() as connection:
            moved = connection.execute(
                jobs.update()
                .where(jobs.c.id == stray.id, jobs.c.dispatched == 0)
                .values(dispatched=1)
            ).rowcount
            if moved:
                pretend_taken(connection, stray.id, worker_id(home.home))
        assert home.await_end(stray, 20).state is JobState.succeeded
        home.check_jobs()


def pretend_taken(connection: sa.Connection, job_id: str, worker: str) -> None:
    """Write the queue's row as a worker leaves it that died right after it took an attempt."""
    from dbos._serialization import DefaultSerializer

    inputs = DefaultSerializer().serialize({"args": (job_id, 1), "kwargs": {}})
    sqlite = connection.dialect.name == "sqlite"
    table = "workflow_status" if sqlite else "dbos.workflow_status"
    connection.execute(
        sa.text(
            f"INSERT INTO {table} (workflow_uuid, status, name, executor_id, created_at,"
            " updated_at, application_version, inputs, queue_name, queue_partition_key, priority,"
            " recovery_attempts, application_name, serialization) VALUES (:id, 'PENDING', :name,"
            " :worker, 1, 1, :version, :inputs, 'local', 'root', 1000, 1, 'labstudio', :how)"
        ),
        {
            "id": workflow_id(job_id, 1),
            "name": WORKFLOW,
            "worker": worker,
            "version": APPLICATION_VERSION,
            "inputs": inputs,
            "how": DefaultSerializer().name(),
        },
    )


def test_an_attempt_ended_by_others_while_its_machine_was_away_is_ended_here_too() -> None:
    """The network came back: what was given up runs here no more, beside its next attempt."""
    with house() as home:
        home.start_daemon()
        living = home.script(ticks(300), name="living")
        resting = home.script(ticks(301), name="resting")
        for job in (living, resting):
            home.await_log(job, "tick 1\n")
        runners = [home.runner(job) for job in (living, resting)]
        end = attempts.update().values(ended_at=now(), state="interrupted")
        close = jobs.update().values(ended_at=now(), state="interrupted")
        with home.studio.database.begin() as connection:
            connection.execute(end.where(attempts.c.job_id == living.id))
            connection.execute(close.where(jobs.c.id == living.id))
        gone = lambda pid: not any(each.pid == pid for each in home.processes())  # noqa: E731
        eventually(lambda: gone(runners[0].pid), 15, lambda: home.describe(living.id))
        assert not gone(runners[1].pid)
        home.kill_daemon()
        with home.studio.database.begin() as connection:
            connection.execute(end.where(attempts.c.job_id == resting.id))
            connection.execute(close.where(jobs.c.id == resting.id))
        home.start_daemon()
        eventually(lambda: gone(runners[1].pid), 60, lambda: home.describe(resting.id))
        home.check_no_job_processes()


def test_the_nursery_killed_at_any_moment_loses_no_job() -> None:
    with house(max_jobs=2) as home:
        home.start_daemon()
        done = []
        for pause in (0.0, 0.02, 0.1, 0.3):
            done += [home.cell(f"print({pause})"), home.script(f"print({pause})")]
            time.sleep(pause)
            for process in home.processes():
                if "labstudio.jobs.runner.nursery_main" in process.cmdline() and process.ppid() == (
                    home.daemon_pid()
                ):
                    kill(process.pid)
        for job in done:
            assert home.await_end(job).state is JobState.succeeded, home.describe(job.id)
        home.check_jobs()
        home.studio.keeper.stop()
        home.check_no_orphans()
