"""The studio itself over REST: its state, its health, its places, its own description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.status import DaemonStatus, Report, Status

_STATUS = "labstudio.status"
TRACKING_TIMEOUT_S = 0.5


class OpenAPIHandler(StudioHandler):
    """The description of this API."""

    path = "openapi.json"
    auth_resource = "labstudio:status"

    @operation("getOpenAPI", "The OpenAPI document of this API.")
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Give the OpenAPI document."""
        await self.finish(await self.services.run(_openapi))


class StatusHandler(StudioHandler):
    """The state of the studio."""

    path = "status"
    auth_resource = "labstudio:status"

    @operation("getStatus", "Versions, the daemon, warm kernels.", response=f"{_STATUS}:Status")
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell versions, the daemon's state and the warm kernels'."""
        user, kept = self.owner, self.services.daemon_status()
        await self.answer(lambda studio: _status(studio, user, kept))


class DoctorHandler(StudioHandler):
    """The health of the studio."""

    path = "doctor"
    auth_resource = "labstudio:status"

    @operation(
        "getReport",
        "What is installed and reachable, and how to mend it.",
        response=f"{_STATUS}:Report",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell what is installed and reachable, and how to mend it."""
        await self.answer(_report)


def _openapi() -> str:
    from labstudio_server import openapi

    return openapi.text()


def _status(studio: Studio, user: str, kept: DaemonStatus | None) -> Status:
    """Put the state together from what is on disk; it works when home or database do not."""
    from labstudio._version import __version__
    from labstudio.experiments.connection import is_ready
    from labstudio.status import Status

    daemon = studio.keeper.status()
    if daemon.state == "stopped" and kept is not None and kept.state in ("starting", "stopped"):
        daemon = kept  # it says why it did not start
    return Status(
        version=__version__,
        user=user,
        daemon=daemon,
        warm_kernels=studio.keeper.warm(),
        tracking_ready=daemon.pid is not None
        and is_ready(studio.home, timeout_s=TRACKING_TIMEOUT_S),
        message=None if daemon.state in ("running", "starting") else daemon.message,
    )


def _report(studio: Studio) -> Report:
    from labstudio.doctor import examine

    report: Report = examine(studio)
    return report
