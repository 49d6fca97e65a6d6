"""The durable queue: DBOS, on the studio's own database.

A job is accepted as a row; a worker lets its next attempt in (`labstudio.compute.admission`), and
hands it to its own queue in the transaction that gives out its slots. DBOS starts what was let in,
remembers who took what, and hands out again what a dead worker had.
"""

from __future__ import annotations

import logging
import os
from threading import Lock
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.compute.leases import withdraw
from labstudio.daemon.bell import Bell
from labstudio.database.tables import jobs, leases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dbos import DBOSClient

    from labstudio._studio import Studio
    from labstudio.compute.admission import Admission, Admitted

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
# Attempts are followed in a thread each; how many there are is the admission's to say.
THREADS = 1024
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
    "queue_name",
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
    admission
        Says which come next.
    """

    def __init__(self, studio: Studio, worker: str, admission: Admission) -> None:
        self._studio = studio
        self._worker = worker
        self._admission = admission
        self._dispatching = Lock()
        self.name = queue_name(worker)
        self._client: DBOSClient | None = None
        self._bell = Bell(studio.config.queue_poll_s)
        schema = None if studio.database.sqlite else "dbos"
        self._table = sa.table("workflow_status", *map(sa.column, _COLUMNS), schema=schema)
        self._given = sa.table("workflow_input", sa.column("workflow_uuid"), schema=schema)

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
        settings: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": engine,
            "application_version": APPLICATION_VERSION,
            "executor_id": self._worker,
            "log_level": "ERROR",
            "max_executor_threads": THREADS,
            "scheduler_polling_interval_sec": 3600.0,
        }
        launched = DBOS(config=settings)

        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=RECOVERIES)
        def attempt(job_id: str, number: int) -> None:
            run(job_id, number)

        DBOS.listen_queues([self.name])
        self._put_back_own()
        DBOS.launch()
        often_s = self._studio.config.queue_poll_s
        look_s = max(often_s, UNASKED_S) if self._bell.hang(launched) else often_s
        DBOS.register_queue(self.name, polling_interval_sec=look_s, on_conflict="always_update")
        self._client = DBOSClient(system_database_engine=engine, application_name=APPLICATION)

    def dispatch(self) -> int:
        """Hand the next attempts of jobs that are let in to the queue; return how many."""
        with self._dispatching:
            count = self._admission.admit(self._hand_over)
        if count:
            self.ring()
        return count

    def _hand_over(self, connection: sa.Connection, admitted: Admitted) -> None:
        assert self._client is not None
        self._client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": WORKFLOW,
                "queue_name": self.name,
                "workflow_id": workflow_id(admitted.id, admitted.number),
                "app_version": APPLICATION_VERSION,
                "priority": PRIORITY_BASE - admitted.priority,
            },
            admitted.id,
            admitted.number,
        )

    def ring(self) -> None:
        """Have the queue look for work now: there is some, or a slot came free."""
        self._bell.ring()

    def put_back(self, worker: str, only: Iterable[tuple[str, int]] | None = None) -> int:
        """Take what a worker had that is gone; return how many attempts.

        They come first in line: their runners may well be running. Of two who take the same work
        one does; what has another owner by then is left alone. What another worker had let in and
        not begun waits again as if it never had: nothing new begins beyond this worker's own limit.

        Parameters
        ----------
        worker
            Who had it.
        only
            Only these attempts.
        """
        table = self._table
        theirs = sa.and_(table.c.status == _TAKEN, table.c.executor_id == worker)
        if worker != self._worker:
            # What it had let in and not yet begun.
            waiting = sa.and_(table.c.status == _QUEUED, table.c.queue_name == queue_name(worker))
            theirs = sa.or_(theirs, waiting)
        where = [table.c.name == WORKFLOW, theirs]
        if only is not None:
            where.append(table.c.workflow_uuid.in_([workflow_id(*each) for each in only]))
        with self._studio.database.begin() as connection:
            moved = 0
            if worker != self._worker:
                moved = self._withdraw(connection, where)
                slots = leases.update().where(leases.c.worker == worker)
                connection.execute(slots.values(worker=self._worker))
            return (
                moved
                + connection.execute(
                    table.update()
                    .where(*where)
                    .values(
                        status=_QUEUED,
                        queue_name=self.name,
                        owner_xid=None,
                        started_at_epoch_ms=None,
                        priority=PRIORITY_FIRST,
                    )
                ).rowcount
            )

    def _withdraw(self, connection: sa.Connection, where: list[sa.ColumnElement[bool]]) -> int:
        """Have attempts that were let in and not begun wait again; return how many."""
        table, withdrawn = self._table, []
        for name in connection.scalars(sa.select(table.c.workflow_uuid).where(*where)).all():
            job_id, number = attempt_of(name)
            if connection.execute(
                jobs.update()
                .where(
                    jobs.c.id == job_id,
                    jobs.c.state == "queued",
                    jobs.c.dispatched == number,
                    jobs.c.attempt == number - 1,
                )
                .values(dispatched=number - 1)
            ).rowcount:
                withdraw(connection, job_id, number)
                withdrawn.append(name)
        for each in (self._given, table):
            connection.execute(each.delete().where(each.c.workflow_uuid.in_(withdrawn)))
        return len(withdrawn)

    def taken(self) -> set[tuple[str, int]]:
        """Return the attempts that the queue believes this worker makes."""
        table = self._table
        query = sa.select(table.c.workflow_uuid).where(
            table.c.status == _TAKEN,
            table.c.name == WORKFLOW,
            table.c.executor_id == self._worker,
        )
        with self._studio.database.read() as connection:
            return {attempt_of(name) for name in connection.scalars(query)}

    def _put_back_own(self) -> None:
        """Take up again what this worker had when it died, before anything new is taken."""
        inspector = sa.inspect(self._studio.database.engine)
        if inspector.has_table(self._table.name, schema=self._table.schema):
            self.put_back(self._worker)

    def forget(self, job_id: str, number: int) -> None:
        """Take an attempt out of the queue."""
        assert self._client is not None
        self._client.cancel_workflow(workflow_id(job_id, number))


def queue_name(worker: str) -> str:
    """Return the name of a worker's own queue: what it lets in, it makes."""
    return f"{APPLICATION}.{worker}"


def workflow_id(job_id: str, number: int) -> str:
    """Return the queue's name for an attempt."""
    return f"{job_id}.{number}"


def attempt_of(name: str) -> tuple[str, int]:
    """Return the attempt that the queue has under a name."""
    job_id, _, number = name.rpartition(".")
    return job_id, int(number)
