"""Kept kernels: made usable in JupyterLab, and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio.errors import Unavailable
from labstudio_server import authorization, kept
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from pydantic import BaseModel

    from labstudio._studio import Studio


_SERVER = "labstudio_server.models"


class JobKernelHandler(StudioHandler):
    """The kernel that a failed job kept."""

    path = "jobs/{job_id}/kernel"
    auth_resource = "labstudio:jobs"

    @operation(
        "attachKernel",
        "Make a failed job's kept kernel usable in JupyterLab.",
        response=f"{_SERVER}:KernelAttachment",
    )
    @web.authenticated
    @authorized
    async def post(self, job_id: str) -> None:
        """Attach this Jupyter Server to the kept kernel."""
        await authorization.require(self, "write", "kernels")
        job = await self.allow_job(job_id)
        name = await self.call(lambda studio: kept.write_spec(studio, job))
        kernel_id = self.attached(name) or await self.attach(name)
        await self.answer(lambda _: _attachment(kernel_id, name))

    @operation("endKernel", "End a kept kernel.", status=204)
    @web.authenticated
    @authorized
    async def delete(self, job_id: str) -> None:
        """End the kept kernel for good."""
        await self.allow_job(job_id)
        if kernel_id := self.attached(kept.spec_name(job_id)):
            manager: Any = self.kernel_manager
            await ensure_async(manager.shutdown_kernel(kernel_id))
        await self.done(lambda studio: _release(studio, job_id))

    def attached(self, name: str) -> str | None:
        """Return the id under which this server has the kernel already."""
        manager: Any = self.kernel_manager
        running: list[dict[str, str]] = manager.list_kernels()
        return next((each["id"] for each in running if each["name"] == name), None)

    async def attach(self, name: str) -> str:
        """Let the server start, which is here attach to, the kernel of a spec."""
        folders = getattr(self.kernel_spec_manager, "kernel_dirs", None)
        if folders is None:
            raise Unavailable("This server's kernels are not on this machine; it cannot attach.")
        folder = str(self.services.studio().home.kernelspecs)
        if folder not in folders:
            folders.append(folder)
        return await self.kernel_manager.start_kernel(kernel_name=name)


def _attachment(kernel_id: str, name: str) -> BaseModel:
    from labstudio_server.models import KernelAttachment

    return KernelAttachment(kernel_id=kernel_id, name=name)


def _release(studio: Studio, job_id: str) -> None:
    studio.jobs.release_kernel(job_id)
    kept.remove_spec(studio.home, job_id)
