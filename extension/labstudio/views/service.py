"""The verbs of saved views."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from labstudio import changes
from labstudio.database.tables import views as table
from labstudio.errors import Conflict, NotFound
from labstudio.ids import new_id
from labstudio.views.models import CreateView, UpdateView, View, ViewPage, ViewTopic

if TYPE_CHECKING:
    from labstudio.database.engine import Database


class ViewService:
    """Keep what tables and comparisons show, for one user or for all.

    Every method may be called from any thread. Who may change what is not known here: a caller that
    serves several users asks before.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, user: str, topic: ViewTopic | None = None) -> ViewPage:
        """Return the user's views and those that others share, by name."""
        mine = sa.or_(table.c.user == user, table.c.shared)
        query = sa.select(table).where(mine).order_by(sa.func.lower(table.c.name), table.c.id)
        if topic is not None:
            query = query.where(table.c.topic == topic)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return ViewPage(items=[_view(row) for row in rows])

    def get(self, view_id: str) -> View:
        """Return a view.

        Raises
        ------
        NotFound
            When there is none of that id.
        """
        row = self._database.find(table, view_id)
        if row is None:
            raise NotFound(f"There is no view {view_id}.", view_id=view_id)
        return _view(row)

    def create(self, spec: CreateView, user: str) -> View:
        """Keep a view.

        Raises
        ------
        Conflict
            When the user has one of that name.
        """
        now = datetime.now(UTC)
        view = View(id=new_id(), user=user, created_at=now, updated_at=now, **spec.model_dump())
        try:
            with self._database.begin() as connection:
                connection.execute(table.insert().values(**view.model_dump()))
                changes.record(connection, "views", view.id, "created")
        except IntegrityError as error:
            raise _taken(spec.name) from error
        return view

    def update(self, view_id: str, spec: UpdateView) -> View:
        """Change a view; what is left out stays.

        Raises
        ------
        NotFound, Conflict
            When there is none of that id, or its owner has another one of the new name.
        """
        values = spec.model_dump(exclude_none=True)
        try:
            with self._database.begin() as connection:
                changed = connection.execute(
                    table.update()
                    .where(table.c.id == view_id)
                    .values(**values, updated_at=datetime.now(UTC))
                ).rowcount
                if changed:
                    changes.record(connection, "views", view_id, "changed")
        except IntegrityError as error:
            raise _taken(spec.name) from error
        return self.get(view_id)

    def delete(self, view_id: str) -> None:
        """Delete a view.

        Raises
        ------
        NotFound
            When there is none of that id.
        """
        with self._database.begin() as connection:
            gone = connection.execute(table.delete().where(table.c.id == view_id)).rowcount
            if not gone:
                raise NotFound(f"There is no view {view_id}.", view_id=view_id)
            changes.record(connection, "views", view_id, "deleted")


def _taken(name: str | None) -> Conflict:
    return Conflict(f"You have a view with the name {name!r}; take another.", field="name")


def _view(row: sa.Row[Any]) -> View:
    return View.model_validate(row._asdict())
