"""The verbs of compute: which places there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import sqlalchemy as sa

from labstudio.compute.models import Compute, ComputePage, ComputeSettings
from labstudio.database.tables import jobs
from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from labstudio._studio import Studio

LOCAL = "local"


class ComputeService:
    """The named places where jobs run."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def list(self) -> ComputePage:
        """Return every compute, with what runs and waits there."""
        query = (
            sa.select(jobs.c.state, sa.func.count().label("running"))
            .where(jobs.c.compute == LOCAL, jobs.c.state.in_(["queued", "starting", "running"]))
            .group_by(jobs.c.state)
        )
        with self._studio.database.read() as connection:
            counts = {row.state: row.running for row in connection.execute(query)}
        settings = self._studio.config
        local = Compute(
            name=LOCAL,
            type="local",
            cpus=psutil.cpu_count() or 1,
            memory_bytes=psutil.virtual_memory().total,
            max_jobs=settings.job_slots,
            max_jobs_per_user=settings.job_slots_per_user,
            running=counts.get("running", 0) + counts.get("starting", 0),
            queued=counts.get("queued", 0),
        )
        return ComputePage(items=[local])

    def settings(self, name: str) -> ComputeSettings:
        """Return a compute's settings, checked.

        Raises
        ------
        InvalidInput
            When there is no such compute.
        """
        self.get(name)
        return ComputeSettings(type=LOCAL)

    def get(self, name: str) -> str:
        """Return a compute's name when there is such a compute.

        Raises
        ------
        InvalidInput
            When there is none.
        """
        if name != LOCAL:
            raise InvalidInput(
                f"compute {name!r} is not known; there is: {LOCAL}.", field="compute"
            )
        return name
