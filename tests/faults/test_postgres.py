"""The same on Postgres: kill -9 of the daemon, a stop, a machine gone silent, a database away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from harness import House, house, kill
from test_daemons import pretend_taken, ticks
from test_stop import DEAF, LIMIT_S, stop, submit

from labstudio._version import __version__
from labstudio.database.tables import attempts, jobs, workers
from labstudio.jobs.models import JobState
from labstudio.jobs.store import now

pytestmark = [pytest.mark.faults, pytest.mark.postgres]


@pytest.fixture(scope="module")
def home(postgres_url: str) -> Iterator[House]:
    with house(database_url=postgres_url, max_jobs=3) as made:
        made.start_daemon()
        yield made


def test_the_daemon_is_killed_and_jobs_go_on(home: House) -> None:
    running = home.script(ticks(60), name="ticks")
    cell = home.cell("import time; time.sleep(2); print('whole')")
    home.await_log(running, "tick 2\n")
    runner = home.runner(running)
    home.kill_daemon()
    late = home.notebook("print('late')")
    lost = home.script(ticks(200), name="lost", retries=1, retry_backoff_s=0)
    home.start_daemon()
    home.await_log(lost, "tick 1\n")
    info = home.runner(lost)
    home.kill_daemon()
    kill(info.pid)
    home.start_daemon()
    assert home.await_end(running).state is JobState.succeeded, home.describe(running.id)
    assert home.jobs.log(running.id).text == "".join(f"tick {n}\n" for n in range(60))
    assert home.runner(running).pid == runner.pid
    for job in (cell, late):
        assert home.await_end(job).state is JobState.succeeded, home.describe(job.id)
    assert home.await_end(lost).state is JobState.succeeded
    first, _ = home.jobs.detail(lost.id).attempts
    assert first.state is JobState.interrupted
    assert first.cause is not None
    home.check_jobs()
    home.check_no_job_processes()


def test_a_stop_is_as_quick(home: House) -> None:
    job = submit(home, "script", DEAF)
    home.await_log(job, "ready")
    assert stop(home, job) < LIMIT_S
    assert home.state(job) is JobState.stopped
    home.check_no_job_processes(1)


def test_the_jobs_of_a_silent_machine_are_tried_again(home: House) -> None:
    home.studio.keeper.stop()
    job = home.script("print('here')", name="again", retries=1, retry_backoff_s=0)
    with home.studio.database.begin() as connection:
        connection.execute(
            workers.insert().values(
                id="elsewhere-1",
                host="elsewhere",
                pid=4711,
                version=__version__,
                started_at=now(),
                heartbeat_at=now() + timedelta(hours=1),
            )
        )
        connection.execute(
            jobs.update()
            .where(jobs.c.id == job.id)
            .values(dispatched=1, attempt=1, state="running")
        )
        connection.execute(
            attempts.insert().values(
                job_id=job.id, number=1, state="running", worker="elsewhere-1", started_at=now()
            )
        )
        pretend_taken(connection, job.id, "elsewhere-1")
    home.start_daemon()
    assert home.await_end(job).state is JobState.succeeded
    first, _ = home.jobs.detail(job.id).attempts
    assert first.state is JobState.interrupted
    assert first.cause is not None
    assert "elsewhere" in first.cause
    home.check_jobs()


def test_connections_cut_by_the_server_are_opened_anew(home: House) -> None:
    job = home.script(ticks(40), name="cut")
    home.await_log(job, "tick 1\n")
    pid = home.daemon_pid()
    for _ in range(5):
        with home.studio.database.engine.connect() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        time.sleep(0.3)
    assert home.await_end(job).state is JobState.succeeded, home.describe(job.id)
    assert home.await_end(home.script("print('after')")).state is JobState.succeeded
    assert home.daemon_pid() == pid
    home.check_jobs()
