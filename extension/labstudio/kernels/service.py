"""The verbs of kernels on computes: list them, interrupt them, end them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.compute.registry import kind
from labstudio.errors import Conflict, Unavailable
from labstudio.kernels import control
from labstudio.kernels.folder import KernelFolder
from labstudio.kernels.models import KernelPage, KernelState, ListKernels, StudioKernel
from labstudio.kernels.specs import shown_name
from labstudio.kernels.store import KernelStore

if TYPE_CHECKING:
    from collections.abc import Collection

    from labstudio._studio import Studio
    from labstudio.compute.models import Need
    from labstudio.kernels.models import KernelSheet

# A kernel that is ended is asked politely, then removed where it was.
END_TIMEOUT_S = 60.0
DEAD_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Lease:
    """The slots that a kernel holds."""

    need: Need
    gpus: tuple[int, ...] = ()


class KernelService:
    """The kernels that live on computes.

    They are started by choosing one in JupyterLab, and belong to nobody's process: see
    `labstudio_kernels.keeper`.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @cached_property
    def store(self) -> KernelStore:
        """Their rows; keepers write them."""
        return KernelStore(self._studio.database)

    def list(self, compute: str | None = None, state: str | None = None) -> KernelPage:
        """Return kernels, newest first; those that died are among them for a week.

        Parameters
        ----------
        compute
            Only those of one compute.
        state
            Only those in one state.
        """
        wanted = ListKernels(compute=compute, state=KernelState(state) if state else None)
        return self.select(wanted)

    def select(self, wanted: ListKernels) -> KernelPage:
        """Return the kernels that a request asks for."""
        return KernelPage(items=list(self.store.list(wanted)))

    def get(self, kernel_id: str) -> StudioKernel:
        """Return one kernel.

        Raises
        ------
        NotFound
            When there is none of that id on a compute.
        """
        return self.store.get(kernel_id)

    def interrupt(self, kernel_id: str) -> StudioKernel:
        """Do what Ctrl-C does."""
        folder = self._living(kernel_id)
        control.ask(folder, "interrupt")
        return self.get(kernel_id)

    def stop(self, kernel_id: str) -> None:
        """End a kernel for good, or forget one that is dead."""
        self.get(kernel_id)
        folder = KernelFolder(self._studio.home, kernel_id)
        if folder.sheet() is None:
            self.release(kernel_id)
            self.store.delete(kernel_id)
            return
        if not folder.kept():
            raise Unavailable(
                f"The kernel {kernel_id} has no keeper now; the daemon starts one in a moment.",
                kernel_id=kernel_id,
            )
        control.ask(folder, "end", timeout_s=END_TIMEOUT_S)

    def stop_idle(self, compute: str, users: Collection[str] | None = None) -> KernelPage:
        """End the kernels of a compute that do nothing; return them.

        Their users see why: the kernels are dead, with a message.

        Parameters
        ----------
        compute
            Its name.
        users
            Whose kernels; None for everybody's.
        """
        self._studio.computes.get(compute)
        idle = self.select(ListKernels(compute=compute, state=KernelState.idle)).items
        idle = [kernel for kernel in idle if users is None or kernel.user in users]
        message = f"The kernel was ended: idle kernels of {compute} were stopped."
        for kernel in idle:
            folder = self._living(kernel.id)
            control.ask(folder, "reclaim", timeout_s=END_TIMEOUT_S, message=message)
        return KernelPage(items=[self.get(kernel.id) for kernel in idle])

    def lease(self, sheet: KernelSheet) -> Lease:
        """Give a kernel the slots that those of its compute hold; for its keeper.

        On this machine itself kernels hold none, as Jupyter's own do.

        Raises
        ------
        StudioError
            When they are not free; the sentence says which.
        """
        settings = self._studio.computes.settings(sheet.compute)
        need = settings.kernel_need
        if kind(settings.type).at_home:
            return Lease(need)
        name = Path(sheet.path).name if sheet.path else shown_name(sheet.compute, sheet.offer)
        gpus = self._studio.computes.lease_kernel(
            sheet.id, sheet.compute, sheet.user, need, name=name
        )
        return Lease(need, gpus)

    def release(self, kernel_id: str, outcome: str = "ended") -> None:
        """Take a kernel's slots back; for its keeper."""
        self._studio.computes.release("kernel", kernel_id, outcome=outcome)

    def _living(self, kernel_id: str) -> KernelFolder:
        kernel = self.get(kernel_id)
        folder = KernelFolder(self._studio.home, kernel_id)
        if not kernel.state.lives or folder.sheet() is None:
            raise Conflict(kernel.message or "The kernel is over.", kernel_id=kernel_id)
        return folder
