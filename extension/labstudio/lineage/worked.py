"""What the studio's own records say of jobs and cards, as facts of the lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.database.tables import approvals, cards, jobs
from labstudio.jobs import files
from labstudio.jobs.models import FINAL_STATES, JobState, Snapshot
from labstudio.lineage.ledger import Fact
from labstudio.lineage.models import Facts, Relation
from labstudio.lineage.objects import content_hash, file_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Connection, Row

    from labstudio.home import Home

_FINAL = frozenset(state.value for state in FINAL_STATES)
# Larger results are not read again for their hash: that would take minutes.
HASH_LIMIT_BYTES = 4 << 30


def states(connection: Connection) -> dict[str, str]:
    """Return the state of every job."""
    return dict(connection.execute(sa.select(jobs.c.id, jobs.c.state)).tuples().all())


def of_jobs(connection: Connection, ids: Sequence[str], home: Home) -> list[Fact]:
    """Return what is known of some jobs: what they are, took, ran as and left."""
    rows = connection.execute(sa.select(jobs).where(jobs.c.id.in_(ids))).all()
    return [fact for row in rows for fact in _of_job(row, home)]


def of_cards(connection: Connection) -> Iterator[Fact]:
    """Give what is known of the cards of models."""
    columns = [each for each in cards.c if each.name not in ("content", "sources")]
    for row in connection.execute(sa.select(*columns)):
        name = f"card:{row.id}"
        yield _is(
            name,
            name=f"{row.model} v{row.model_version}, card {row.version}",
            state=row.state,
            sha256=row.sha256,
            user=row.user,
            decided_by=row.decided_by,
            created_at=row.created_at.isoformat(),
        )
        yield Fact(Relation.described, f"model:{row.model}/{row.model_version}", name)


def of_approvals(connection: Connection) -> Iterator[Fact]:
    """Give who asked for which promotion of a model, and who decided."""
    for row in connection.execute(sa.select(approvals)):
        facts = {
            "alias": row.alias,
            "state": row.state,
            "requested_by": row.requested_by,
            "decided_by": row.decided_by,
            "decided_at": _time(row.decided_at),
        }
        yield Fact(
            Relation.decided,
            f"approval:{row.id}",
            f"model:{row.model}/{row.version}",
            {key: value for key, value in facts.items() if value is not None},
        )


def _of_job(row: Row[Any], home: Home) -> Iterator[Fact]:
    name = f"job:{row.id}"
    taken = Snapshot.model_validate(row.snapshot)
    provenance = row.provenance or {}
    entry = next((file.sha256 for file in taken.files if file.path == taken.entry), None)
    for file in taken.inputs:
        data = f"data:{file.sha256}"
        yield _data(data, file.path, file.size_bytes)
        facts = {"name": file.path, "path": file.source}
        yield Fact(Relation.given, data, name, {k: v for k, v in facts.items() if v})
        if file.source:
            yield Fact(Relation.held, file_name(file.source), data, {"path": file.source})
    if row.run_id:
        yield Fact(Relation.ran, name, f"run:{row.run_id}")
    if row.rerun_of:
        yield Fact(Relation.reran, f"job:{row.rerun_of}", name)
    if row.state in _FINAL and row.state != JobState.stopped and row.attempt:
        yield from _left(name, home.attempt(row.id, row.attempt), row.attempt)
    yield _is(
        name,
        name=row.name,
        kind=row.kind,
        state=row.state,
        user=row.user,
        compute=row.compute,
        source=row.path,
        run=row.run_id,
        code_sha256=entry,
        git_commit=provenance.get("git_commit"),
        created_at=_time(row.created_at),
        started_at=_time(row.started_at),
        ended_at=_time(row.ended_at),
    )


def _left(name: str, folder: Path, attempt: int) -> Iterator[Fact]:
    """Give the files that a job left as its results."""
    if not folder.is_dir():
        return
    for file in files.list_files(folder, attempt).items:
        if file.role != "output" or file.size_bytes > HASH_LIMIT_BYTES:
            continue
        try:
            data = f"data:{content_hash(files.file_path(folder, file.path))}"
        except OSError:
            continue  # removed since
        yield _data(data, file.name, file.size_bytes)
        yield Fact(Relation.wrote, name, data, {"name": file.name})


def _data(data: str, name: str, size_bytes: int) -> Fact:
    facts: Facts = {"name": name.rpartition("/")[2], "size_bytes": size_bytes}
    return Fact(Relation.is_, data, data, facts, grows=True)


def _is(name: str, /, **facts: Any) -> Fact:
    return Fact(Relation.is_, name, name, {k: v for k, v in facts.items() if v is not None})


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
