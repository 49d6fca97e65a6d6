"""The verbs of usage: reading the ledger."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.database.tables import usage
from labstudio.errors import InvalidInput
from labstudio.usage.cost import spans
from labstudio.usage.models import Amount, By, Entry, UsageDay, UsageQuery, UsageReport, UsageRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labstudio._studio import Studio

COLUMNS = ("key", "label", "entries", *Amount.model_fields)


class UsageService:
    """Who used how much of what, and what it cost."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def entries(self, query: UsageQuery | None = None) -> list[Entry]:
        """Return the lines of the ledger that overlap the time asked for, oldest first."""
        asked = query or UsageQuery()
        where = [usage.c.compute == asked.compute] if asked.compute else []
        return [each for each in self._read(asked, where) if asked.user in (None, each.user)]

    def report(
        self,
        query: UsageQuery | None = None,
        *,
        users: Sequence[str] | None = None,
        **fields: Any,
    ) -> UsageReport:
        """Add up a part of the ledger.

        Parameters
        ----------
        query
            Which part, and what has a row.
        users
            Only what these users used; None for all. Their part of a shared compute's price
            considers everybody who held it.
        **fields
            Fields of `UsageQuery` in place of a query.

        Examples
        --------
        >>> studio().usage.report(by="compute").total.cost  # doctest: +SKIP
        4.2
        """
        asked = query or UsageQuery(**fields)
        until = asked.until or datetime.now(UTC)
        where = [usage.c.compute == asked.compute] if asked.compute else []
        shown = None if users is None else set(users)
        sums = _Sums(asked.by)
        for span in spans(self._read(asked, where), asked.since, until):
            user = span.entry.user
            if asked.user not in (None, user) or (shown is not None and user not in shown):
                continue
            sums.add(span.entry, span.start.date(), span.seconds, span.cost, span.on_demand)
        return UsageReport(by=asked.by, since=asked.since, until=until, **sums.result())

    def csv(self, query: UsageQuery | None = None, *, users: Sequence[str] | None = None) -> str:
        """Return a report's rows as CSV with a header."""
        report = self.report(query, users=users)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row.model_dump() for row in report.rows)
        return text.getvalue()

    def users(self) -> list[str]:
        """Return everybody who is in the ledger."""
        with self._studio.database.read() as connection:
            return list(connection.scalars(sa.select(usage.c.user).distinct()))

    def spent(self) -> dict[str, float]:
        """Return what each compute cost, ever."""
        found: dict[str, float] = defaultdict(float)
        priced = [usage.c.price_per_hour > 0]
        for span in spans(self._read(UsageQuery(), priced), None, datetime.now(UTC)):
            found[span.entry.compute] += span.cost
        return dict(found)

    def _read(self, asked: UsageQuery, where: Iterable[sa.ColumnElement[bool]]) -> list[Entry]:
        if asked.since and asked.until and asked.since >= asked.until:
            raise InvalidInput("until must be later than since.", field="until")
        conditions = list(where)
        if asked.since:
            conditions.append(sa.or_(usage.c.ended_at.is_(None), usage.c.ended_at > asked.since))
        if asked.until:
            conditions.append(usage.c.started_at < asked.until)
        query = sa.select(usage).where(*conditions).order_by(usage.c.started_at, usage.c.id)
        with self._studio.database.read() as connection:
            return [Entry.model_validate(dict(row)) for row in connection.execute(query).mappings()]


class _Sums:
    """Adds entries up by key, by day and in all."""

    def __init__(self, by: By) -> None:
        self._by = by
        self._rows: dict[str, UsageRow] = {}
        self._days: dict[date, UsageDay] = {}
        self._total = Amount()
        self._counted: set[str] = set()

    def add(self, entry: Entry, day: date, seconds: float, cost: float, on_demand: float) -> None:
        key = entry.holder_id if self._by is By.holder else getattr(entry, self._by) or ""
        label = entry.name if self._by is By.holder else key
        row = self._rows.setdefault(key, UsageRow(key=key, label=label, entries=0))
        for each in (row, self._total):
            each.seconds += seconds
            each.cpu_s += seconds * entry.cpus
            each.memory_byte_s += seconds * entry.memory_bytes
            each.gpu_s += seconds * entry.gpus
            each.cost += cost
            each.saved += on_demand - cost
        of_day = self._days.setdefault(day, UsageDay(day=day, seconds=0.0, cost=0.0))
        of_day.seconds += seconds
        of_day.cost += cost
        if entry.id not in self._counted:
            self._counted.add(entry.id)
            row.entries += 1
            rate = cost / seconds if seconds else 0.0
            for each in (row, self._total):
                each.lost_s += entry.lost_s or 0.0
                each.lost_cost += (entry.lost_s or 0.0) * rate

    def result(self) -> dict[str, object]:
        """Return the parts of a report."""
        rows = sorted(self._rows.values(), key=lambda row: (-row.cost, -row.seconds, row.key))
        days = [self._days[day] for day in sorted(self._days)]
        return {"rows": rows, "days": days, "total": self._total}
