"""What a user marks as a favourite: runs and experiments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio import changes
from labstudio.database.tables import favourites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio.database.engine import Database

# From so many on an event says that something changed, and not what.
MOST_EVENTS = 100


def marked(database: Database, topic: str, user: str) -> set[str]:
    """Return the ids of a user's favourites.

    Parameters
    ----------
    database
        The studio's.
    topic
        ``runs`` or ``experiments``.
    user
        Whose.
    """
    with database.read() as connection:
        return set(connection.scalars(_of(topic, user)))


def mark(
    database: Database, topic: str, user: str, ids: Sequence[str], *, favourite: bool
) -> set[str]:
    """Make things a user's favourites, or not; return those that changed by it."""
    with database.begin() as connection:
        known = set(connection.scalars(_of(topic, user)))
        odd = [each for each in ids if (each in known) is not favourite]
        if odd and favourite:
            at = datetime.now(UTC)
            rows = [{"user": user, "topic": topic, "object_id": id_, "at": at} for id_ in odd]
            connection.execute(favourites.insert(), rows)
        elif odd:
            one = favourites.c.object_id == sa.bindparam("id")
            gone = favourites.delete().where(
                favourites.c.user == user, favourites.c.topic == topic, one
            )
            connection.execute(gone, [{"id": id_} for id_ in odd])
        for told in odd if topic == "runs" and len(odd) <= MOST_EVENTS else ["*"] if odd else []:
            changes.record(connection, "runs", told, "changed")
    return set(odd)


def _of(topic: str, user: str) -> sa.Select[Any]:
    return sa.select(favourites.c.object_id).where(
        favourites.c.topic == topic, favourites.c.user == user
    )
