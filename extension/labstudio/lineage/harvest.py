"""Gathers the lineage: what MLflow's and the studio's own records say becomes entries.

The daemon calls it again and again. It reads what the feed of changes names, and everything that is
not in the record yet when it begins. What it tells twice is recorded once, so it may be killed at
any moment, and several daemons on one database may gather the same.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.database.tables import lineage as table
from labstudio.lineage import tracked, worked
from labstudio.lineage.ledger import Fact
from labstudio.lineage.models import Relation
from labstudio.lineage.walk import chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from labstudio._studio import Studio
    from labstudio.changes import Change
    from labstudio.experiments.search.engine import Records

log = logging.getLogger(__name__)

ANY = "*"
# After a burst of changes the feed names no run: those at work about then are looked at.
RECENT = timedelta(minutes=15)
# Looking at everything is cheap, but not free: some seconds lie between two times.
LEAST_S = 10.0
# Once in a while it is done anyway: who writes into MLflow's database himself is in no feed.
MOST_S = 120.0


class Harvest:
    """What the daemon does for the lineage.

    Parameters
    ----------
    studio
        Whose.
    stopping
        Tells whether to leave off; a great harvest takes a while.
    """

    def __init__(self, studio: Studio, stopping: Callable[[], bool] = lambda: False) -> None:
        self._studio = studio
        self._stopping = stopping
        self._seen: int | None = None
        self._swept_at = -LEAST_S
        self._sweep = True
        self._stamp: tuple[int, ...] = ()

    def step(self) -> int:
        """Record what is new; return how many entries that were."""
        latest = self._studio.changes.latest()
        passed = time.monotonic() - self._swept_at
        due = passed >= LEAST_S if self._sweep else passed >= MOST_S and self._written()
        if latest == self._seen and not due:
            return 0
        changes = [] if self._seen is None else self._since(self._seen)
        added = self._follow(changes)
        if due or self._seen is None:
            stamp = self._stamped()
            added += self.everything()
            # Only now: what fails is done again.
            self._sweep, self._stamp, self._swept_at = False, stamp, time.monotonic()
        self._seen = latest
        return added

    def everything(self) -> int:
        """Record whatever is not in the record yet, or was otherwise when it was recorded."""
        known = self._known()
        added = self._registry()
        with self._studio.database.read() as connection:
            now = worked.states(connection)
        added += self._jobs([job for job, state in now.items() if known.get(f"job:{job}") != state])
        records = self._records()
        if records is None:
            return added
        with records.read() as connection:
            found = tracked.states(connection)
            recent = tracked.touched(connection, datetime.now(UTC) - RECENT)
        new = [
            run
            for run, (status, stage) in found.items()
            if known.get(f"run:{run}") != _state(status, stage)
        ]
        return added + self._runs(dict.fromkeys([*new, *recent]))

    def _written(self) -> bool:
        """Tell whether MLflow's file was written since everything was looked at."""
        # Of another database that is not known so cheaply.
        return bool(self._studio.config.database_url) or self._stamped() != self._stamp

    def _stamped(self) -> tuple[int, ...]:
        path = self._studio.home.tracking_database_path
        files = (path, path.with_name(f"{path.name}-wal"))
        return tuple(file.stat().st_mtime_ns for file in files if file.exists())

    def _since(self, revision: int) -> list[Change]:
        found: list[Change] = []
        while batch := self._studio.changes.since(found[-1].revision if found else revision):
            found += batch
        return found

    def _follow(self, changes: Iterable[Change]) -> int:
        """Record what some changes tell of."""
        topics: dict[str, dict[str, None]] = {}
        for change in changes:
            topics.setdefault(change.topic, {})[change.object_id] = None
        runs = topics.get("runs", {})
        if ANY in runs:
            self._sweep = True
        added = self._jobs(topics.get("jobs", {}))
        added += self._runs([run for run in runs if run != ANY])
        if "models" in topics:
            added += self._registry()
        return added

    def _jobs(self, ids: Collection[str]) -> int:
        added = 0
        for some in chunks(list(ids)):
            if self._stopping():
                break
            with self._studio.database.read() as connection:
                facts = worked.of_jobs(connection, some, self._studio.home)
            added += self._studio.lineage.ledger.append(facts)
        return added

    def _runs(self, ids: Collection[str]) -> int:
        records = self._records()
        if records is None:
            return 0
        added = 0
        for some in chunks(list(ids)):
            if self._stopping():
                break
            with records.read() as connection:
                facts = tracked.of_runs(connection, some, self._studio.home)
            added += self._studio.lineage.ledger.append(facts)
        return added

    def _registry(self) -> int:
        """Record models, their versions, aliases and cards; there are few of them."""
        with self._studio.database.read() as connection:
            facts = [*worked.of_cards(connection), *worked.of_approvals(connection)]
            named = self._named()
        if records := self._records():
            with records.read() as connection:
                found = tracked.of_registry(connection)
            facts = found + facts
            now = {fact.subject for fact in found if fact.relation == Relation.named}
            facts += [
                Fact(Relation.named, alias, owner, {"version": None})
                for alias, owner in named.items()
                if alias not in now
            ]
        return self._studio.lineage.ledger.append(facts)

    def _named(self) -> dict[str, str]:
        """Return the aliases that name a version as far as the record knows, and their models."""
        query = (
            sa.select(table.c.subject, table.c.object)
            .where(table.c.relation == Relation.named.value)
            .distinct()
        )
        with self._studio.database.read() as connection:
            return dict(connection.execute(query).tuples().all())

    def _known(self) -> dict[str, str]:
        """Return the state in which each run and job was recorded last."""
        query = (
            sa.select(table.c.subject, table.c.facts)
            .where(
                table.c.relation == Relation.is_.value,
                sa.or_(table.c.subject.startswith("run:"), table.c.subject.startswith("job:")),
            )
            .order_by(table.c.sequence)
        )
        found: dict[str, str] = {}
        with self._studio.database.read() as connection:
            for name, text in connection.execute(query):
                facts = json.loads(text)
                if name.startswith("job:"):
                    found[name] = facts["state"]
                else:
                    stage = "deleted" if facts.get("deleted") else "active"
                    found[name] = _state(facts["status"], stage)
        return found

    def _records(self) -> Records | None:
        """Return MLflow's records, where they are the studio's own and there are any."""
        from labstudio.experiments.search.database import DatabaseSource

        source = self._studio.runs.source
        if isinstance(source, DatabaseSource) and source.records.exist:
            return source.records
        return None


def _state(status: str, stage: str) -> str:
    return f"{status} {stage}"
