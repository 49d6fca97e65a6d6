"""MLflow's record store, made ready before the tracking server serves it."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

LOG = logging.getLogger(__name__)

POSTGRES_SCHEMA = "labstudio_mlflow"

# What the studio reads by beside MLflow's indexes; all of them can be made and dropped at any time.
# Values of parameters and tags have none: Postgres refuses rows with long indexed texts.
INDEXES = {
    "labstudio_runs_begun": "runs (lifecycle_stage, start_time DESC, run_uuid, experiment_id)",
    "labstudio_runs_found": "runs (run_uuid, lifecycle_stage, experiment_id, start_time)",
    "labstudio_latest_metrics": "latest_metrics (key, is_nan, value, run_uuid)",
    # Curves are read from it alone: 50 of 10,000 values in 0.2 s, where MLflow's own index takes 3.
    "labstudio_metrics_course": "metrics (run_uuid, key, step, timestamp, value, is_nan)",
}

# As MLflow's own sessions set it; here it covers what runs before them.
BUSY_TIMEOUT_MS = 20_000


def store_url(database_path: Path, database_url: str | None) -> str:
    """Return the SQLAlchemy address of the store.

    Parameters
    ----------
    database_path
        The SQLite file that is used when there is no URL.
    database_url
        A PostgreSQL URL; the answer names the driver and the schema too.
    """
    if database_url is None:
        return f"sqlite:///{database_path}"
    from sqlalchemy import make_url

    url = make_url(database_url).set(drivername="postgresql+psycopg")
    given = url.query.get("options", "")
    options = given if isinstance(given, str) else " ".join(given)
    options = f"{options} -csearch_path={POSTGRES_SCHEMA}".strip()
    return url.update_query_dict({"options": options}).render_as_string(hide_password=False)


def prepare(url: str) -> None:
    """Create the store or bring it up to date with the MLflow that is installed.

    MLflow refuses to serve records of an older version and asks for a command to be typed. Here
    the records are the studio's own, so they are migrated; a copy of the SQLite file is kept. The
    studio's indexes are made anew after that: MLflow's migrations know nothing of them.
    """
    if url.startswith("sqlite:"):
        tune_sqlite()
    else:
        create_schema(url)
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine_with_retry(url)
    try:
        current = utils._get_schema_version(engine)
        if current is not None and current != utils._get_latest_schema_revision():
            if engine.url.database and url.startswith("sqlite:"):
                keep_copy(Path(engine.url.database), current)
            LOG.info("Migrating MLflow's records from schema version %s.", current)
            drop_indexes(engine)
            utils._upgrade_db(engine)
        if current is None:
            utils._safe_initialize_tables(engine)
        make_indexes(engine)
    finally:
        engine.dispose()


def take_over(url: str) -> None:
    """Make a database of before ready, its contents and artifact places left as they are.

    A file is brought up to date, a copy kept beside it. In Postgres others may use the records too:
    they are migrated by whoever owns them.
    """
    if url.startswith("sqlite:"):
        prepare(url)
        return
    from mlflow.store.db import utils
    from sqlalchemy.exc import DatabaseError

    engine = utils.create_sqlalchemy_engine_with_retry(url)
    try:
        make_indexes(engine)
    except DatabaseError as error:
        # Search works without, slower.
        LOG.warning("The studio's indexes cannot be made there: %s", error.orig)
    finally:
        engine.dispose()


def make_indexes(engine: Engine) -> None:
    """Make the studio's indexes where they are missing; with many runs that takes seconds."""
    from sqlalchemy import inspect, text

    with engine.begin() as connection:
        known = {
            index["name"]
            for table in ("runs", "latest_metrics", "metrics")
            for index in inspect(connection).get_indexes(table)
        }
        for name, columns in INDEXES.items():
            if name not in known:
                LOG.info("Making the index %s of MLflow's records.", name)
                connection.execute(text(f"CREATE INDEX IF NOT EXISTS {name} ON {columns}"))


def drop_indexes(engine: Engine) -> None:
    """Drop the studio's indexes."""
    from sqlalchemy import text

    with engine.begin() as connection:
        for name in INDEXES:
            connection.execute(text(f"DROP INDEX IF EXISTS {name}"))


def tune_sqlite() -> None:
    """Let readers and the writer work at once, on every SQLite connection of this process."""
    import sqlite3

    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA journal_mode = WAL")
            # Safe in WAL mode: only a power cut can lose the newest transactions, none is torn.
            connection.execute("PRAGMA synchronous = NORMAL")


def create_schema(url: str) -> None:
    """Create the schema that the address's search path names."""
    from sqlalchemy import create_engine
    from sqlalchemy.schema import CreateSchema

    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(CreateSchema(POSTGRES_SCHEMA, if_not_exists=True))
    finally:
        engine.dispose()


def keep_copy(database: Path, version: str) -> None:
    """Copy a SQLite database beside itself before its schema changes."""
    import sqlite3

    copy = database.with_name(f"{database.name}.before-{version}")
    if copy.exists():
        return
    temporary = copy.with_name(copy.name + ".part")
    temporary.unlink(missing_ok=True)
    # SQLite's own backup includes what still stands in the write-ahead log.
    source, target = sqlite3.connect(database), sqlite3.connect(temporary)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    shutil.move(temporary, copy)
