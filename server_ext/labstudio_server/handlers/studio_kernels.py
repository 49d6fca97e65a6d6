"""Kernels on computes over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.kernels.models import ListKernels, StudioKernel

_KERNELS = "labstudio.kernels.models"
RESOURCE = "labstudio:kernels"


class StudioKernelBase(StudioHandler):
    """What the handlers of one kernel share."""

    async def allow_kernel(self, kernel_id: str) -> StudioKernel:
        """Return a kernel that the user may touch."""
        kernel = await self.call(lambda studio: studio.kernels.get(kernel_id))
        await self.allow(kernel.user)
        return kernel


class StudioKernelsHandler(StudioHandler):
    """All kernels on computes."""

    path = "kernels"
    auth_resource = RESOURCE

    @operation(
        "listKernels",
        "Kernels on computes, newest first.",
        query=f"{_KERNELS}:ListKernels",
        response=f"{_KERNELS}:KernelPage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the kernels that the user may read."""
        wanted: ListKernels = await self.query()
        page = await self.call(lambda studio: studio.kernels.select(wanted))
        owners = {kernel.user for kernel in page.items}
        users = await authorization.visible(self, RESOURCE, self.owner, owners)
        page.items = [kernel for kernel in page.items if kernel.user in users]
        await self.answer(lambda _: page)


class StudioKernelHandler(StudioKernelBase):
    """One kernel on a compute."""

    path = "kernels/{kernel_id}"
    auth_resource = RESOURCE

    @operation("getKernel", "One kernel.", response=f"{_KERNELS}:StudioKernel")
    @web.authenticated
    @authorized
    async def get(self, kernel_id: str) -> None:
        """Say how it is."""
        kernel = await self.allow_kernel(kernel_id)
        await self.answer(lambda _: kernel)

    @operation("deleteKernel", "End a kernel, or forget a dead one.", status=204)
    @web.authenticated
    @authorized
    async def delete(self, kernel_id: str) -> None:
        """End it for good, or forget a dead one."""
        await self.allow_kernel(kernel_id)
        await self.done(lambda studio: studio.kernels.stop(kernel_id))


class StudioKernelInterruptHandler(StudioKernelBase):
    """What runs in a kernel on a compute."""

    path = "kernels/{kernel_id}/interrupt"
    auth_resource = RESOURCE

    @operation(
        "interruptKernel", "Interrupt what runs in a kernel.", response=f"{_KERNELS}:StudioKernel"
    )
    @web.authenticated
    @authorized
    async def post(self, kernel_id: str) -> None:
        """Interrupt it."""
        await self.allow_kernel(kernel_id)
        await self.answer(lambda studio: studio.kernels.interrupt(kernel_id))
