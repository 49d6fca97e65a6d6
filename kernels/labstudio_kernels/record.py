"""The kernel's row in the studio's database, written behind the keeper's back."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labstudio.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from labstudio._studio import Studio
    from labstudio.compute.models import Need
    from labstudio.kernels.models import KernelSheet, KernelState

log = logging.getLogger("labstudio.keeper")

# A kernel that becomes busy and idle many times a second is written once.
PAUSE_S = 0.5
TRY_AGAIN_S = 5.0


class Record:
    """Writes what is newest, in a thread, one write after the other.

    A database that is away keeps no kernel from its work: what is newest is written when it is
    back.

    Parameters
    ----------
    studio
        The studio.
    sheet
        What the kernel is.
    """

    def __init__(self, studio: Studio, sheet: KernelSheet) -> None:
        self._studio = studio
        self._sheet = sheet
        self._need: Need | None = None
        self._values: dict[str, Any] = {}
        self._dirty = asyncio.Event()
        self._clean = asyncio.Event()
        self._clean.set()
        self._task = asyncio.get_running_loop().create_task(self._write_on())

    def begin(self, need: Need) -> None:
        """Have the row made, or begun anew."""
        self._need = need
        self._values = {}
        self._soil()

    def note(
        self, state: KernelState, message: str | None, active_at: datetime, *, ended: bool = False
    ) -> None:
        """Have the row changed."""
        self._values |= {"state": state.value, "message": message, "active_at": active_at}
        if ended:
            self._values["ended_at"] = datetime.now(UTC)
        self._soil()

    def note_path(self, path: str) -> None:
        """Have the row tell of another notebook."""
        self._values["path"] = path
        self._soil()

    async def written(self) -> None:
        """Wait until what is newest is written; not for long."""
        try:
            await asyncio.wait_for(self._clean.wait(), TRY_AGAIN_S)
        except TimeoutError:
            log.warning("The kernel's record is not written yet.")

    async def delete(self) -> None:
        """Have the row gone."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._done(lambda: self._studio.kernels.store.delete(self._sheet.id))

    async def close(self) -> None:
        """Stop writing."""
        if not self._task.done():
            await self.written()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _soil(self) -> None:
        self._clean.clear()
        self._dirty.set()

    async def _write_on(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            need, values = self._need, dict(self._values)
            if not await self._done(lambda: self._write(need, values)):  # noqa: B023  awaited here
                self._dirty.set()
                await asyncio.sleep(TRY_AGAIN_S)
                continue
            if self._need is need:
                self._need = None
            if not self._dirty.is_set():
                self._clean.set()
            await asyncio.sleep(PAUSE_S)

    def _write(self, need: Need | None, values: dict[str, Any]) -> None:
        store = self._studio.kernels.store
        if need is not None:
            store.begin(self._sheet, need)
        if values:
            store.update(self._sheet.id, **values)

    async def _done(self, work: Callable[[], object]) -> bool:
        try:
            await asyncio.to_thread(work)
        except StudioError as error:
            log.warning("The kernel's record cannot be written: %s", error)
            return False
        return True
