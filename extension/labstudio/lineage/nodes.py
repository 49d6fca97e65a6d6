"""Objects as they are shown: what the record says of each, put together."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.database.tables import lineage as table
from labstudio.errors import InvalidInput
from labstudio.lineage.models import Facts, Kind, Node, Relation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue
    from sqlalchemy.engine import Connection

_CHUNK = 500
_BEGAN = ("started_at", "created_at")
_SHORT = 12


def kind_of(name: str) -> Kind:
    """Return the kind that an object's name begins with.

    Raises
    ------
    InvalidInput
        When there is no such kind.
    """
    if not is_name(name):
        kinds = ", ".join(f"{kind}:" for kind in Kind)
        raise InvalidInput(
            f"{name!r} is no object of the lineage; a name begins with one of {kinds}.",
            field="object",
        )
    return Kind(name.partition(":")[0])


def is_name(text: str) -> bool:
    """Tell whether a text is formed as an object's name is."""
    kind, _, rest = text.partition(":")
    return bool(rest) and kind in Kind.__members__


def nodes(connection: Connection, names: Sequence[str]) -> list[Node]:
    """Return objects with what is known of them, in the order given."""
    known: dict[str, Facts] = {}
    for start in range(0, len(names), _CHUNK):
        query = (
            sa.select(table.c.subject, table.c.facts)
            .where(
                table.c.subject.in_(names[start : start + _CHUNK]),
                table.c.relation == Relation.is_.value,
            )
            .order_by(table.c.sequence)
        )
        for name, facts in connection.execute(query):
            known[name] = {**known.get(name, {}), **json.loads(facts)}
    aliases = _aliases(connection, {_model(name) for name in names if name.startswith("model:")})
    for name, given in aliases.items():
        if name in known:
            known[name]["aliases"] = list(given)
    return [node(name, known.get(name, {})) for name in names]


def node(name: str, facts: Facts) -> Node:
    """Make an object of its name and what is known of it."""
    kind = kind_of(name)
    state = facts.get("status") or facts.get("state")
    return Node(
        id=name,
        kind=kind,
        label=_label(kind, name, facts),
        state=str(state) if state else None,
        facts=facts,
        at=_began(facts),
    )


def _label(kind: Kind, name: str, facts: Facts) -> str:
    rest = name.partition(":")[2]
    if kind is Kind.model:
        model, _, version = rest.rpartition("/")
        return f"{model} v{version}"
    if kind is Kind.report:
        return str(facts.get("name") or rest.partition("/")[2])
    return str(facts.get("name") or (rest if len(rest) < 30 else f"{rest[:_SHORT]}…"))


def _began(facts: Facts) -> datetime | None:
    for each in _BEGAN:
        if isinstance(value := facts.get(each), str):
            return datetime.fromisoformat(value)
    return None


def _model(name: str) -> str:
    return name.removeprefix("model:").rpartition("/")[0]


def _aliases(connection: Connection, models: set[str]) -> dict[str, list[JsonValue]]:
    """Return the aliases that versions of some models have now."""
    query = (
        sa.select(table.c.subject, table.c.object, table.c.facts)
        .where(
            table.c.object.in_([f"models:{model}" for model in models]),
            table.c.relation == Relation.named.value,
        )
        .order_by(table.c.sequence)
    )
    newest = {
        (owner.partition(":")[2], name.rpartition("/")[2]): json.loads(facts)["version"]
        for name, owner, facts in connection.execute(query)
    }
    found: dict[str, list[JsonValue]] = {}
    for (model, alias), version in newest.items():
        if version is not None:
            found.setdefault(f"model:{model}/{version}", []).append(alias)
    return found
