"""Models that a user has marked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio import changes
from labstudio.database.tables import favourites as table

if TYPE_CHECKING:
    from labstudio.database.engine import Database

TOPIC = "models"


class Favourites:
    """Each user's favourite models."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user: str) -> set[str]:
        """Return the names of a user's favourites."""
        wanted = sa.select(table.c.object_id).where(table.c.user == user, table.c.topic == TOPIC)
        with self._database.read() as connection:
            return set(connection.scalars(wanted))

    def mark(self, model: str, user: str, favourite: bool) -> None:
        """Make a model a user's favourite, or no longer."""
        mine = (table.c.topic == TOPIC) & (table.c.object_id == model) & (table.c.user == user)
        with self._database.begin() as connection:
            connection.execute(table.delete().where(mine))
            if favourite:
                row = {"user": user, "topic": TOPIC, "object_id": model, "at": datetime.now(UTC)}
                connection.execute(table.insert().values(**row))
            changes.record(connection, "models", model, "changed")

    def forget(self, model: str) -> None:
        """Take a model that is gone from everybody's favourites."""
        with self._database.begin() as connection:
            mine = (table.c.topic == TOPIC) & (table.c.object_id == model)
            connection.execute(table.delete().where(mine))
