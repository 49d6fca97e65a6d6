"""Follows attempts on a cluster: one thread, one loop, a task for each attempt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from labstudio.compute.kind import Presence, Signal
from labstudio.compute.ray import client as api
from labstudio.compute.ray.client import PENDING, TERMINAL, Dashboard
from labstudio.compute.ray.frames import Damaged, decode
from labstudio.compute.ray.mirror import Mirror
from labstudio.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

log = logging.getLogger(__name__)

POLL_S = 0.5
# After a job's end its last lines are on their way; then its log is read once more, whole.
LAST_S = 1.5
LAST_READS = 3
# After a job's end Ray itself looks for it for a while.
SETTLE_S = 4.0
REMOVE_S = 60.0
# Not heard of for so long, it is out of reach.
HEARD_S = 8.0


@dataclass
class Pursuit:
    """One attempt that is followed."""

    folder: Path
    submission: str
    mirror: Mirror
    began: float = field(default_factory=monotonic)
    heard_at: float | None = None
    details: dict[str, Any] | None = None
    gone: bool = False
    why: str = ""
    told: Signal | None = None
    """What it was told last."""
    stay: bool = True

    def presence(self) -> Presence:
        """Say what is known of it."""
        if self.gone:
            return Presence.gone
        if monotonic() - (self.heard_at or self.began) > HEARD_S:
            return Presence.unreachable
        if self.details is None or self.details["status"] == PENDING:
            return Presence.coming
        return Presence.running


class Follower:
    """The attempts of one cluster that this process follows.

    Parameters
    ----------
    name
        The compute's, for the thread's name.
    dashboard
        The cluster.
    hand_over
        Submits an attempt that is not submitted yet, once it can be; called again until it is.
    show_pending
        Called while the cluster has not begun the job.
    """

    def __init__(
        self,
        name: str,
        dashboard: Dashboard,
        hand_over: Callable[[Path], bool],
        show_pending: Callable[[Path], None],
    ) -> None:
        self._name = name
        self._dashboard = dashboard
        self._hand_over = hand_over
        self._show_pending = show_pending
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pursuits: dict[Path, Pursuit] = {}

    def follow(self, folder: Path, submission: str) -> Pursuit:
        """Follow an attempt, or return how far that is."""
        with self._lock:
            if (known := self._pursuits.get(folder)) is not None:
                return known
            pursuit = Pursuit(folder, submission, Mirror(folder))
            self._pursuits[folder] = pursuit
        asyncio.run_coroutine_threadsafe(self._pursue(pursuit), self._running())
        return pursuit

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = loop = asyncio.new_event_loop()
                name = f"ray-{self._name}"
                threading.Thread(target=_run, args=(loop,), name=name, daemon=True).start()
            return self._loop

    def known(self, folder: Path) -> Pursuit | None:
        """Return how an attempt that is followed is."""
        return self._pursuits.get(folder)

    def forget(self, folder: Path) -> None:
        """Follow an attempt no more."""
        with self._lock:
            pursuit = self._pursuits.pop(folder, None)
        if pursuit is not None:
            pursuit.stay = False

    def dismiss(self, folder: Path, submission: str) -> None:
        """Follow an attempt no more, and remove Ray's record of its job a little later.

        Removed at once, the record would come again: Ray looks at each job once a second, and one
        that it finds neither running nor on record it records as failed.
        """
        self.forget(folder)
        asyncio.run_coroutine_threadsafe(self._remove(submission), self._running())

    def close(self) -> None:
        """Follow nothing any more; what runs goes on."""
        with self._lock:
            loop, self._loop = self._loop, None
            for each in self._pursuits.values():
                each.stay = False
            self._pursuits.clear()
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    # -- in the loop

    async def _pursue(self, pursuit: Pursuit) -> None:
        async with self._dashboard.asynchronous() as client:
            reader: asyncio.Task[None] | None = None
            try:
                while pursuit.stay and not pursuit.gone:
                    try:
                        reader = await self._look(pursuit, client, reader)
                    except StudioError as error:
                        pursuit.why = error.message
                    except Exception:
                        log.exception("Following %s is in trouble.", pursuit.submission)
                    await asyncio.sleep(POLL_S)
            finally:
                if reader is not None:
                    reader.cancel()

    async def _remove(self, submission: str) -> None:
        deadline = monotonic() + REMOVE_S
        async with self._dashboard.asynchronous() as client:
            while monotonic() < deadline:
                with contextlib.suppress(StudioError):
                    details = await api.job(client, self._dashboard, submission)
                    if details is None:
                        return
                    if details["status"] in TERMINAL:
                        break
                await asyncio.sleep(POLL_S)
            else:
                return  # `sweep` removes it.
        await asyncio.sleep(SETTLE_S)
        with contextlib.suppress(StudioError):
            await asyncio.to_thread(self._dashboard.delete, submission)

    async def _look(
        self, pursuit: Pursuit, client: httpx.AsyncClient, reader: asyncio.Task[None] | None
    ) -> asyncio.Task[None] | None:
        """Ask how the job is, and see that its log is read."""
        if not await asyncio.to_thread(self._hand_over, pursuit.folder):
            pursuit.heard_at = monotonic()
            return reader
        details = await api.job(client, self._dashboard, pursuit.submission)
        pursuit.heard_at = monotonic()
        if details is None:
            pursuit.why = "the cluster was started anew since."
            pursuit.gone = True
            return reader
        pursuit.details = details
        status, node = details["status"], details.get("driver_node_id")
        if status == PENDING:
            self._show_pending(pursuit.folder)
        elif status in TERMINAL:
            await self._conclude(pursuit, client, reader, node)
        elif node and (reader is None or reader.done()):
            reader = asyncio.create_task(self._read(pursuit, client, node, follow=True))
        return reader

    async def _conclude(
        self,
        pursuit: Pursuit,
        client: httpx.AsyncClient,
        reader: asyncio.Task[None] | None,
        node: str | None,
    ) -> None:
        """Read the last lines of a job that has ended."""
        if reader is not None:
            await _settled(reader, LAST_S, lambda: pursuit.mirror.ended)
            reader.cancel()
            await asyncio.wait({reader})
        for _ in range(LAST_READS):
            if pursuit.mirror.ended or not node:
                break
            await self._read(pursuit, client, node, follow=False)
            await asyncio.sleep(POLL_S)
        pursuit.gone = True

    async def _read(
        self, pursuit: Pursuit, client: httpx.AsyncClient, node: str, *, follow: bool
    ) -> None:
        """Read the log from its beginning until it ends, or the line is cut."""
        mirror = pursuit.mirror
        mirror.rewind()
        lines = api.lines(client, self._dashboard, pursuit.submission, node, follow=follow)
        try:
            async with contextlib.aclosing(lines):
                async for line in lines:
                    pursuit.heard_at = monotonic()
                    frame = decode(line)
                    if frame is not None and pursuit.stay:
                        mirror.put(frame)
                    if mirror.ended:
                        return
        except Damaged as error:
            pursuit.why = str(error)
        except StudioError as error:
            pursuit.why = error.message


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped; end what it has begun."""
    asyncio.set_event_loop(loop)
    loop.run_forever()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()


async def _settled(task: asyncio.Task[None], seconds: float, done: Callable[[], bool]) -> None:
    deadline = monotonic() + seconds
    while not task.done() and not done() and monotonic() < deadline:
        await asyncio.sleep(0.05)
