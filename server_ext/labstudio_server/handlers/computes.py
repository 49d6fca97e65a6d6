"""Computes over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio.errors import NotFound
from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.compute.models import (
        ComputeDetail,
        CreateCompute,
        DrainCompute,
        Occupant,
        Waiting,
    )

_COMPUTE = "labstudio.compute.models"
_KERNELS = "labstudio.kernels.models"
RESOURCE = "labstudio:computes"
KERNELS = "labstudio:kernels"


class ComputesHandler(StudioHandler):
    """The places where jobs run."""

    path = "computes"
    auth_resource = RESOURCE

    @operation(
        "listComputes", "Every compute, and what runs there.", response=f"{_COMPUTE}:ComputePage"
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List every compute, and what runs there."""
        root = self.root
        await self.answer(lambda studio: studio.computes.list(root, root))

    @operation(
        "createCompute",
        "Add a compute to the home's compute.toml.",
        body=f"{_COMPUTE}:CreateCompute",
        response=f"{_COMPUTE}:Compute",
        status=201,
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Add a compute to the home's compute.toml."""
        request: CreateCompute = await self.body()
        await self.answer(lambda studio: studio.computes.add(request))


class ComputeKindsHandler(StudioHandler):
    """The kinds of compute that there are."""

    path = "computes/kinds"
    auth_resource = RESOURCE

    @operation(
        "listComputeKinds",
        "Which kinds can be added, and the settings that each takes.",
        response=f"{_COMPUTE}:KindPage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell which kinds can be added, and what each of them takes."""
        await self.answer(lambda studio: studio.computes.kinds())


class ComputeHandler(StudioHandler):
    """One compute."""

    path = "computes/{name}"
    auth_resource = RESOURCE

    @operation(
        "getCompute",
        "What runs and waits there, and what its machine does.",
        response=f"{_COMPUTE}:ComputeDetail",
    )
    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Tell what runs and waits there, and what its machine does."""
        detail = await self.call(lambda studio: _known(studio, name).computes.detail(name))
        await self._keep_others_private(detail)
        await self.answer(lambda _: detail)

    @operation("deleteCompute", "Take it out of its compute.toml.", status=204)
    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Take it out of the compute.toml that names it."""
        await self.done(lambda studio: _known(studio, name).computes.remove(name))

    async def _keep_others_private(self, detail: ComputeDetail) -> None:
        """Show that others' things are there, and not what they are."""
        present: list[Occupant | Waiting] = [*detail.occupants, *detail.waiting]
        owners = {each.user for each in present}
        shown = await authorization.visible(self, "labstudio:jobs", self.owner, owners)
        for each in present:
            if each.user not in shown:
                each.id = each.name = ""


class ComputeTestHandler(StudioHandler):
    """Trying a compute."""

    path = "computes/{name}/test"
    auth_resource = RESOURCE

    @operation(
        "testCompute", "Try each thing that a job needs there.", response=f"{_COMPUTE}:TestReport"
    )
    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Try each thing that a job needs there."""
        await self.answer(lambda studio: _known(studio, name).computes.test(name))


class ComputeResourcesHandler(StudioHandler):
    """A compute's machine."""

    path = "computes/{name}/resources"
    auth_resource = RESOURCE

    @operation(
        "getComputeResources", "Its machine, looked at now.", response=f"{_COMPUTE}:Resources"
    )
    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Look at it now."""
        await self.answer(lambda studio: _known(studio, name).computes.resources(name))


class ComputeDrainHandler(StudioHandler):
    """Whether a compute takes anything new."""

    path = "computes/{name}/drain"
    auth_resource = RESOURCE

    @operation(
        "drainCompute",
        "Let nothing new onto it, or let it again.",
        body=f"{_COMPUTE}:DrainCompute",
        response=f"{_COMPUTE}:Compute",
    )
    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Drain it, or let it take new work again."""
        asked: DrainCompute = await self.body()
        await self.answer(
            lambda studio: _known(studio, name).computes.drain(
                name, draining=asked.draining, now=asked.now
            )
        )


class ComputeStopIdleHandler(StudioHandler):
    """The idle kernels of a compute."""

    path = "computes/{name}/stop-idle"
    auth_resource = RESOURCE

    @operation(
        "stopIdleKernels",
        "End the kernels there that do nothing.",
        response=f"{_KERNELS}:KernelPage",
    )
    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """End those that do nothing and that the user may end; their users see why."""
        await authorization.require(self, "write", KERNELS)
        page = await self.call(lambda studio: _known(studio, name).kernels.list(name, "idle"))
        owners = {kernel.user for kernel in page.items}
        users = await authorization.allowed(self, "write", KERNELS, self.owner, owners)
        await self.answer(lambda studio: studio.kernels.stop_idle(name, users))


def _known(studio: Studio, name: str) -> Studio:
    """Return the studio, where it has that compute."""
    if name not in studio.computes.catalogue.entries():
        raise NotFound(f"There is no compute {name!r}.", name=name)
    return studio
