"""The verbs of lineage: asking where something came from and what came of it, and checking that."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.database.tables import lineage as table
from labstudio.inputs import validated
from labstudio.lineage import staleness, walk
from labstudio.lineage.handle import LineageNode
from labstudio.lineage.ledger import Fact, Ledger
from labstudio.lineage.models import (
    Graph,
    GraphQuery,
    Kind,
    NodePage,
    Relation,
    SearchQuery,
    StalePage,
    StaleQuery,
    Verification,
)
from labstudio.lineage.nodes import kind_of, nodes
from labstudio.lineage.objects import named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labstudio._studio import Studio


class LineageService:
    """Where everything came from, and what came of it.

    Examples
    --------
    >>> studio().lineage("model:churn/3").datasets()  # doctest: +SKIP
    [Node(id='data:9f86d0…', kind=data, label='customers.csv', ...)]
    >>> studio().lineage("customers.csv").models()  # doctest: +SKIP
    [Node(id='model:churn/3', ...), Node(id='model:churn/2', ...)]
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @cached_property
    def ledger(self) -> Ledger:
        """The record itself."""
        return Ledger(self._studio.database, self._studio.home)

    def __call__(self, thing: Any) -> LineageNode:
        """Return an object, to be asked for what led to it and what came of it.

        Parameters
        ----------
        thing
            A name (``run:ID``, ``model:NAME/VERSION``, ``model:NAME@ALIAS``, ``data:SHA256``), the
            id of a run or job, one of MLflow's runs, models or model versions, a job of the
            studio, a data frame, or the path of a file.

        Raises
        ------
        NotFound
            When the lineage knows of no such thing.
        """
        return LineageNode(self._studio, named(self._studio, thing))

    def record(self, relation: str, subject: str, object_: str, **facts: Any) -> bool:
        """Add an entry; return whether it says anything new.

        Parameters
        ----------
        relation
            How the first led to the second: one of `Relation`, or a word of your own.
        subject, object_
            Names such as ``recipe:SHA256``. The same twice: facts about that object.
        **facts
            What else is known; JSON.

        Raises
        ------
        InvalidInput
            When a name is of no kind that the lineage has.
        """
        if relation not in walk.ASIDE or relation == Relation.is_:
            for name in (subject, object_):
                kind_of(name)
        return self.ledger.append([Fact(relation, subject, object_, facts)]) > 0

    def graph(
        self, query: GraphQuery | None = None, root: Path | None = None, **fields: Any
    ) -> Graph:
        """Return the part of the lineage around an object.

        Parameters
        ----------
        query
            Which object, which way, how far.
        root
            The folder that paths are relative to and may not leave; None trusts the caller.
        **fields
            Fields of `GraphQuery` in place of a query.
        """
        asked = query or validated(GraphQuery, fields)
        name = named(self._studio, asked.object, root)[0]
        with self._studio.database.read() as connection:
            return walk.graph(connection, name, asked.direction, asked.depth, asked.limit)

    def search(self, query: SearchQuery | None = None, **fields: Any) -> NodePage:
        """Find objects by a part of their name, path or hash, the newest first."""
        asked = query or validated(SearchQuery, fields)
        conditions: list[sa.ColumnElement[bool]] = [
            table.c.relation.in_([Relation.is_.value, Relation.held.value])
        ]
        if asked.q:
            conditions.append(self._holds(asked.q))
        if asked.kind:
            conditions.append(table.c.object.startswith(f"{asked.kind}:", autoescape=True))
        newest = sa.func.max(table.c.sequence)
        found = (
            sa.select(table.c.object)
            .where(*conditions)
            .group_by(table.c.object)
            .order_by(newest.desc())
            .limit(asked.limit)
        )
        with self._studio.database.read() as connection:
            return NodePage(items=nodes(connection, list(connection.scalars(found))))

    def verify(self, holds: str | None = None) -> Verification:
        """Tell whether every entry is as it was written.

        Parameters
        ----------
        holds
            ``SEQUENCE:HASH`` that was noted elsewhere: that entry must be there, too.
        """
        return self.ledger.verify(holds)

    def stale(
        self, query: StaleQuery | None = None, root: Path | None = None, **fields: Any
    ) -> StalePage:
        """Return what rests on data that has changed since, with the reason and both hashes."""
        asked = query or validated(StaleQuery, fields)
        return staleness.find(self._studio, asked, root)

    def reached(self, names: Sequence[str], *kinds: Kind, up: bool) -> list[str]:
        """Return all objects of some kinds that lie one way of others, however far."""
        with self._studio.database.read() as connection:
            return walk.reached(connection, names, kinds, up=up)

    def _holds(self, text: str) -> sa.ColumnElement[bool]:
        """Find a text in names, labels and paths."""
        facts: sa.ColumnElement[Any] = (
            sa.type_coerce(table.c.facts, sa.JSON)
            if self._studio.database.sqlite
            else sa.cast(table.c.facts, sa.JSON)
        )
        places = (table.c.object, facts["name"].as_string(), facts["path"].as_string())
        return sa.or_(*(each.icontains(text, autoescape=True) for each in places))
