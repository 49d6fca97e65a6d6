"""The provisioner of kernels on computes: finds or starts a keeper, and speaks to it.

A kernel spec names it in its metadata::

    {"kernel_provisioner": {"provisioner_name": "labstudio-compute",
                            "config": {"home": "/path/to/home", "compute": "gpu-box"}}}

The kernel belongs to its keeper. A user's shutdown ends it; a manager that is detached, a server
that ends or is killed leave it, and the next manager that starts a kernel of the same id attaches
to it. `labstudio.kernels.folder.find` gives the id of the living kernel of a notebook.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Unicode

from labstudio_kernels.managers import restrain

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

    from labstudio.kernels.control import Line
    from labstudio.kernels.folder import KernelFolder
    from labstudio.kernels.keepers import Keepers
    from labstudio.kernels.models import KernelSheet

POLL_S = 0.1
# From a keeper's death to the next one's start; longer when that one dies too.
REVIVE_S, REVIVE_MOST_S = 0.05, 10.0
# The keeper is polite for two seconds, and then removes what is left.
SHUTDOWN_S = 20.0

_keepers: list[Keepers] = []


def keepers() -> Keepers:
    """Return what starts this process's keepers: they share one spare."""
    if not _keepers:
        from labstudio.kernels.keepers import Keepers

        _keepers.append(Keepers())
    return _keepers[0]


