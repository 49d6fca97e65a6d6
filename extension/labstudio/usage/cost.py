r"""What each entry of the ledger cost: arithmetic alone.

A compute is paid for once, however many hold it. From one moment to the next at which somebody
comes or goes, its price is shared among those who hold it then, in proportion to their shares:
with entries of share :math:`s_i` at the price :math:`p` per hour, entry :math:`i` pays
:math:`p\,\Delta t\,s_i / \sum_j s_j`. So the costs of all entries add up to the price times
the time in which the compute was held at all.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from labstudio.usage.models import Entry

HOUR_S = 3600.0


@dataclass(frozen=True)
class Span:
    """An entry's part of a stretch of time in which nobody came or went."""

    entry: Entry
    start: datetime
    seconds: float
    cost: float
    on_demand: float


def spans(entries: Sequence[Entry], since: datetime | None, until: datetime) -> Iterator[Span]:
    """Return what each entry cost in each stretch of time, within the time looked at.

    Stretches also end at midnight, UTC, so that each lies on one day.

    Parameters
    ----------
    entries
        Every entry that overlaps that time, in any order.
    since, until
        The time; entries that have not ended go on until its end.
    """
    by_compute: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_compute[entry.compute].append(entry)
    for held in by_compute.values():
        yield from _spans(held, since, until)


def _spans(held: Sequence[Entry], since: datetime | None, until: datetime) -> Iterator[Span]:
    stays = []
    for entry in held:
        start = entry.started_at if since is None else max(entry.started_at, since)
        end = min(entry.ended_at or until, until)
        if start < end:
            stays.append((start, end, entry))
    moments = {moment for start, end, _ in stays for moment in (start, end)}
    if not moments:
        return
    moments |= set(_midnights(min(moments), max(moments)))
    coming = sorted(stays, key=lambda stay: stay[0])
    here: dict[str, tuple[datetime, Entry]] = {}
    at = 0
    for start, end in pairwise(sorted(moments)):
        while at < len(coming) and coming[at][0] <= start:
            here[coming[at][2].id] = (coming[at][1], coming[at][2])
            at += 1
        here = {id_: stay for id_, stay in here.items() if stay[0] > start}
        yield from _shared([entry for _, entry in here.values()], start, end)


def _shared(here: Sequence[Entry], start: datetime, end: datetime) -> Iterator[Span]:
    if not here:
        return
    seconds = (end - start).total_seconds()
    hours, shares = seconds / HOUR_S, sum(entry.share for entry in here)
    # One compute has one price; when it was changed meanwhile, the newest entry knows it.
    newest = max(here, key=lambda entry: entry.started_at)
    price = newest.price_per_hour
    dearer = price if newest.on_demand_price_per_hour is None else newest.on_demand_price_per_hour
    for entry in here:
        part = hours * entry.share / shares
        yield Span(entry, start, seconds, price * part, dearer * part)


def _midnights(first: datetime, last: datetime) -> Iterable[datetime]:
    day: date = first.astimezone(UTC).date() + timedelta(days=1)
    while (moment := datetime(day.year, day.month, day.day, tzinfo=UTC)) < last:
        yield moment
        day += timedelta(days=1)
