"""Kernels in the database; keepers write their rows, everybody reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio import changes
from labstudio.database.tables import kernels
from labstudio.errors import NotFound
from labstudio.kernels.models import KernelState, StudioKernel
from labstudio.kernels.specs import shown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Row

    from labstudio.compute.models import Need
    from labstudio.database.engine import Database
    from labstudio.kernels.models import KernelSheet, ListKernels


class KernelStore:
    """Reads and writes rows; every write is one transaction with its entry in the change feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, sheet: KernelSheet, need: Need) -> None:
        """Add a kernel, or begin anew with one that was there."""
        values: dict[str, Any] = {
            "compute": sheet.compute,
            "offer": sheet.offer.name,
            "display_name": shown_name(sheet.compute, sheet.offer),
            "language": sheet.offer.language,
            "user": sheet.user,
            "path": sheet.path,
            "state": KernelState.starting.value,
            "message": None,
            "need": need.model_dump(mode="json"),
            "active_at": datetime.now(UTC),
            "ended_at": None,
        }
        if not self.update(sheet.id, **values):
            with self._database.begin() as connection:
                row = {**values, "id": sheet.id, "started_at": sheet.started_at, "revision": 1}
                connection.execute(kernels.insert().values(**row))
                changes.record(connection, "kernels", sheet.id, "created")

    def update(self, kernel_id: str, **values: Any) -> bool:
        """Change a kernel's row; False when there is none."""
        with self._database.begin() as connection:
            done = connection.execute(
                kernels.update()
                .where(kernels.c.id == kernel_id)
                .values(**values, revision=kernels.c.revision + 1)
            )
            if done.rowcount:
                changes.record(connection, "kernels", kernel_id, "changed")
            return bool(done.rowcount)

    def delete(self, kernel_id: str) -> None:
        """Forget a kernel."""
        with self._database.begin() as connection:
            if connection.execute(kernels.delete().where(kernels.c.id == kernel_id)).rowcount:
                changes.record(connection, "kernels", kernel_id, "deleted")

    def list(self, wanted: ListKernels) -> Sequence[StudioKernel]:
        """Return kernels, newest first."""
        query = sa.select(kernels).order_by(kernels.c.started_at.desc(), kernels.c.id)
        if wanted.compute is not None:
            query = query.where(kernels.c.compute == wanted.compute)
        if wanted.state is not None:
            query = query.where(kernels.c.state == wanted.state.value)
        with self._database.read() as connection:
            return [_kernel(row) for row in connection.execute(query)]

    def get(self, kernel_id: str) -> StudioKernel:
        """Return one kernel.

        Raises
        ------
        NotFound
            When there is none of that id.
        """
        row = self._database.find(kernels, kernel_id)
        if row is None:
            raise NotFound(f"There is no kernel {kernel_id} on a compute.", kernel_id=kernel_id)
        return _kernel(row)

    def forget_dead(self, older_than: timedelta) -> Sequence[str]:
        """Forget kernels that died long ago; return their ids."""
        query = sa.select(kernels.c.id).where(
            kernels.c.state == KernelState.dead.value,
            kernels.c.ended_at < datetime.now(UTC) - older_than,
        )
        with self._database.read() as connection:
            found = list(connection.scalars(query))
        for kernel_id in found:
            self.delete(kernel_id)
        return found


def _kernel(row: Row[Any]) -> StudioKernel:
    values = dict(row._mapping)
    return StudioKernel.model_validate(values)
