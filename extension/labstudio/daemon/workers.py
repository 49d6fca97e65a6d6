"""Workers say that they live; what one that fell silent had is taken over."""

from __future__ import annotations

import logging
import os
import socket
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio._version import __version__
from labstudio.database.tables import attempts, jobs, workers
from labstudio.jobs.models import JobError, JobState
from labstudio.jobs.store import now

if TYPE_CHECKING:
    from labstudio.daemon.queue import DurableQueue
    from labstudio.studio import Studio

log = logging.getLogger(__name__)


class Workers:
    """One worker among the others of its database.

    Parameters
    ----------
    studio
        The studio that they serve.
    worker
        This one's id.
    queue
        Where attempts of lost workers go back to.
    """

    def __init__(self, studio: Studio, worker: str, queue: DurableQueue) -> None:
        self._studio = studio
        self._worker = worker
        self._queue = queue
        self._started_at = now()

    def beat(self) -> None:
        """Say that this worker lives."""
        values = {
            "host": host(),
            "pid": os.getpid(),
            "version": __version__,
            "started_at": self._started_at,
            "heartbeat_at": now(),
        }
        with self._studio.database.begin() as connection:
            known = connection.execute(
                workers.update().where(workers.c.id == self._worker).values(**values)
            ).rowcount
            if not known:
                connection.execute(workers.insert().values(id=self._worker, **values))

    def leave(self) -> None:
        """Say good-bye."""
        with self._studio.database.begin() as connection:
            connection.execute(workers.delete().where(workers.c.id == self._worker))

    def take_over(self) -> int:
        """Take over what workers not heard from had; return how many attempts.

        An attempt on this machine is handed out again: whoever takes it finds its runner alive, or
        dead. One on another machine cannot be reached any more: it is ended as interrupted, and the
        job's own policy says whether it is tried again.
        """
        limit = now() - timedelta(seconds=self._studio.config.worker_timeout_s)
        with self._studio.database.read() as connection:
            lost = connection.execute(
                sa.select(workers).where(
                    workers.c.heartbeat_at < limit, workers.c.id != self._worker
                )
            ).all()
        return sum(self._take_over(row.id, row.host, row.heartbeat_at) for row in lost)

    def _take_over(self, worker: str, where: str, heard: datetime) -> int:
        with self._studio.database.begin() as connection:
            mine = connection.execute(
                workers.delete().where(workers.c.id == worker, workers.c.heartbeat_at == heard)
            ).rowcount
        if not mine:
            return 0
        with self._studio.database.read() as connection:
            open_attempts = connection.execute(
                sa.select(attempts.c.job_id, attempts.c.number, jobs.c.compute)
                .join(jobs, jobs.c.id == attempts.c.job_id)
                .where(attempts.c.worker == worker, attempts.c.ended_at.is_(None))
            ).all()
        for row in open_attempts:
            if where == host():
                self._queue.hand_out_again(row.job_id, row.number, row.compute)
                continue
            error = JobError(
                type="Lost",
                message=f"Worker {worker} on {where} was not heard from since {heard:%F %T} UTC.",
            )
            job = self._studio.jobs.store.detail(row.job_id)
            self._queue.forget(row.job_id, row.number)
            self._studio.jobs.store.finish_attempt(
                job, row.number, JobState.interrupted, error=error
            )
        log.warning("Worker %s is lost; took over %s attempts.", worker, len(open_attempts))
        return len(open_attempts)


def host() -> str:
    """Return the name by which this machine is told from others."""
    return socket.gethostname()
