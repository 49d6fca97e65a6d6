r"""The record: append-only, and chained by hashes so that a change of what was written is found.

The hash of an entry is the SHA-256, in hexadecimal, of the ASCII bytes of one JSON array::

    [sequence, at, relation, subject, object, facts, previous]

without spaces, characters beyond ASCII escaped as ``\uXXXX``: what Python's
``json.dumps(array, separators=(",", ":"))`` gives. `sequence` counts from 1 without gaps. `at` is a
whole number, microseconds since 1970-01-01 UTC. `facts` is the text that is stored (itself JSON,
keys sorted, written in the same way), so it stands in the array as a string. `previous` is the hash
of the entry before; of the first it is 64 zeros.

The newest entry is also kept in ``lineage.anchor`` in the home, so that a cut end is found.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from labstudio import changes
from labstudio.database.tables import UtcTime
from labstudio.database.tables import lineage as table
from labstudio.errors import InvalidInput
from labstudio.home import write_atomic
from labstudio.lineage.models import NAME_LIMIT, Facts, Verification

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from sqlalchemy.engine import Connection

    from labstudio.database.engine import Database
    from labstudio.home import Home

ORIGIN = "0" * 64
ANCHOR = "lineage.anchor"
ADVISORY_LOCK = 7205759403794
# How many entries one transaction writes, and how many are asked for at once.
BATCH = 500
READ_BATCH = 2000

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Fact:
    """Something to record: a relation from cause to result, or facts about one object.

    `at` is when it is recorded; what happened when is one of the facts.
    """

    relation: str
    subject: str
    object: str
    facts: Facts = field(default_factory=dict)
    grows: bool = False
    """Several tell of it in part: what is known of it stays, and what is new is added to that."""

    @property
    def key(self) -> Key:
        """What makes two of them speak of the same."""
        return self.relation, self.subject, self.object


class Link(NamedTuple):
    """An entry as it is hashed: every value as it is stored."""

    sequence: int
    at: int
    relation: str
    subject: str
    object: str
    facts: str
    previous: str
    hash: str


class Ledger:
    """The table `lineage`, written to and checked.

    Parameters
    ----------
    database
        Where it is.
    home
        Keeps the anchor.
    """

    def __init__(self, database: Database, home: Home) -> None:
        self._database = database
        self._home = home

    def append(self, facts: Sequence[Fact]) -> int:
        """Add what is new; return how many entries that were.

        What the newest entry of the same relation, subject and object says already is not added
        again, so that telling something twice does nothing. Several processes may append at once.
        """
        added = 0
        for start in range(0, len(facts), BATCH):
            batch = facts[start : start + BATCH]
            for each in batch:
                _check(each)
            added += self._append(batch)
        return added

    def verify(self, holds: str | None = None) -> Verification:
        """Check every entry.

        Parameters
        ----------
        holds
            ``SEQUENCE:HASH`` as it was noted elsewhere: an entry that must be there.
        """
        # Read before the entries are: what is appended meanwhile is no cut end.
        anchor = self.anchor()
        wanted = [each for each in (anchor, _parsed(holds)) if each]
        with self._database.read() as connection, closing(_links(connection)) as links:
            return check(links, wanted, anchored=anchor is not None)

    def anchor(self) -> tuple[int, str] | None:
        """Return sequence and hash of the newest entry as the home keeps them."""
        try:
            return _parsed((self._home.path / ANCHOR).read_text().strip())
        except (FileNotFoundError, InvalidInput):
            return None

    def _append(self, batch: Sequence[Fact]) -> int:
        with self._database.begin() as connection:
            _take_turn(connection, sqlite=self._database.sqlite)
            known = _newest(connection, {each.key for each in batch})
            links: list[Link] = []
            last = _last(connection)
            for each in batch:
                text = _told(each, known.get(each.key))
                if text == known.get(each.key):
                    continue
                known[each.key] = text
                last = _chained(last, each, text)
                links.append(last)
            if links:
                # Values as they were hashed: the column's own type would take a datetime.
                insert = sa.insert(_RAW)
                connection.execute(insert, [each._asdict() for each in links])
                changes.record(connection, "lineage", links[-1].subject, "created")
            sound = self._sound(connection)
        if links and sound:
            self._note(links[-1])
        return len(links)

    def _sound(self, connection: Connection) -> bool:
        """Tell whether the anchor's entry is there; what shows that it is not stays."""
        anchor = self.anchor()
        if anchor is None:
            return True
        query = sa.select(table.c.hash).where(table.c.sequence == anchor[0])
        return connection.scalar(query) == anchor[1]

    def _note(self, link: Link) -> None:
        """Keep the newest entry in the home; another writer's newer one is left."""
        # With the records elsewhere the home may be a new one.
        with (self._home.create().path / f"{ANCHOR}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self.anchor()
            if known is None or known[0] < link.sequence:
                write_atomic(self._home.path / ANCHOR, f"{link.sequence}:{link.hash}\n")


# The table with times as the numbers that are stored and hashed.
_RAW = sa.table(
    table.name,
    *(
        sa.column(each.name, sa.BigInteger() if isinstance(each.type, UtcTime) else each.type)
        for each in table.columns
    ),
)


def canonical(facts: Facts) -> str:
    """Write facts as they are stored and hashed."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _told(fact: Fact, known: str | None) -> str:
    """Return the facts to record, where some may be known."""
    if fact.grows and known is not None:
        return canonical({**fact.facts, **json.loads(known)})
    return canonical(fact.facts)


def hash_of(link: Link) -> str:
    """Return the hash that an entry should have."""
    # What somebody wrote into a column that is not of its type is not hashed as if it were.
    text = json.dumps(link[:-1], separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def check(
    links: Iterable[Link], wanted: Sequence[tuple[int, str]] = (), *, anchored: bool = False
) -> Verification:
    """Find the first entry that is not as it was written.

    Parameters
    ----------
    links
        The entries, in order.
    wanted
        Sequences and hashes that must be among them.
    anchored
        Whether the end is among those.
    """
    last: Link | None = None
    count = 0
    kept = dict(wanted)
    for link in links:
        problem = _problem(last, link, kept)
        if problem:
            at, message = problem
            return Verification(
                entries=count, whole=False, broken_at=at, message=message, anchored=anchored
            )
        last = link
        count += 1
    beyond = [sequence for sequence, _ in wanted if sequence > count]
    if beyond:
        return Verification(
            entries=count,
            whole=False,
            broken_at=count + 1,
            message=f"Entries {count + 1} to {max(beyond)} are missing: the end was cut off.",
            anchored=anchored,
        )
    message = f"All {count:,} entries are as they were written."
    if not anchored and count:
        message += f" There is no {ANCHOR} in this home: a cut end would not be noticed."
    return Verification(
        entries=count,
        whole=True,
        message=message,
        newest=f"{last.sequence}:{last.hash}" if last else None,
        anchored=anchored,
    )


def _problem(last: Link | None, link: Link, kept: dict[int, str]) -> tuple[int, str] | None:
    """Say at which sequence something is wrong, and what."""
    due = last.sequence + 1 if last else 1
    if link.sequence != due:
        if not isinstance(link.sequence, int) or link.sequence < due:
            return due, f"Entry {link.sequence!r} does not belong there: entry {due} was due."
        which = (
            f"Entry {due} is"
            if link.sequence == due + 1
            else (f"Entries {due} to {link.sequence - 1} are")
        )
        return due, f"{which} missing."
    if link.hash != hash_of(link):
        return due, f"Entry {due} was altered: its content does not give its hash."
    if link.previous != (last.hash if last else ORIGIN):
        if last is None:
            return due, f"Entry {due} was replaced: it names an entry before it."
        return last.sequence, (
            f"Entry {last.sequence} was altered: it is not the one that entry {due} follows."
        )
    if kept.get(due, link.hash) != link.hash:
        return due, f"Entry {due} was altered: its hash is not the one that was kept elsewhere."
    return None


def _chained(last: Link | None, fact: Fact, text: str) -> Link:
    now = UtcTime().process_bind_param(datetime.now(UTC), None)
    assert now is not None
    link = Link(
        last.sequence + 1 if last else 1,
        now,
        *fact.key,
        text,
        last.hash if last else ORIGIN,
        "",
    )
    return link._replace(hash=hash_of(link))


def _take_turn(connection: Connection, *, sqlite: bool) -> None:
    """Wait until no other appends: the newest entry is read, and the next follows it.

    A lock and not a retry on the unique sequence: whoever waits is served in turn.
    """
    if sqlite:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def _last(connection: Connection) -> Link | None:
    row = connection.execute(
        sa.select(*_RAW.c).order_by(_RAW.c.sequence.desc()).limit(1)
    ).one_or_none()
    return Link(*row) if row else None


def _newest(connection: Connection, keys: set[Key]) -> dict[Key, str]:
    """Return the facts of the newest entry of each key."""
    columns = (table.c.relation, table.c.subject, table.c.object)
    pairs = {(subject, object_) for _, subject, object_ in keys}
    query = (
        sa.select(*columns, table.c.facts)
        .where(sa.tuple_(table.c.object, table.c.subject).in_([(o, s) for s, o in pairs]))
        .order_by(table.c.sequence)
    )
    return {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}


def _links(connection: Connection) -> Generator[Link, None, None]:
    query = sa.select(*_RAW.c).order_by(_RAW.c.sequence).execution_options(yield_per=READ_BATCH)
    with connection.execute(query) as rows:
        for row in rows:
            yield Link(*row)


def _check(fact: Fact) -> None:
    for name, value in (("subject", fact.subject), ("object", fact.object)):
        if not 3 <= len(value) <= NAME_LIMIT or ":" not in value or "\0" in value:
            raise InvalidInput(
                f"{name} should be a name such as run:ID, not {value!r}.", field=name
            )


def _parsed(text: str | None) -> tuple[int, str] | None:
    if not text:
        return None
    sequence, _, digest = text.partition(":")
    if not sequence.isdigit() or len(digest) != len(ORIGIN):
        raise InvalidInput(f"{text!r} is no SEQUENCE:HASH of an entry.", field="holds")
    return int(sequence), digest