class ComputeProvisioner(KernelProvisionerBase):
    """Gives a kernel manager a kernel that a keeper keeps on a compute.

    `KernelManager` calls the hooks; each of them says when.
    """

    home = Unicode(help="The studio home.").tag(config=True)
    compute = Unicode(help="The compute's name.").tag(config=True)

    _folder: KernelFolder | None = None
    _cwd: str | None = None
    _running = False
    _detached = False
    _follower: asyncio.Task[None] | None = None
    _message = ""

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel; the manager asserts it right after `launch_kernel`."""
        return self._running

    @property
    def message(self) -> str:
        """Why the kernel is dead, when it is."""
        return self._message

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Take the environment; the manager calls this first, at start and at restart."""
        kwargs = await super().pre_launch(**kwargs)
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Attach to the kernel of this id, or start it; the manager calls this at (re)start."""
        self._cwd = str(kwargs.get("cwd") or Path.cwd())
        folder = self._folder = await asyncio.to_thread(self._prepare, kwargs["env"])
        await asyncio.to_thread(keepers().ensure, folder)
        self._detached = False
        self._follow()
        status = await self._ask("start")
        self._running, self._message = True, ""
        info = dict(status["connection"])
        info["key"] = info["key"].encode()
        self.connection_info = cast("KernelConnectionInfo", info)
        if (file := getattr(self.parent, "connection_file", "")) and Path(file).is_absolute():
            # A manager takes over nothing from a file that is there already: a killed server's.
            Path(file).unlink(missing_ok=True)
        return self.connection_info

    async def post_launch(self, **kwargs: Any) -> None:
        """Keep the manager from what is the keeper's; called once it is connected."""
        if self.parent is not None:
            restrain(self.parent, self._end_politely)

    async def poll(self) -> int | None:
        """Return None while the kernel lives, as far as anybody knows; called every few seconds."""
        if not self._running:
            return 0
        try:
            status = await self._ask("status")
        except OSError:
            # Its keeper is gone: the follower starts another, unless the kernel is over.
            self._running = self._folder is not None and self._folder.sheet() is not None
            return None if self._running else 1
        self._running = bool(status["running"])
        self._message = status["message"] or ""
        return None if self._running else 1

    async def wait(self) -> int | None:
        """Wait until the kernel is over; the manager calls this at a shutdown's end."""
        while await self.poll() is None:
            await asyncio.sleep(POLL_S)
        return 0

    async def send_signal(self, signum: int) -> None:
        """Interrupt or end the kernel.

        A manager also interrupts when it shuts down; the keeper does that itself.
        """
        if signum == signal.SIGINT and not getattr(self.parent, "shutting_down", False):
            await self._ask("interrupt")
        elif signum == signal.SIGTERM:
            await self._ask("stop")
        elif signum == signal.SIGKILL:
            await self._ask("kill")

    async def kill(self, restart: bool = False) -> None:
        """End the kernel at once; called at a shutdown or restart that does not wait."""
        await self._ask("kill")

    async def terminate(self, restart: bool = False) -> None:
        """End the kernel; called when a polite shutdown takes too long."""
        await self._ask("kill")

    async def cleanup(self, restart: bool = False) -> None:
        """Have the keeper end when the kernel is not to be started again; called last."""
        if restart or self._detached or self._folder is None:
            return
        self._stop_following()
        with contextlib.suppress(OSError):
            await self._ask("end")
        self._running = False

    def detach(self) -> None:
        """Leave the kernel as it is; the server's extension calls this when the server ends."""
        self._detached = True
        self._running = False
        self._stop_following()

    async def rename(self, path: str) -> None:
        """Tell the keeper where the notebook is now; the server's extension calls this."""
        with contextlib.suppress(OSError):
            await self._ask("rename", path=path)

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """Leave time for what is removed on the compute."""
        return max(recommended, SHUTDOWN_S)

    def resolve_path(self, path: str) -> str | None:
        """Return a path as it is here, from where the kernel works; for the debugger."""
        found = Path(self._cwd or ".") / Path(path).expanduser()
        return found.resolve().as_posix() if found.exists() else None

    # -- the keeper

    def _prepare(self, env: dict[str, str]) -> KernelFolder:
        """Make the kernel's folder, unless it is there: then the kernel is."""
        from labstudio.home import Home
        from labstudio.kernels.folder import KernelFolder

        folder = KernelFolder(Home(self.home).create(), cast("str", self.kernel_id))
        if folder.sheet() is None:
            folder.create(self._sheet(env))
        return folder

    def _sheet(self, env: dict[str, str]) -> KernelSheet:
        import getpass
        import secrets
        from datetime import UTC, datetime

        from labstudio.kernels.models import KernelSheet, Owner
        from labstudio.kernels.specs import offer_of

        session = env.get("JPY_SESSION_NAME")
        path = session if session and Path(session).is_absolute() else None
        name = getattr(self.parent, "kernel_name", "")
        return KernelSheet(
            id=cast("str", self.kernel_id),
            compute=self.compute,
            offer=offer_of(self.kernel_spec.to_dict()),
            spec=name,
            user=getpass.getuser(),
            path=path,
            notebooks=self._cwd,
            key=secrets.token_hex(32),
            env={"JPY_SESSION_NAME": session} if session else {},
            owner=None if path else Owner.of(os.getpid()),
            started_at=datetime.now(UTC),
        )

    async def _ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        async with self._line() as line:
            return await line.ask(verb, **arguments)

    def _line(self) -> Line:
        from labstudio.kernels.control import Line

        assert self._folder is not None
        return Line(self._folder)

    def _follow(self) -> None:
        if self._follower is None or self._follower.done():
            self._follower = asyncio.create_task(self._keep_kept())

    def _stop_following(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    async def _keep_kept(self) -> None:
        """Be attached to the keeper, and start another when it dies with the kernel not over."""
        assert self._folder is not None
        pause = REVIVE_S
        while self._folder.sheet() is not None:
            with contextlib.suppress(OSError):
                async with self._line() as line:
                    await line.ask("attach")
                    pause = REVIVE_S
                    await line.closed()
            await asyncio.sleep(pause)
            pause = min(pause * 2, REVIVE_MOST_S)
            if self._folder.sheet() is not None and not self._folder.kept():
                await asyncio.to_thread(keepers().ensure, self._folder)

    async def _end_politely(self, restart: bool = False) -> None:
        """Have the keeper end the kernel; called in place of the manager's shutdown message."""
        if self._running:
            with contextlib.suppress(OSError):
                await self._ask("stop")
