"""A kernel that is kept: its host, its bridge to clients, and what is asked of it.

The keeper's process (`labstudio_kernels.keeper`) holds one of these.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labstudio.errors import Conflict, StudioError, Unavailable
from labstudio.kernels.folder import connection
from labstudio.kernels.models import KernelState, KernelStatus
from labstudio_kernels.bridge import Bridge
from labstudio_kernels.hosting import Hosting
from labstudio_kernels.record import Record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from labstudio.compute.kernel_host import KernelEnd, KernelHost
    from labstudio.kernels.folder import KernelFolder
    from labstudio.kernels.models import KernelSheet
    from labstudio_kernels.opened import Opened

log = logging.getLogger("labstudio.keeper")

POLL_S = 0.25
SYNCHRONISE_S = 5.0
RULES_S = 10.0
# A dead kernel's keeper stays for whoever asks why.
LINGER_S = 20.0
STOP_GRACE_S = 2.0
INTERRUPT_GRACE_S = 0.5


@dataclass
class Life:
    """A kernel that was started, until it is over."""

    host: KernelHost
    found: bool
    task: asyncio.Task[None] | None = None


class KeptKernel:
    """Keeps one kernel.

    Parameters
    ----------
    opened
        The studio and its computes; only the keeper's threads touch the database.
    folder
        The kernel's folder.
    sheet
        What it says.
    """

    def __init__(self, opened: Opened, folder: KernelFolder, sheet: KernelSheet) -> None:
        self.folder = folder
        self.sheet = sheet
        self.hosting = Hosting(opened, folder, sheet)
        self.record = Record(opened.studio, sheet)
        self.attached = 0
        self.done = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        front = connection(folder.front, sheet.key, sheet.spec)
        waiting, revived = folder.path / "asked.json", self.hosting.started
        self._bridge = Bridge(front, self._hear, waiting, revived=revived)
        self._life: Life | None = None
        self._dead: str | None = None
        self._cut: str | None = None
        self._active_at = datetime.now(UTC)
        self._changing = asyncio.Lock()
        self._found = asyncio.Event()
        self._to_synchronise = asyncio.Event()
        self._idle_since = time.monotonic()

    # -- how it is

    @property
    def state(self) -> KernelState:
        """What the kernel does now."""
        if self._dead is not None:
            return KernelState.dead
        if self._cut is not None:
            return KernelState.unreachable
        if self._life is None:
            return KernelState.starting
        if not self._bridge.ready:
            # One that was found and does not answer at once has a cell that runs.
            return KernelState.busy if self._life.found else KernelState.starting
        return KernelState.busy if self._bridge.busy else KernelState.idle

    def status(self) -> KernelStatus:
        """Say how the kernel is; the answer to the verbs `status` and `attach`."""
        return KernelStatus(
            id=self.sheet.id,
            state=self.state,
            running=self._life is not None or (self._dead is None and self.hosting.started),
            message=self._dead or self._cut,
            active_at=self._active_at,
            executing=self._bridge.executing,
            attached=self.attached > 0,
            connection=connection(self.folder.front, self.sheet.key, self.sheet.spec),
        )

    # -- from the first call to the last

    async def open(self) -> None:
        """Open the clients' sockets, and find the kernel that another keeper had started."""
        self._bridge.start()
        try:
            if self.hosting.started:
                async with self._changing:
                    await self._find()
        finally:
            self._found.set()
        self._loop.create_task(self._apply_rules())

    async def _find(self) -> None:
        host = await self.hosting.host()
        if (end := await host.poll()) is not None:
            await self._die(host, sentence(end))
        else:
            await self._begin(host, found=True)

    async def start(self) -> None:
        """Start the kernel unless it lives; the verb `start`."""
        await self._found.wait()
        async with self._changing:
            if self._life is not None:
                return
            need = await self.hosting.lease()
            self._dead = None
            self.record.begin(need)
            host = await self.hosting.host()
            try:
                await self._begin(host)
            except BaseException as error:
                self._dead = error.message if isinstance(error, StudioError) else str(error)
                await self._let_go(host)
                await self.hosting.release()
                await self._tell(ended=True)
                raise

    async def _begin(self, host: KernelHost, *, found: bool = False) -> None:
        back = await host.start()
        self.hosting.note_started()
        self._active_at = datetime.now(UTC)
        self._idle_since = time.monotonic()
        self._life = Life(host, found)
        self._bridge.connect(back)
        self._life.task = self._loop.create_task(self._watch(self._life))
        await self._tell()

    async def interrupt(self) -> None:
        """Do what Ctrl-C does; the verb `interrupt`."""
        await self._interrupt(self._host())

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """End the kernel, politely first; the verb `stop`. It can be started anew."""
        async with self._changing:
            if self._life is None:
                return
            host = await self._leave()
            if self._bridge.busy:
                await self._quietly(self._interrupt(host))
                await self._until(self._calm, INTERRUPT_GRACE_S)
            self._bridge.request("shutdown_request", {"restart": False})
            await self._until(lambda: _ended(host), grace_s)
            await self._end(host)

    async def kill(self) -> None:
        """End the kernel at once; the verb `kill`. It can be started anew."""
        async with self._changing:
            if self._life is not None:
                await self._end(await self._leave())

    async def reclaim(self, message: str) -> None:
        """End the kernel against its user's will, and say why; the verb `reclaim`."""
        async with self._changing:
            if self._life is not None:
                await self._die(await self._leave(), message)

    async def end(self) -> None:
        """End kernel and keeper; the verb `end`."""
        await self.kill()
        async with self._changing:
            await self.hosting.release()
            await self.record.delete()
            self.folder.remove()
            self.done.set()

    async def bring(self, here: Path) -> str:
        """Bring a folder there; the verb `bring`."""
        return await self._host().bring(here)

    async def fetch(self, there: str, here: Path) -> None:
        """Bring a folder back; the verb `fetch`."""
        await self._host().fetch(there, here)

    async def synchronise(self) -> None:
        """Bring the notebook's folder and its copy there in step; the verb `synchronise`."""
        await self._host().synchronise()

    def rename(self, path: str) -> None:
        """Note where the notebook is now; the verb `rename`."""
        self.sheet.path = path
        self.folder.create(self.sheet)
        self.record.note_path(path)

    async def close(self) -> None:
        """Let go of everything; called last."""
        await self.record.close()
        self._bridge.close()
        await self.hosting.close()

    # -- the kernel's life

    def _host(self) -> KernelHost:
        if self._life is None:
            raise Conflict(self._dead or "The kernel is not running.", kernel_id=self.sheet.id)
        return self._life.host

    async def _calm(self) -> bool:
        return not self._bridge.busy

    async def _interrupt(self, host: KernelHost) -> None:
        if self.sheet.offer.interrupt_mode == "message":
            self._bridge.request("interrupt_request", {})
        else:
            await host.interrupt()

    async def _leave(self) -> KernelHost:
        """Stop watching: what comes now is meant."""
        assert self._life is not None
        life, self._life = self._life, None
        if life.task is not None:
            life.task.cancel()
            await asyncio.gather(life.task, return_exceptions=True)
        return life.host

    async def _end(self, host: KernelHost) -> None:
        await self._quietly(host.synchronise())
        await host.kill()
        self._bridge.disconnect()
        self.hosting.note_ended()
        await self._quietly(host.close())
        self._cut = None
        await self._tell()

    async def _die(self, host: KernelHost, message: str) -> None:
        """Tell that the kernel is dead: its clients, the record, and whoever asks."""
        log.warning("%s", message)
        self._life, self._dead, self._cut = None, message, None
        self._bridge.disconnect(message)
        await self._let_go(host)
        self.hosting.note_ended()
        await self.hosting.release()
        await self._tell(ended=True)

    async def _let_go(self, host: KernelHost) -> None:
        await self._quietly(host.synchronise())
        await self._quietly(host.kill())
        await self._quietly(host.close())

    async def _watch(self, life: Life) -> None:
        synchronised = time.monotonic()
        while True:
            await asyncio.sleep(POLL_S)
            if (end := await self._poll(life.host)) is not None:
                break
            await self._look_at_link(life.host)
            due = self._to_synchronise.is_set() or time.monotonic() - synchronised > SYNCHRONISE_S
            if due and self._cut is None:
                self._to_synchronise.clear()
                await self._quietly(life.host.synchronise())
                synchronised = time.monotonic()
        async with self._changing:
            if self._life is life:
                await self._die(life.host, sentence(end))

    async def _poll(self, host: KernelHost) -> KernelEnd | None:
        try:
            return await host.poll()
        except (Unavailable, OSError) as error:
            # It may live: only a host that was answered knows better.
            log.warning("The kernel cannot be looked at: %s", error)
            return None

    async def _look_at_link(self, host: KernelHost) -> None:
        if (cut := host.reachable()) != self._cut:
            self._cut = cut
            await self._tell()

    async def _apply_rules(self) -> None:
        """End what nobody can use any more, or may no longer keep."""
        while not self.done.is_set():
            await asyncio.sleep(min(RULES_S, LINGER_S))
            if self._life is None and not self.attached:
                if self._dead is None:
                    await self.record.delete()
                await self.hosting.release()
                self.folder.remove()
                self.done.set()
            elif self._life is not None and self.state is KernelState.idle:
                idle_s = time.monotonic() - self._idle_since
                if (why := await self.hosting.reclaims(idle_s)) is not None:
                    await self.reclaim(why)
                elif not self.attached and self.hosting.orphaned():
                    await self.end()

    # -- what the bridge hears

    def _hear(self) -> None:
        self._loop.call_soon_threadsafe(self._heard)

    def _heard(self) -> None:
        self._active_at = datetime.now(UTC)
        self._idle_since = time.monotonic()
        if not self._bridge.busy:
            self._to_synchronise.set()
        self.record.note(self.state, self._dead or self._cut, self._active_at)

    async def _tell(self, *, ended: bool = False) -> None:
        self.record.note(self.state, self._dead or self._cut, self._active_at, ended=ended)
        if ended:
            await self.record.written()

    # -- small things

    async def _until(self, happened: Callable[[], Awaitable[bool]], limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline and not await happened():
            await asyncio.sleep(0.02)

    async def _quietly(self, work: Awaitable[object]) -> None:
        """Do what may fail without changing what is to be done next."""
        try:
            await work
        except (StudioError, OSError, ConnectionError) as error:
            log.warning("%s", error)


def sentence(end: KernelEnd) -> str:
    """Say how a kernel ended, where the host does not."""
    if end.message:
        return end.message
    code = "" if end.exit_code is None else f" with exit code {end.exit_code}"
    return f"The kernel ended{code}."


async def _ended(host: KernelHost) -> bool:
    try:
        return await host.poll() is not None
    except (StudioError, OSError):
        return False
