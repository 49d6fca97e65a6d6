"""The change feed: what changed, in order, for whoever shows it.

Every write that a panel should notice adds a row here in the same transaction. The server follows
the feed and emits events; a reader that was away asks for what came since the revision it knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from labstudio.database.tables import changes as table

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from labstudio.database.engine import Database

Topic = Literal["jobs", "schedules", "computes", "kernels", "runs", "views", "models", "lineage"]
Kind = Literal["created", "changed", "deleted"]


@dataclass(frozen=True)
class Change:
    """One entry of the feed."""

    revision: int
    topic: Topic
    object_id: str
    kind: Kind


def record(connection: Connection, topic: Topic, object_id: str, kind: Kind) -> None:
    """Add an entry, in the transaction that makes the change."""
    connection.execute(
        table.insert().values(topic=topic, object_id=object_id, kind=kind, at=datetime.now(UTC))
    )


class Changes:
    """The feed as it is read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self) -> int:
        """Return the newest revision; 0 when nothing has happened yet."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(sa.func.max(table.c.revision))) or 0

    def since(self, revision: int, limit: int = 1000) -> list[Change]:
        """Return what came after a revision, oldest first."""
        query = (
            sa.select(table.c.revision, table.c.topic, table.c.object_id, table.c.kind)
            .where(table.c.revision > revision)
            .order_by(table.c.revision)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Change(*row) for row in connection.execute(query)]

    def sweep(self, older_than: timedelta = timedelta(days=1)) -> int:
        """Forget old entries; return how many."""
        with self._database.begin() as connection:
            done = connection.execute(
                table.delete().where(table.c.at < datetime.now(UTC) - older_than)
            )
            return done.rowcount
