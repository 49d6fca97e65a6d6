"""The durable queue's own rows: kept while they are of use, forgotten once they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from runner_tools import wait_for as until

from labstudio._studio import Studio
from labstudio.daemon.finished import forget_finished
from labstudio.daemon.queue import workflow_id
from labstudio.jobs.models import JobState

pytestmark = pytest.mark.slow


@pytest.fixture
def served(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A studio with its daemon, on SQLite or on Postgres."""
    if request.param == "sqlite":
        yield request.getfixturevalue("live_studio")
        return
    settings = {
        "DATABASE_URL": request.getfixturevalue("postgres_url"),
        "TRACKING": "false",
        "WARM_KERNELS": "0",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"LABSTUDIO_{name}", value)
    with request.getfixturevalue("serving")() as opened:
        yield opened


@pytest.fixture
def write_script(tmp_path: Path) -> Callable[[str], Path]:
    def write(code: str) -> Path:
        path = tmp_path / "job.py"
        path.write_text(code)
        return path

    return write


def rows(studio: Studio, table: str, *names: str) -> int:
    schema = "" if studio.database.sqlite else "dbos."
    query = sa.text(f"SELECT count(*) FROM {schema}{table} WHERE workflow_uuid IN :names")
    with studio.database.read() as connection:
        bound = query.bindparams(sa.bindparam("names", expanding=True))
        return int(connection.scalar(bound, {"names": names}) or 0)


@pytest.mark.parametrize(
    "served", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_what_is_finished_is_forgotten_and_nothing_else(
    served: Studio, write_script: Callable[[str], Path]
) -> None:
    done = served.jobs.submit(write_script("print(1)")).wait(60)
    assert done.state is JobState.succeeded, done.logs()
    running = served.jobs.submit(write_script("import time; time.sleep(600)"))
    until(lambda: running.refresh().state is JobState.running)
    first, second = workflow_id(done.id, 1), workflow_id(running.id, 1)
    until(lambda: status(served, first) == "SUCCESS")
    forget_finished(served, datetime.now(UTC) - timedelta(hours=1))
    assert rows(served, "workflow_status", first, second) == 2
    assert forget_finished(served, datetime.now(UTC) + timedelta(seconds=1)) >= 1
    assert rows(served, "workflow_status", first) == 0
    assert rows(served, "workflow_input", first) == rows(served, "workflow_output", first) == 0
    assert rows(served, "workflow_status", second) == 1
    # The queue goes on, and what was forgotten is not done again.
    running.stop()
    assert running.wait(90).state is JobState.stopped
    assert served.jobs.submit(write_script("print(2)")).wait(60).state is JobState.succeeded
    assert len(served.jobs.detail(done.id).attempts) == 1


def test_where_no_worker_has_been_there_is_nothing(studio: Studio) -> None:
    assert forget_finished(studio, datetime.now(UTC)) == 0


def status(studio: Studio, name: str) -> str | None:
    schema = "" if studio.database.sqlite else "dbos."
    query = sa.text(f"SELECT status FROM {schema}workflow_status WHERE workflow_uuid = :name")
    with studio.database.read() as connection:
        found: str | None = connection.scalar(query, {"name": name})
    return found
