"""The durable queue: DBOS, on the studio's own database.

A job is accepted as a row; the worker hands its next attempt to the queue in the transaction that
notes so. DBOS starts attempts within the limits of their compute and of their user, highest
priority first, remembers who took what, and hands out again what a dead worker had.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.daemon.bell import Bell
from labstudio.daemon.limits import keep_own_limits
from labstudio.database.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dbos import DBOSClient

    from labstudio._studio import Studio

# Recovery looks for work of its own version: one for ever, so that it crosses upgrades.
APPLICATION_VERSION = "1"
APPLICATION = "labstudio"
WORKFLOW = "labstudio.attempt"
# An attempt may outlive many daemons.
RECOVERIES = 1_000_000
# DBOS starts low numbers first, from 1; a job's priority is the higher the earlier.
PRIORITY_BASE = 1_000
# Before every other: what runs already and only lost who followed it.
PRIORITY_FIRST = 0
BATCH = 200
# How often the queue looks by itself when nobody rings.
UNASKED_S = 1.0

# Of DBOS's documented system table; its own recovery cannot put work first in line.
_QUEUED, _TAKEN = "ENQUEUED", "PENDING"
_COLUMNS = (
    "workflow_uuid",
    "name",
    "status",
    "executor_id",
    "owner_xid",
    "priority",
    "started_at_epoch_ms",
)


class DurableQueue:
    """Hands attempts to workers.

    Parameters
    ----------
    studio
        The studio whose database holds the queue.
    worker
        The id under which this process takes attempts.
    """

    def __init__(self, studio: Studio, worker: str) -> None:
        self._studio = studio
        self._worker = worker
        self._client: DBOSClient | None = None
        self._bell = Bell(studio.config.queue_poll_s)
        schema = None if studio.database.sqlite else "dbos"
        self._table = sa.table("workflow_status", *map(sa.column, _COLUMNS), schema=schema)

    def start(self, run: Callable[[str, int], None]) -> None:
        """Start taking attempts.

        Parameters
        ----------
        run
            Called with a job's id and an attempt's number, in a thread of its own.
        """
        # Silences the advice to sign up for a hosted console.
        os.environ.setdefault("DBOS__CLOUD", "false")
        from dbos import DBOS, DBOSClient, DBOSConfig

        logging.getLogger("dbos").setLevel(logging.ERROR)
        self._studio.database.migrate()
        engine = self._studio.database.engine
        slots, per_user = self._studio.config.job_slots, self._studio.config.job_slots_per_user
        settings: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": engine,
            "application_version": APPLICATION_VERSION,
            "executor_id": self._worker,
            "log_level": "ERROR",
            "max_executor_threads": max(64, slots * 2),
            "scheduler_polling_interval_sec": 3600.0,
        }
        launched = DBOS(config=settings)

        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=RECOVERIES)
        def attempt(job_id: str, number: int) -> None:
            run(job_id, number)

        keep_own_limits(slots, per_user)
        self._put_back_own()
        DBOS.launch()
        often_s = self._studio.config.queue_poll_s
        look_s = max(often_s, UNASKED_S) if self._bell.hang(launched) else often_s
        for compute in self._studio.computes.list().items:
            DBOS.register_queue(
                compute.name,
                worker_concurrency=slots,
                partition_worker_concurrency=per_user,
                polling_interval_sec=look_s,
                on_conflict="always_update",
            )
        self._client = DBOSClient(system_database_engine=engine, application_name=APPLICATION)

    def dispatch(self) -> int:
        """Hand the next attempts of queued jobs to the queue; return how many."""
        assert self._client is not None
        waiting = (
            sa.select(jobs.c.id, jobs.c.compute, jobs.c.user, jobs.c.priority, jobs.c.attempt)
            .where(
                jobs.c.state == "queued",
                jobs.c.dispatched == jobs.c.attempt,
                sa.or_(
                    jobs.c.next_attempt_at.is_(None),
                    jobs.c.next_attempt_at
                    <= sa.bindparam("moment", datetime.now(UTC), type_=jobs.c.next_attempt_at.type),
                ),
            )
            .order_by(jobs.c.priority.desc(), jobs.c.id)
            .limit(BATCH)
        )
        with self._studio.database.read() as connection:
            rows = connection.execute(waiting).all()
        if not rows:
            return 0
        with self._studio.database.begin() as connection:
            for row in rows:
                mine = connection.execute(
                    jobs.update()
                    .where(
                        jobs.c.id == row.id,
                        jobs.c.state == "queued",
                        jobs.c.dispatched == row.attempt,
                        jobs.c.attempt == row.attempt,
                    )
                    .values(dispatched=row.attempt + 1)
                ).rowcount
                if mine:
                    self._client.enqueue_in_transaction(
                        connection,
                        {
                            "workflow_name": WORKFLOW,
                            "queue_name": row.compute,
                            "workflow_id": workflow_id(row.id, row.attempt + 1),
                            "app_version": APPLICATION_VERSION,
                            "priority": PRIORITY_BASE - row.priority,
                            "queue_partition_key": row.user,
                        },
                        row.id,
                        row.attempt + 1,
                    )
        self.ring()
        return len(rows)

    def ring(self) -> None:
        """Have the queue look for work now: there is some, or a slot came free."""
        self._bell.ring()

    def put_back(self, worker: str, only: Iterable[tuple[str, int]] | None = None) -> int:
        """Let any living worker take what a worker had that is gone; return how many attempts.

        They come first in line: their runners may well be running. Of two who put back the same
        work one does; what has another owner by then is left alone.

        Parameters
        ----------
        worker
            Who had it.
        only
            Only these attempts.
        """
        table = self._table
        where = [
            table.c.name == WORKFLOW,
            table.c.status == _TAKEN,
            table.c.executor_id == worker,
        ]
        if only is not None:
            where.append(table.c.workflow_uuid.in_([workflow_id(*each) for each in only]))
        with self._studio.database.begin() as connection:
            return connection.execute(
                table.update()
                .where(*where)
                .values(
                    status=_QUEUED,
                    owner_xid=None,
                    started_at_epoch_ms=None,
                    priority=PRIORITY_FIRST,
                )
            ).rowcount

    def taken(self) -> set[tuple[str, int]]:
        """Return the attempts that the queue believes this worker makes."""
        table = self._table
        query = sa.select(table.c.workflow_uuid).where(
            table.c.status == _TAKEN,
            table.c.name == WORKFLOW,
            table.c.executor_id == self._worker,
        )
        with self._studio.database.read() as connection:
            found = [name.rpartition(".") for name in connection.scalars(query)]
        return {(job_id, int(number)) for job_id, _, number in found}

    def _put_back_own(self) -> None:
        """Take up again what this worker had when it died, before anything new is taken."""
        inspector = sa.inspect(self._studio.database.engine)
        if inspector.has_table(self._table.name, schema=self._table.schema):
            self.put_back(self._worker)

    def forget(self, job_id: str, number: int) -> None:
        """Take an attempt out of the queue."""
        assert self._client is not None
        self._client.cancel_workflow(workflow_id(job_id, number))


def workflow_id(job_id: str, number: int) -> str:
    """Return the queue's name for an attempt."""
    return f"{job_id}.{number}"
