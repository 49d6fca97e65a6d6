"""A provisioner for a kernel that runs already: it attaches, and lets go again.

A failed notebook job may keep its kernel, so that its variables can be looked at. That kernel
belongs to the job: closing a notebook, a console or the whole server leaves it as it is, and it
ends when the time chosen for it is over, or when the job's owner ends it.

A kernel spec names this provisioner in its metadata::

    {"kernel_provisioner": {"provisioner_name": "labstudio-attach",
                            "config": {"existing": "/path/to/kernel.json", "pid": 4711}}}

Which process it is, is told by its number and its start since the boot: the time of day would make
it another process once the clock is set.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bool, Float, Int, Unicode

from labstudio_kernels.managers import restrain

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

POLL_S = 0.1


class AttachProvisioner(KernelProvisionerBase):
    """Gives a kernel manager the kernel of an existing connection file.

    `KernelManager` calls the hooks; each of them says when. Nothing here starts a process.
    """

    existing = Unicode(help="Path of the running kernel's connection file.").tag(config=True)
    pid = Int(0, help="The kernel's process id; 0 when it is not known.").tag(config=True)
    started = Float(
        0.0,
        help="When that process started, in seconds since the boot; tells it from a later one of "
        "the same id. 0: `create_time` tells it.",
    ).tag(config=True)
    create_time = Float(
        0.0,
        help="When it started, in seconds since the epoch, for systems that tell no other time. "
        "0: not checked.",
    ).tag(config=True)
    boot_id = Unicode("", help="The boot that `started` counts from. Empty: not checked.").tag(
        config=True
    )
    ends_with_session = Bool(
        False, help="Whether shutting the kernel down in Jupyter ends it for real."
    ).tag(config=True)

    _attached = False

    @property
    def has_process(self) -> bool:
        """Whether a kernel is attached; the manager asserts it right after `launch_kernel`."""
        return self._attached

    def alive(self) -> bool:
        """Whether the kernel's process is there; without a process id, whether its file is."""
        if not self.pid:
            return Path(self.existing).exists()
        # Imported late: every start of a Jupyter Server loads this module.
        from labstudio.jobs.runner.protocol import process_of

        told = (self.create_time or None, self.started or None, self.boot_id or None)
        return process_of(self.pid, *told) is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Check that there is a kernel to attach to.

        The manager calls this first, at start and at restart. There is no command to run.
        """
        kwargs = await super().pre_launch(**kwargs)
        if not self.alive():
            raise RuntimeError("The kept kernel has ended; there is nothing to attach to.")
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Read the kernel's connection file; the manager calls this in place of a start."""
        content = await asyncio.to_thread(Path(self.existing).read_text)
        info = json.loads(content)
        info["key"] = info["key"].encode()
        self.connection_info = cast("KernelConnectionInfo", info)
        self._attached = True
        return self.connection_info

    async def post_launch(self, **kwargs: Any) -> None:
        """Keep the manager from ending what is not its own; called once it is connected."""
        if self.parent is not None and not self.ends_with_session:
            restrain(self.parent, self.shutdown_requested)

    async def poll(self) -> int | None:
        """Return None while the kernel is attached and lives; called every few seconds."""
        return None if self._attached and self.alive() else 0

    async def wait(self) -> int | None:
        """Wait until it is let go or dead; the manager calls this at a shutdown's end."""
        while await self.poll() is None:
            await asyncio.sleep(POLL_S)
        self._attached = False
        return 0

    async def send_signal(self, signum: int) -> None:
        """Pass an interrupt on. A manager also interrupts when it shuts down: that stays here."""
        leaving = getattr(self.parent, "shutting_down", False) and not self.ends_with_session
        if signum == signal.SIGINT and self.pid and self.alive() and not leaving:
            os.kill(self.pid, signal.SIGINT)

    async def kill(self, restart: bool = False) -> None:
        """Let the kernel go; the manager calls this to end it at once."""
        self._end(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """Let the kernel go; the manager calls this when a polite shutdown takes too long."""
        self._end(signal.SIGTERM)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Let the kernel go; called in place of the shutdown message."""
        if not self.ends_with_session:
            self._attached = False

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing was made, so nothing is cleaned up; called last."""

    def _end(self, how: signal.Signals) -> None:
        if self.ends_with_session and self.pid and self.alive():
            os.kill(self.pid, how)
        else:
            self._attached = False
