"""Connections that read MLflow's tables, beside the tracking server that writes them."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from labstudio.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

BUSY_TIMEOUT_S = 20
CONNECTIONS = 8
# Pages that SQLite keeps in memory for each connection, in KiB, and what it maps of the file.
CACHE_KIB = 32 * 1024
MAPPED_BYTES = 1 << 30


class Records:
    """MLflow's records in a database, read only.

    Parameters
    ----------
    url
        The SQLAlchemy address, as `labstudio.experiments.store.store_url` gives it.
    """

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.engine: Engine = _sqlite(self.url) if self.sqlite else _postgres(self.url)

    @property
    def exist(self) -> bool:
        """Whether anything was ever recorded; a home whose daemon never ran has no records."""
        if self.sqlite:
            return bool(self.url.database) and Path(str(self.url.database)).exists()
        with told_clearly(), self.engine.connect() as connection:
            return sa.inspect(connection).has_table("runs")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection for reading: one state of the records for all that it asks.

        Raises
        ------
        Unavailable
            When the records cannot be read.
        """
        with told_clearly(), self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@contextmanager
def told_clearly() -> Iterator[None]:
    """Say in one sentence that the records cannot be read, and why."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("MLflow's records are too busy to answer now.") from error
    except DatabaseError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        raise Unavailable(f"MLflow's records cannot be read now: {reason}.") from error


def _postgres(url: sa.URL) -> Engine:
    return sa.create_engine(
        url, pool_size=CONNECTIONS, pool_pre_ping=True, isolation_level="REPEATABLE READ"
    )


def _sqlite(url: sa.URL) -> Engine:
    import sqlite3

    path = Path(str(url.database)).absolute()

    def connect() -> sqlite3.Connection:
        # The write-ahead log is read along; nothing is ever written by this connection.
        opened = sqlite3.connect(
            f"{path.as_uri()}?mode=ro",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            check_same_thread=False,
        )
        for pragma in (
            # As MLflow's own sessions have it: LIKE tells small letters from capitals.
            "case_sensitive_like = true",
            "query_only = true",
            f"cache_size = -{CACHE_KIB}",
            f"mmap_size = {MAPPED_BYTES}",
            "temp_store = memory",
        ):
            opened.execute(f"PRAGMA {pragma}")
        return opened

    engine = sa.create_engine(
        "sqlite://", creator=connect, poolclass=sa.QueuePool, pool_size=CONNECTIONS
    )

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # Without it each statement would see the records as they are by then.
        connection.exec_driver_sql("BEGIN")

    return engine
