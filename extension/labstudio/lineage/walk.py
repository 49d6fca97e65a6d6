"""Walking the record: from an object to what it came from, and to what came of it."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from labstudio.database.tables import lineage as table
from labstudio.lineage.models import Direction, Edge, Graph, Kind, Relation
from labstudio.lineage.nodes import nodes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy.engine import Connection

CHUNK = 500
# What is said of one object, where files lay, what aliases named and who decided are no steps.
ASIDE = tuple(
    each.value for each in (Relation.is_, Relation.held, Relation.named, Relation.decided)
)


class Step(NamedTuple):
    """An edge as the record has it."""

    relation: str
    subject: str
    object: str
    facts: str


def graph(connection: Connection, root: str, direction: Direction, depth: int, limit: int) -> Graph:
    """Return what lies around an object.

    Parameters
    ----------
    connection
        To read with.
    root
        The object's name.
    direction
        Which way to walk. Both: its causes and theirs, its results and theirs; not what else came
        of its causes.
    depth
        How many steps each way.
    limit
        The most nodes; what was recorded last is kept.
    """
    found = {root: None}
    edges: dict[tuple[str, str, str], Edge] = {}
    cut = False
    for up in (True, False):
        if direction is (Direction.down if up else Direction.up):
            continue
        cut |= _walk(connection, root, found, edges, up=up, depth=depth, limit=limit)
    message = None
    if cut:
        message = f"There is more: {len(found):,} objects within {depth} steps are shown."
    return Graph(
        root=root,
        nodes=nodes(connection, list(found)),
        edges=list(edges.values()),
        cut=cut,
        message=message,
    )


def _walk(
    connection: Connection,
    root: str,
    found: dict[str, None],
    edges: dict[tuple[str, str, str], Edge],
    *,
    up: bool,
    depth: int,
    limit: int,
) -> bool:
    """Add what lies one way of an object; tell whether something was left out."""
    cut = False
    seen = {root}
    frontier = [root]
    for _ in range(depth):
        steps = list(_steps(connection, frontier, up=up, limit=2 * limit + 1))
        cut |= len(steps) > 2 * limit
        frontier = []
        for step in steps:
            here = step.subject if up else step.object
            if here not in found and len(found) >= limit:
                cut = True
                continue
            found.setdefault(here)
            if here not in seen:
                seen.add(here)
                frontier.append(here)
            key = (step.subject, step.object, step.relation)
            if key not in edges:
                edges[key] = Edge(
                    source=step.subject,
                    target=step.object,
                    relation=step.relation,
                    facts=json.loads(step.facts),
                )
        if not frontier:
            return cut
    return cut or any(_steps(connection, frontier, up=up, limit=1))


def _steps(
    connection: Connection, frontier: Sequence[str], *, up: bool, limit: int
) -> Iterator[Step]:
    """Give the steps from some objects, the newest first."""
    at = table.c.object if up else table.c.subject
    columns = (table.c.relation, table.c.subject, table.c.object, table.c.facts)
    for names in chunks(frontier):
        query = (
            sa.select(*columns)
            .where(at.in_(names), table.c.relation.not_in(ASIDE))
            .order_by(table.c.sequence.desc())
            .limit(limit)
        )
        for row in connection.execute(query):
            yield Step(*row)


def reached(
    connection: Connection, roots: Collection[str], kinds: Collection[Kind], *, up: bool
) -> list[str]:
    """Return every object of some kinds that lies one way of others, however far and many."""
    at, to = (table.c.object, table.c.subject) if up else (table.c.subject, table.c.object)
    found: dict[str, None] = {}
    for names in chunks(list(roots)):
        start = sa.select(at.label("name")).where(at.in_(names))
        way = start.cte("way", recursive=True)
        way = way.union(
            sa.select(to).join(way, at == way.c.name).where(table.c.relation.not_in(ASIDE))
        )
        prefixes = sa.or_(*(way.c.name.startswith(f"{kind}:", autoescape=True) for kind in kinds))
        query = sa.select(way.c.name).where(prefixes, way.c.name.not_in(names))
        found.update(dict.fromkeys(connection.scalars(query)))
    return list(found)


def paths_of(connection: Connection, names: Collection[str]) -> dict[str, list[str]]:
    """Return the files that held each data, the newest last."""
    found: dict[str, list[str]] = defaultdict(list)
    for chunk in chunks(list(names)):
        query = (
            sa.select(table.c.object, table.c.facts)
            .where(table.c.object.in_(chunk), table.c.relation == Relation.held.value)
            .order_by(table.c.sequence)
        )
        for name, facts in connection.execute(query):
            path = json.loads(facts)["path"]
            if path not in found[name]:
                found[name].append(path)
    return found


def held_by(connection: Connection, file: str) -> list[str]:
    """Return the data that a file held, the newest last."""
    query = (
        sa.select(table.c.object)
        .where(table.c.subject == file, table.c.relation == Relation.held.value)
        .order_by(table.c.sequence)
    )
    return list(dict.fromkeys(connection.scalars(query)))


def chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split what is asked for: a database takes only so many values at once."""
    for start in range(0, len(names), CHUNK):
        yield names[start : start + CHUNK]
