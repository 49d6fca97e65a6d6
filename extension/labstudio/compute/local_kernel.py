"""A kernel beside its keeper: a process of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil

from labstudio.compute.kernel_host import KernelEnd, KernelHost, KernelOffer, lossless
from labstudio.errors import Unavailable
from labstudio.home import write_atomic
from labstudio.jobs.runner.protocol import boot_id, process_of, read_model, started_at, write_model
from labstudio.kernels.folder import connection
from labstudio.kernels.models import KeeperInfo

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.compute.kernel_host import KernelOrder


class ProcessKernel(KernelHost):
    """Starts a kernel as a process in a session of its own, which outlives its keeper.

    Parameters
    ----------
    order
        The kernel.
    """

    def __init__(self, order: KernelOrder) -> None:
        super().__init__(order)
        assert order.sockets is not None
        self._content = connection(str(order.sockets / "kernel"), order.key, order.offer.name)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def _file(self) -> Path:
        return self.order.folder / "process.json"

    def _process(self) -> psutil.Process | None:
        info = read_model(self._file, KeeperInfo)
        if info is None:
            return None
        return process_of(info.pid, info.create_time, info.started, info.boot_id)

    async def start(self) -> dict[str, Any]:
        """Start the process unless it runs."""
        if self._process() is not None:
            return self._content
        file = self.order.folder / "there.json"
        write_atomic(file, json.dumps(self._content), durable=False)
        words = {"{connection_file}": str(file)}
        argv = [words.get(word, word) for word in lossless(self.order.offer.argv)]
        try:
            with (self.order.folder / "kernel.log").open("ab") as output:
                self._child = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.order.notebooks,
                    env={**os.environ, **self.order.offer.env, **self.order.env, **self._gpus()},
                    start_new_session=True,
                )
        except OSError as error:
            raise Unavailable(f"{argv[0]} cannot be started: {error.strerror}.") from error
        pid = self._child.pid
        created = psutil.Process(pid).create_time()
        info = KeeperInfo(pid=pid, create_time=created, started=started_at(pid), boot_id=boot_id())
        write_model(self._file, info)
        return self._content

    def _gpus(self) -> dict[str, str]:
        if not self.order.gpus:
            return {}
        return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, self.order.gpus))}

    async def poll(self) -> KernelEnd | None:
        """Look whether the process is there."""
        if self._child is not None and (code := self._child.poll()) is not None:
            if code < 0:
                how = f"was killed ({signal.Signals(-code).name})."
            else:
                how = f"ended ({code}). {_last_line(self.order.folder / 'kernel.log')}".strip()
            return KernelEnd(exit_code=code, message=f"The kernel's process {how}")
        if self._process() is None:
            return KernelEnd(message="The kernel's process is gone.")
        return None

    async def interrupt(self) -> None:
        """Send SIGINT to the process and what it started."""
        self._signal(signal.SIGINT)

    async def kill(self) -> None:
        """End the process and what it started."""
        self._signal(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        if (process := self._process()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _here(argv: list[str]) -> list[str]:
    """Let `python` be this environment's, as Jupyter does."""
    own = {"python", "python3", f"python3.{sys.version_info.minor}"}
    return [sys.executable, *argv[1:]] if argv[0] in own else argv


def offers() -> list[KernelOffer]:
    """Return the kernels that Jupyter finds on this machine."""
    from jupyter_client.kernelspec import KernelSpecManager

    found = KernelSpecManager().get_all_specs()
    return [
        KernelOffer(
            name=name,
            display_name=each["spec"]["display_name"],
            language=each["spec"]["language"],
            argv=_here(each["spec"]["argv"]),
            env=each["spec"].get("env", {}),
            metadata=each["spec"].get("metadata", {}),
            interrupt_mode=each["spec"].get("interrupt_mode", "signal"),
        )
        for name, each in sorted(found.items())
        if "kernel_provisioner" not in each["spec"].get("metadata", {})
    ]
