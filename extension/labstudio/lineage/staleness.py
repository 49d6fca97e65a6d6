"""What is stale: files are compared with what was recorded of them when they were read."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.database.tables import lineage as table
from labstudio.lineage import walk
from labstudio.lineage.models import Kind, Relation, Stale, StalePage
from labstudio.lineage.nodes import nodes
from labstudio.lineage.objects import content_hash, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.engine import Connection

    from labstudio._studio import Studio
    from labstudio.lineage.models import StaleQuery

_DATA = f"{Kind.data}:"
_Stamp = tuple[int, int, int]
# What a file's hash was when it was last read, for as long as its size and times are the same.
_hashes: dict[str, tuple[_Stamp, str]] = {}


@dataclass(frozen=True)
class Changed:
    """A file that no longer holds what was recorded of it."""

    path: str
    recorded: str
    found: str | None
    problem: str | None = None

    @property
    def reason(self) -> str:
        """What changed, in a sentence."""
        if self.problem:
            return f"{self.path} cannot be read now ({self.problem})."
        if self.found is None:
            return f"{self.path}, which held {self.recorded[:12]}, is gone."
        return f"{self.path} held {self.recorded[:12]} and holds {self.found[:12]} now."


def find(studio: Studio, asked: StaleQuery, root: Path | None) -> StalePage:
    """Return what rests on files that have changed since.

    Parameters
    ----------
    studio
        Whose lineage it is.
    asked
        What to look at.
    root
        The folder that a path asked for may not leave; None trusts the caller.
    """
    names = named(studio, asked.object, root) if asked.object else None
    with studio.database.read() as connection:
        only = None
        if names is not None and not names[0].startswith(_DATA):
            only = {*names, *walk.reached(connection, names, list(Kind), up=True)}
        held = _held(connection, names if only is None else only)
        items: dict[str, tuple[str, Changed]] = {}
        for changed in _changed(held):
            for name in _resting(connection, changed):
                if only is None or name in only:
                    items.setdefault(name, (name, changed))
        shown = list(items.values())[: asked.limit]
        found = nodes(connection, [name for name, _ in shown])
    stale = [
        Stale(
            node=node,
            reason=changed.reason,
            path=changed.path,
            recorded_sha256=changed.recorded,
            found_sha256=changed.found,
        )
        for node, (_, changed) in zip(found, shown, strict=True)
    ]
    return StalePage(items=stale, files=len(held), cut=len(items) > len(shown))


def _held(connection: Connection, names: Iterable[str] | None) -> dict[str, list[str]]:
    """Return for each file the hashes of what it held, the newest last.

    `names` limits it to files that held some of these data.
    """
    query = sa.select(table.c.object, table.c.facts).where(table.c.relation == Relation.held.value)
    found: dict[str, list[str]] = defaultdict(list)
    wanted = None if names is None else [each for each in names if each.startswith(_DATA)]
    queries = (
        [query]
        if wanted is None
        else [query.where(table.c.object.in_(each)) for each in walk.chunks(wanted)]
    )
    for each in queries:
        for name, facts in connection.execute(each.order_by(table.c.sequence)):
            found[json.loads(facts)["path"]].append(name.removeprefix(_DATA))
    return found


def _changed(held: Mapping[str, list[str]]) -> list[Changed]:
    changed = []
    for path, hashes in held.items():
        now, problem = _now(path)
        changed += [
            Changed(path, each, now, problem) for each in dict.fromkeys(hashes) if each != now
        ]
    return changed


def _now(path: str) -> tuple[str | None, str | None]:
    """Return the hash of what a file holds now, or why that is not known."""
    file = Path(path)
    try:
        status = file.stat()
        stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = _hashes.get(path)
        if known is None or known[0] != stamp:
            known = _hashes[path] = (stamp, content_hash(file))
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, error.strerror or str(error)
    return known[1], None


def _resting(connection: Connection, changed: Changed) -> list[str]:
    """Return what came of the data, where it was taken from that file."""
    query = (
        sa.select(table.c.object, table.c.facts)
        .where(table.c.subject == _DATA + changed.recorded, table.c.relation.not_in(walk.ASIDE))
        .order_by(table.c.sequence)
    )
    readers = {
        name: None
        for name, facts in connection.execute(query)
        if json.loads(facts).get("path") in (None, changed.path)
    }
    beyond = walk.reached(connection, list(readers), list(Kind), up=False)
    return list(dict.fromkeys([*readers, *beyond]))
