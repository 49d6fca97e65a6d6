"""Cards in the database.

A card that was decided on is never changed: every write says from which state, and what was read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from labstudio import changes
from labstudio.cards.models import CardState
from labstudio.database.tables import cards as table
from labstudio.errors import Conflict, NotFound
from labstudio.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

    from labstudio.database.engine import Database

NEWER = "The card was changed meanwhile: read it again."


class CardStore:
    """Versions of cards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, model: str, version: int) -> Sequence[sa.Row[Any]]:
        """Return all versions of a model version's card, newest first."""
        wanted = sa.select(table).where(of(model, version)).order_by(table.c.version.desc())
        with self._database.read() as connection:
            return connection.execute(wanted).all()

    def get(self, model: str, version: int, card_version: int | None) -> sa.Row[Any] | None:
        """Return one version of a card; the newest that is not archived when none is named.

        Raises
        ------
        NotFound
            When there is none of that number.
        """
        rows = self.all(model, version)
        if card_version is None:
            live = (row for row in rows if row.state != CardState.archived.value)
            return next(live, None)
        found = next((row for row in rows if row.version == card_version), None)
        if found is None:
            raise NotFound(f"The card of {model}/{version} has no version {card_version}.")
        return found

    def newest(self) -> dict[tuple[str, int], sa.Row[Any]]:
        """Return the newest card of every version that has one."""
        wanted = (
            sa.select(table)
            .where(table.c.state != CardState.archived.value)
            .order_by(table.c.version)
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return {(row.model, row.model_version): row for row in rows}

    def add(
        self,
        model: str,
        version: int,
        *,
        user: str,
        after: int,
        content: dict[str, Any],
        sources: dict[str, Any],
        sha256: str,
    ) -> None:
        """Add a draft, the next after a version of the card.

        Raises
        ------
        Conflict
            When somebody else did so first.
        """
        now = datetime.now(UTC)
        try:
            with self._database.begin() as connection:
                newest = sa.select(sa.func.max(table.c.version)).where(of(model, version))
                if (connection.scalar(newest) or 0) != after:
                    raise Conflict(NEWER)
                connection.execute(
                    table.insert().values(
                        id=new_id(),
                        model=model,
                        model_version=version,
                        version=after + 1,
                        state=CardState.draft.value,
                        content=content,
                        sources=sources,
                        sha256=sha256,
                        user=user,
                        created_at=now,
                        updated_at=now,
                    )
                )
                changes.record(connection, "models", model, "changed")
        except IntegrityError as error:
            raise Conflict(NEWER) from error

    def write(self, row: sa.Row[Any], read: str, **values: Any) -> None:
        """Change a draft that still holds what was read.

        Raises
        ------
        Conflict
            When it was changed, or is no draft any more.
        """
        with self._database.begin() as connection:
            self._move(connection, row, read, [CardState.draft], **values)

    def move(self, row: sa.Row[Any], read: str, states: Iterable[CardState], **values: Any) -> None:
        """Change a card's state; when it is approved, the one approved before is archived.

        Raises
        ------
        Conflict
            When it was changed, or its state is another one by now.
        """
        with self._database.begin() as connection:
            self._move(connection, row, read, states, **values)
            if values.get("state") == CardState.approved.value:
                before = (
                    of(row.model, row.model_version)
                    & (table.c.state == CardState.approved.value)
                    & (table.c.id != row.id)
                )
                connection.execute(
                    table.update().where(before).values(state=CardState.archived.value)
                )

    def archive(self, model: str, version: int | None) -> None:
        """Archive the cards of a version, or of a whole model, that was deleted."""
        mine = (table.c.model == model) if version is None else of(model, version)
        with self._database.begin() as connection:
            connection.execute(table.update().where(mine).values(state=CardState.archived.value))

    def _move(
        self,
        connection: Connection,
        row: sa.Row[Any],
        read: str,
        states: Iterable[CardState],
        **values: Any,
    ) -> None:
        allowed = [state.value for state in states]
        mine = (table.c.id == row.id) & (table.c.sha256 == read) & table.c.state.in_(allowed)
        done = connection.execute(
            table.update().where(mine).values(**values, updated_at=datetime.now(UTC))
        )
        if not done.rowcount:
            raise Conflict(NEWER, card_id=row.id)
        changes.record(connection, "models", row.model, "changed")


def of(model: str, version: int) -> sa.ColumnElement[bool]:
    """Return the condition for the cards of one model version."""
    return (table.c.model == model) & (table.c.model_version == version)
