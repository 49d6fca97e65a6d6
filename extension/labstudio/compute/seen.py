"""What was last seen of computes, in the database: for whoever must decide without a look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio import changes
from labstudio.compute.models import LOCAL
from labstudio.database.tables import computes

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.compute.kind import Kind


def look_at_capacity(studio: Studio, kind: Kind) -> bool:
    """Ask a compute what it has to give out, and note it; return whether that was news.

    Raises
    ------
    Unavailable
        When it does not answer.
    """
    found = kind.capacity()
    seen = {"cpus": found.cpus, "memory_bytes": found.memory_bytes, "gpus": found.gpus}
    return note(studio, kind.name, {**seen, "problem": None, "seen_at": datetime.now(UTC)})


def look_at_resources(studio: Studio, kind: Kind) -> None:
    """Look at a compute's machine, and note it.

    Raises
    ------
    Unavailable
        When it does not answer.
    """
    found = kind.resources().model_dump(mode="json")
    note(studio, kind.name, {"resources": found, "seen_at": datetime.now(UTC)})


def note(studio: Studio, name: str, seen: dict[str, Any]) -> bool:
    """Note what was seen; return whether something else than figures that always move is new."""
    told = {each: value for each, value in seen.items() if each not in ("resources", "seen_at")}
    with studio.database.begin() as connection:
        row = connection.execute(sa.select(computes).where(computes.c.name == name)).one_or_none()
        if row is None:
            if name != LOCAL:
                return False  # It was removed meanwhile.
            connection.execute(computes.insert().values(name=name, draining=False, **seen))
        else:
            connection.execute(computes.update().where(computes.c.name == name).values(seen))
        before = row._mapping if row is not None else {}
        news = any(each not in before or before[each] != told[each] for each in told)
        if news:
            changes.record(connection, "computes", name, "changed")
    return news
