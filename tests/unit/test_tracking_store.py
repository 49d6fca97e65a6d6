"""MLflow's records: on Postgres, and brought up to date when MLflow is newer than they are."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from labstudio.experiments.server import TrackingServer
from labstudio.experiments.store import keep_copy, store_url
from labstudio.experiments.tracking import Tracking
from labstudio.experiments.wire import Metric

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.home import Home


def test_the_address_of_the_store(tmp_path: Path) -> None:
    assert store_url(tmp_path / "mlflow.db", None) == f"sqlite:///{tmp_path}/mlflow.db"
    told = store_url(tmp_path, "postgresql://me:p%40ss@host:5433/db?sslmode=require")
    assert told.startswith("postgresql+psycopg://me:p%40ss@host:5433/db?")
    assert "sslmode=require" in told
    assert "search_path%3Dlabstudio_mlflow" in told
    both = store_url(tmp_path, "postgresql://host/db?options=-cstatement_timeout%3D9")
    assert "statement_timeout%3D9+-csearch_path" in both


@pytest.mark.postgres
@pytest.mark.slow
def test_on_postgres(home: Home, postgres_url: str) -> None:
    import psycopg

    server = TrackingServer(home.create(), postgres_url)
    server.start()
    tracking = Tracking(home)
    try:
        server.wait_ready(120)
        run_id = tracking.create_run(tracking.ensure_experiment("pg"), "r", tags={"a": "b"})
        now = datetime.now(UTC)
        tracking.log_batch(run_id, [Metric("loss", 1 / (n + 1), now, n) for n in range(1500)])
        assert len(tracking.metric_histories(run_id, points=2000)["loss"]) == 1500
        tracking.end_run(run_id, "FINISHED")
    finally:
        tracking.close()
        server.stop()
    assert not home.tracking_database_path.exists()
    with psycopg.connect(postgres_url) as connection:
        where = connection.execute(
            "select table_schema from information_schema.tables where table_name = 'runs'"
        ).fetchall()
    assert where == [("labstudio_mlflow",)]


OLDER = """
import sys
from alembic import command
from alembic.script import ScriptDirectory
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.initial_models import Base
url = sys.argv[1]
engine = utils.create_sqlalchemy_engine_with_retry(url)
Base.metadata.create_all(engine)
config = utils._get_alembic_config(url)
head = ScriptDirectory.from_config(config).get_revision("head")
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, head.down_revision)
print(head.down_revision, head.revision)
"""


@pytest.mark.slow
def test_records_of_an_older_mlflow_are_migrated_and_kept(home: Home) -> None:
    database = home.create().tracking_database_path
    made = subprocess.run(
        [sys.executable, "-c", OLDER, f"sqlite:///{database}"],
        capture_output=True,
        text=True,
        check=True,
    )
    older, newest = made.stdout.split()
    with sqlite3.connect(database) as opened:
        opened.execute(
            "insert into experiments (experiment_id, name, lifecycle_stage, artifact_location)"
            " values (7, 'kept', 'active', 'mlflow-artifacts:/7')"
        )
    server = TrackingServer(home)
    server.start()
    tracking = Tracking(home)
    try:
        server.wait_ready(120)
        assert tracking.ensure_experiment("kept") == "7"
    finally:
        tracking.close()
        server.stop()
    for path, version in (
        (database, newest),
        (database.with_name(f"mlflow.db.before-{older}"), older),
    ):
        opened = sqlite3.connect(path)
        assert opened.execute("select version_num from alembic_version").fetchone() == (version,)
        assert opened.execute("select name from experiments where experiment_id = 7").fetchone()
        opened.close()


def test_a_copy_holds_what_stands_in_the_write_ahead_log(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    opened = sqlite3.connect(path)
    opened.execute("pragma journal_mode = wal")
    opened.execute("create table t (x)")
    opened.execute("insert into t values (1)")
    opened.commit()
    keep_copy(path, "v1")
    opened.execute("insert into t values (2)")
    opened.commit()
    keep_copy(path, "v1")
    opened.close()
    copy = sqlite3.connect(tmp_path / "mlflow.db.before-v1")
    assert copy.execute("select x from t").fetchall() == [(1,)]
    copy.close()
