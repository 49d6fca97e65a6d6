"""What a keeper does with the compute of its kernel: slots, the host, the owner's rules."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from labstudio.compute.kernel_host import KernelHost, KernelOrder
from labstudio.errors import StudioError
from labstudio.jobs.runner.protocol import process_of

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.compute.models import ComputeSettings, Need
    from labstudio.kernels.folder import KernelFolder
    from labstudio.kernels.models import KernelSheet
    from labstudio_kernels.opened import Opened

log = logging.getLogger("labstudio.keeper")


class Hosting:
    """The compute of one kernel.

    Parameters
    ----------
    opened
        The studio, which gives slots, and its computes.
    folder, sheet
        The kernel.
    """

    def __init__(self, opened: Opened, folder: KernelFolder, sheet: KernelSheet) -> None:
        self._opened = opened
        self._studio = opened.studio
        self._folder = folder
        self._sheet = sheet
        self._need: Need | None = None
        self._gpus: tuple[int, ...] = ()

    # -- whether a kernel was started, for a keeper that comes after this one

    @property
    def _mark(self) -> Path:
        return self._folder.path / "started"

    @property
    def started(self) -> bool:
        """Whether a kernel was started, and has not been seen to end."""
        return self._mark.exists()

    def note_started(self) -> None:
        """Note that a kernel was started."""
        self._mark.touch(mode=0o600)

    def note_ended(self) -> None:
        """Note that it is over."""
        self._mark.unlink(missing_ok=True)

    # -- slots

    async def lease(self) -> Need:
        """Take the slots that a kernel of this compute holds; those that are held stay.

        Raises
        ------
        StudioError
            When they are not free now; the sentence says which.
        """
        need, self._gpus = await asyncio.to_thread(self._lease)
        self._need = need
        return need

    def _lease(self) -> tuple[Need, tuple[int, ...]]:
        lease = self._studio.kernels.lease(self._sheet)
        return lease.need, lease.gpus

    async def release(self) -> None:
        """Give the slots back."""
        try:
            await asyncio.to_thread(self._studio.kernels.release, self._sheet.id)
        except StudioError as error:
            log.warning("The kernel's slots are not given back yet: %s", error)

    # -- the host

    async def host(self) -> KernelHost:
        """Return what starts the kernel there, or finds it."""
        if self._need is None:
            await self.lease()
        return await asyncio.to_thread(self._host)

    def _host(self) -> KernelHost:
        from pathlib import Path

        kind = self._opened.computes.get(self._sheet.compute)
        sheet = self._sheet
        assert self._need is not None
        order = KernelOrder(
            id=sheet.id,
            folder=self._folder.path,
            offer=sheet.offer,
            key=sheet.key,
            sockets=self._folder.sockets,
            notebooks=Path(sheet.notebooks) if sheet.notebooks else None,
            env={**kind.settings.env, **sheet.env, **self._channel()},
            gateway=self._opened.gateway,
            need=self._need,
            gpus=self._gpus,
            say=log.info,
        )
        return kind.kernel_host(order)

    def _channel(self) -> dict[str, str]:
        """Return what lets the kernel speak to the studio as itself, and as nobody else."""
        from labstudio.gateway.tokens import Scope, mint

        token = mint(self._folder.home, Scope("kernel", self._sheet.id, self._sheet.user))
        return {
            "LABSTUDIO_KERNEL_ID": self._sheet.id,
            "LABSTUDIO_TOKEN": token,
            "MLFLOW_TRACKING_TOKEN": token,
        }

    async def close(self) -> None:
        """Let go of the compute."""
        await asyncio.to_thread(self._opened.computes.close)

    # -- rules

    async def reclaims(self, idle_s: float) -> str | None:
        """Say why a kernel idle for so long is to be ended by its compute's rule; None: it is not.

        Parameters
        ----------
        idle_s
            For how long no code ran.
        """
        try:
            settings: ComputeSettings = await asyncio.to_thread(
                self._studio.computes.settings, self._sheet.compute
            )
        except StudioError:
            return None
        limit = settings.idle_kernel_s
        if limit is None or idle_s < limit:
            return None
        return (
            f"The kernel was ended after {in_words(idle_s)} without use: {self._sheet.compute} "
            f"ends kernels that are idle for {in_words(limit)} (idle_kernel_s)."
        )

    def orphaned(self) -> bool:
        """Say whether nobody can find the kernel again: it has no notebook, and its user is gone.

        A user is the process that started it.
        """
        owner = self._sheet.owner
        return owner is not None and (
            process_of(owner.pid, owner.create_time, owner.started) is None
        )


def in_words(seconds: float) -> str:
    """Return a time as people say it.

    >>> in_words(5400.0)
    '90 minutes'
    """
    for unit, length in (("hour", 3600.0), ("minute", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}s"
    return f"{seconds:.0f} seconds"
