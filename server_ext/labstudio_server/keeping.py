"""Keeps the studio's daemon running for as long as this server runs; it outlives the server."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labstudio_server import kept
from labstudio_server.background import Background

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.status import DaemonStatus
    from labstudio_server.container import Services
    from labstudio_server.feed import Feed

LOG = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0


@dataclass
class Keeping(Background):
    """A task that looks after the daemon of one studio.

    Parameters
    ----------
    services
        Where the studio and its threads are.
    feed
        Tells panels that the daemon's state changed.
    interval_s
        How often it is looked at.
    """

    services: Services
    feed: Feed
    interval_s: float = 5.0
    status: DaemonStatus | None = field(default=None, init=False)
    _revision: int = field(default=0, init=False)

    async def _run(self) -> None:
        pause = self.interval_s
        while True:
            try:
                status = await self.services.run(_ensure, self.services)
            except Exception as error:
                LOG.warning("labstudio: the daemon cannot be looked after: %s", error)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                self._note(status)
                # One that will not start is not tried again every few seconds.
                dead = status.state == "stopped"
                pause = min(pause * 2, LONGEST_PAUSE_S) if dead else self.interval_s
                if status.state == "starting":
                    pause = min(self.interval_s, 0.5)
            await asyncio.sleep(pause)

    def _note(self, status: DaemonStatus) -> None:
        """Log and tell when the state is another than before."""
        before, self.status = self.status, status
        if before is not None and (before.state, before.pid) == (status.state, status.pid):
            return
        level = logging.INFO if status.state in ("running", "starting") else logging.WARNING
        LOG.log(level, "labstudio: %s", status.message)
        self._revision += 1
        kind = {"running": "created", "stopped": "deleted"}.get(status.state, "changed")
        self.feed.emit("daemon", "daemon", kind, self._revision)


def _ensure(services: Services) -> DaemonStatus:
    studio: Studio = services.studio()
    kept.prune(studio.home)
    return studio.keeper.ensure()
