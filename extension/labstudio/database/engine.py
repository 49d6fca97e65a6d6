"""The studio's database: SQLite in the home, or Postgres by URL."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from labstudio.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

# Long enough to sit out another writer (a backup, a slow disk), short enough for a person to wait.
BUSY_TIMEOUT_S = 30

# On Postgres our tables stand in a schema of their own; the durable queue's are in `dbos`.
SCHEMA = "labstudio"
VERSION_TABLE = "labstudio_version"


class Database:
    """One pool of connections, and the schema brought up to date on first use.

    Parameters
    ----------
    url
        A SQLAlchemy URL; ``postgresql://`` is served by psycopg.
    """

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        if self.url.drivername in ("postgresql", "postgres"):
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.engine: Engine = _create_engine(self.url)
        self._migrated = False
        self._lock = Lock()

    @property
    def sqlite(self) -> bool:
        """Whether this is the embedded default."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction: committed at the end, rolled back on an error.

        Raises
        ------
        Unavailable
            When the database cannot be opened or written.
        """
        self.migrate()
        with _told_clearly(self.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection for reading; it takes no write lock."""
        self.migrate()
        with _told_clearly(self.url), self.engine.connect() as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the schema up to date; cheap when it is."""
        if not self._migrated:
            with self._lock, _told_clearly(self.url):
                _upgrade(self.engine)
                self._migrated = True

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _create_engine(url: sa.URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            connect_args={"options": f"-csearch_path={SCHEMA}"},
        )
    engine = sa.create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_S}, pool_size=10, max_overflow=20
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        # Writers queue up at BEGIN instead of failing half-way when a read becomes a write.
        connection.isolation_level = "IMMEDIATE"
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
        connection.execute("PRAGMA foreign_keys=ON")
        # NORMAL in WAL mode survives a killed process; only a power cut may lose the last moment.
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _enable_wal(path: str) -> None:
    """Let readers and a writer work side by side; the mode stays with the file."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.DatabaseError as error:
        raise Unavailable(f"The studio's database {path} cannot be used now: {error}.") from error
    finally:
        connection.close()


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    if engine.url.get_backend_name() == "sqlite" and engine.url.database:
        _enable_wal(engine.url.database)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    head = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        current = context.get_current_revision()
    if current == head:
        return
    with engine.connect() as connection:
        # Two processes that open a new home at once: the second waits here, and finds it done.
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7205759403792)"))
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextmanager
def _told_clearly(url: sa.URL) -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError, ProgrammingError):
        raise
    except DatabaseError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        where = url.render_as_string(hide_password=True)
        raise Unavailable(f"The studio's database {where} cannot be used now: {reason}.") from error
