"""The studio's database: SQLite in the home, or Postgres by URL."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from labstudio.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

# Long enough to sit out another writer (a backup, a slow disk), short enough for a person to wait.
BUSY_TIMEOUT_S = 30

# On Postgres our tables stand in a schema of their own; the durable queue's are in `dbos`.
SCHEMA = "labstudio"
VERSION_TABLE = "labstudio_version"
MIGRATIONS = Path(__file__).parent / "migrations"

# Alembic keeps what it works on in its module: one database at a time in a process.
_upgrading = Lock()


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

    def find(self, table: sa.Table, object_id: str) -> sa.Row[Any] | None:
        """Return the row of an id; None where there is none."""
        with self.read() as connection:
            return connection.execute(sa.select(table).where(table.c.id == object_id)).one_or_none()

    def migrate(self) -> None:
        """Bring the schema up to date; cheap when it is."""
        if not self._migrated:
            with _upgrading, _told_clearly(self.url):
                _upgrade(self.engine)
                self._migrated = True

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def is_full(error: Unavailable) -> bool:
    """Tell whether SQLite could not write because its disk is full."""
    cause = error.__cause__
    found = cause.orig if isinstance(cause, DatabaseError) else None
    return isinstance(found, sqlite3.Error) and found.sqlite_errorcode == sqlite3.SQLITE_FULL


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

    @sa.event.listens_for(engine, "do_connect")
    def open_unwritable(dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
        if url.database and _unwritable(Path(url.database)):
            path = Path(url.database)
            # What stands in the log of changes is read if its index is there; it cannot be made.
            index = path.with_name(path.name + "-shm").exists()
            how = "mode=ro" if index else "immutable=1"
            arguments[0] = f"{path.absolute().as_uri()}?{how}"
            options["uri"] = True

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        # Writers queue up at BEGIN instead of failing half-way when a read becomes a write.
        connection.isolation_level = "IMMEDIATE"
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
        connection.execute("PRAGMA foreign_keys=ON")
        # NORMAL in WAL mode survives a killed process; only a power cut may lose the last moment.
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _unwritable(path: Path) -> bool:
    """Tell whether a database is there that can only be read, its disk being so for instance."""
    return path.exists() and not os.access(path.parent, os.W_OK)


def _enable_wal(path: str) -> None:
    """Let readers and a writer work side by side; the mode stays with the file."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.DatabaseError as error:
        raise Unavailable(f"The studio's database {path} cannot be used now: {error}.") from error
    finally:
        connection.close()


def _newest() -> str:
    """Return the revision that this version of the code wants; files are named by it, in order."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(engine: Engine) -> str | None:
    """Return the revision of the schema as it is; None for an empty database."""
    with engine.connect() as connection:
        schema = None if engine.dialect.name == "sqlite" else SCHEMA
        if not sa.inspect(connection).has_table(VERSION_TABLE, schema=schema):
            return None
        version = sa.table(VERSION_TABLE, sa.column("version_num"), schema=schema)
        found: str | None = connection.scalar(sa.select(version.c.version_num))
        return found


def _upgrade(engine: Engine) -> None:
    path = engine.url.database if engine.url.get_backend_name() == "sqlite" else None
    if path and not _unwritable(Path(path)):
        _enable_wal(path)
    # Alembic takes half a second to import: only where there is something to do.
    current = _revision(engine)
    if current == _newest():
        return
    if current is not None and current > _newest():
        raise Unavailable(
            f"The studio's database was made by a newer labstudio (schema {current}, "
            f"this one knows {_newest()}). Update labstudio."
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
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
    except PoolTimeout as error:
        raise Unavailable("The studio's database is too busy to answer now.") from error
    except DatabaseError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        where = url.render_as_string(hide_password=True)
        raise Unavailable(f"The studio's database {where} cannot be used now: {reason}.") from error
