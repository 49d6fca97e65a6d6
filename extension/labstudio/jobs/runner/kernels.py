"""The kernel of a notebook job, whichever way it came to be: forked, warm, or started."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import TYPE_CHECKING, Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from labstudio.jobs.processes import die_with_parent
from labstudio.jobs.runner.children import ChildProcess, first
from labstudio.jobs.runner.faults import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labstudio.jobs.runner.children import Child

LOCAL = "local-provisioner"
DEFAULT = "python3"
PORTS = ("shell", "iopub", "stdin", "control", "hb")


class Kernel:
    """A running kernel and its client.

    Attributes
    ----------
    connection_file
        Where another client finds how to connect.
    child
        Its process; None when it runs elsewhere and only its manager knows it.
    warm
        Whether it was started before its job was known.
    """

    warm = False

    def __init__(self, connection_file: Path, child: Child | None) -> None:
        self.connection_file = connection_file
        self.child = child
        self.client: AsyncKernelClient = None  # type: ignore[assignment]  # set by `connect`
        self.language_info: dict[str, Any] = {}
        self._dead: asyncio.Task[int | None] | None = None

    @property
    def dead(self) -> asyncio.Task[int | None]:
        """A task that ends with the kernel; its result is how, where that is known."""
        if self._dead is None:
            self._dead = asyncio.get_running_loop().create_task(self._wait())
        return self._dead

    async def _wait(self) -> int | None:
        assert self.child is not None
        return await self.child.wait()

    def _open_client(self) -> AsyncKernelClient:
        client = AsyncKernelClient(context=_context())
        client.load_connection_info(json.loads(self.connection_file.read_text()))
        return client

    async def connect(self, timeout_s: float) -> bool:
        """Open the client and wait for the kernel's first answer; False when it died meanwhile.

        Raises
        ------
        RunError
            When it lives and does not answer in time.
        """
        self.client = self._open_client()
        # Without the input channel the kernel refuses `input()` instead of waiting for ever.
        self.client.start_channels(stdin=False, hb=False)
        deadline = monotonic() + timeout_s
        answered = False
        while monotonic() < deadline and not self.dead.done():
            if not answered:
                self.client.kernel_info()
                answered = bool(await first(self._answer(2.0), self.dead))
            elif await first(self._heard(), self.dead):
                return True
            else:
                self.client.kernel_info()
        if self.dead.done():
            return False
        raise RunError("KernelStart", f"The kernel did not answer within {timeout_s:g} s.")

    async def _answer(self, timeout_s: float) -> bool:
        """Wait for an answer to kernel_info."""
        with contextlib.suppress(Empty):
            message = await self.client.get_shell_msg(timeout=timeout_s)
            if message["msg_type"] == "kernel_info_reply":
                self.language_info = message["content"].get("language_info", {})
                return True
        return False

    async def _heard(self) -> bool:
        """Wait a moment for anything on the output channel: its subscription then stands."""
        with contextlib.suppress(Empty):
            await self.client.get_iopub_msg(timeout=0.2)
            return True
        return False

    async def evaluate(self, expression: str) -> str | None:
        """Evaluate a Python expression silently; return its `repr`, or None when the kernel died.

        Raises
        ------
        RunError
            When it raises.
        """
        message_id = self.client.execute(
            "", silent=True, store_history=False, user_expressions={"it": expression}
        )
        reply = await first(self._reply(message_id), self.dead)
        if reply is None:
            return None
        found = reply["content"].get("user_expressions", {}).get("it", {})
        if found.get("status") != "ok":
            raise RunError(
                found.get("ename", "KernelError"),
                found.get("evalue", "The kernel refused the labstudio helper."),
                traceback="\n".join(found.get("traceback", [])) or None,
            )
        return str(found["data"]["text/plain"])

    async def _reply(self, message_id: str) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = await self.client.get_shell_msg(timeout=None)
            if message["parent_header"].get("msg_id") == message_id:
                return message

    async def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        if self.child is not None:
            self.child.signal_group(signal.SIGINT)

    async def shutdown(self, timeout_s: float) -> None:
        """Let the kernel end by itself (its exit handlers run); kill it when it does not."""
        if not self.dead.done():
            self.client.shutdown()
            await asyncio.wait({self.dead}, timeout=timeout_s)
        await self.kill()

    async def kill(self) -> None:
        """End the kernel at once."""
        if self.child is not None:
            self.child.signal_group(signal.SIGKILL)
            await asyncio.wait({self.dead}, timeout=2)

    def close(self) -> None:
        """Give back sockets and files; the kernel is over."""
        if self.client is not None:
            self.client.stop_channels()
        remove_connection(self.connection_file)


class ManagedKernel(Kernel):
    """A kernel that jupyter_client starts: any language, any interpreter, any provisioner."""

    def __init__(self, manager: AsyncKernelManager, child: Child | None) -> None:
        super().__init__(Path(manager.connection_file), child)
        self.manager = manager

    async def _wait(self) -> int | None:
        if self.child is not None:
            return await self.child.wait()
        while await self.manager.is_alive():
            await asyncio.sleep(0.5)
        return None

    def _open_client(self) -> AsyncKernelClient:
        client = self.manager.client(context=_context())
        assert isinstance(client, AsyncKernelClient)
        return client

    async def interrupt(self) -> None:
        """Do what Ctrl-C does, the way the kernel's spec asks for."""
        await self.manager.interrupt_kernel()

    async def kill(self) -> None:
        """End the kernel at once."""
        if self.child is not None:
            await super().kill()
        else:
            await self.manager.shutdown_kernel(now=True)


def _context() -> zmq.asyncio.Context:
    context = zmq.asyncio.Context()
    # Read without limit: a kernel drops what its reader is too slow for. Connect again quickly:
    # a forked kernel opens its sockets milliseconds later.
    context.setsockopt(zmq.RCVHWM, 0)
    context.setsockopt(zmq.RECONNECT_IVL, 5)
    context.setsockopt(zmq.LINGER, 0)
    return context


def new_connection(folder: Path) -> Path:
    """Write a connection file for sockets in a folder; its name says whose it is."""
    name = f"{os.getpid()}-{secrets.token_hex(3)}"
    path = folder / f"{name}.json"
    ports = {f"{channel}_port": number for number, channel in enumerate(PORTS, 1)}
    content = {
        "transport": "ipc",
        "ip": str(folder / name),
        "key": secrets.token_hex(32),
        "signature_scheme": "hmac-sha256",
        "kernel_name": "python3",
        **ports,
    }
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file)
    return path


def remove_connection(path: Path) -> None:
    """Remove a connection file and its sockets."""
    for each in [path, *path.parent.glob(f"{path.stem}-*")]:
        with contextlib.suppress(OSError):
            each.unlink()


def find_spec(name: str) -> KernelSpec:
    """Return the kernelspec of that name.

    Raises
    ------
    RunError
        When there is none; the message names those that exist.
    """
    manager = KernelSpecManager()
    found: dict[str, str] = manager.find_kernel_specs()
    if name not in found:
        names = ", ".join(sorted(found)) or "none"
        raise RunError(
            "NoSuchKernel", f"There is no kernel named {name!r} here; there are: {names}."
        )
    return manager.get_kernel_spec(name)


def python_spec(python: str) -> KernelSpec:
    """Return the kernel of an interpreter that has ipykernel."""
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return KernelSpec(argv=argv, display_name="Python 3", language="python")


def language_of(name: str) -> str | None:
    """Return the language of the kernel of that name; None when there is no such kernel."""
    try:
        return find_spec(name).language
    except RunError:
        return None


class _OneSpec(KernelSpecManager):
    """A kernelspec manager that knows the one spec that it is given."""

    spec: KernelSpec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return self.spec


async def start(
    spec: KernelSpec,
    *,
    name: str,
    folder: Path,
    cwd: Path,
    environment: Mapping[str, str],
    log: int,
) -> ManagedKernel:
    """Start a kernel through its spec.

    Parameters
    ----------
    spec, name
        Which kernel.
    folder
        Where connection files lie.
    cwd
        The working folder.
    environment
        The whole environment.
    log
        File descriptor for what the process writes past its protocol.

    Raises
    ------
    RunError
        When it cannot be started.
    """
    specs = _OneSpec()
    specs.spec = spec
    manager = AsyncKernelManager(kernel_name=name, kernel_spec_manager=specs)
    path = folder / f"{os.getpid()}-{secrets.token_hex(3)}.json"
    manager.connection_file = str(path)
    if spec.language.lower() == "python":
        # Not every other kernel knows sockets with a file name; all know loopback.
        manager.transport = "ipc"
        manager.ip = str(path.with_suffix(""))
    parent = os.getpid()
    options: dict[str, Any] = {}
    if _is_local(spec):
        options["preexec_fn"] = lambda: die_with_parent(parent)
    try:
        await manager.start_kernel(
            cwd=str(cwd), env=dict(environment), stdout=log, stderr=log, **options
        )
    except Exception as error:
        raise RunError("KernelStart", f"The kernel {name!r} cannot be started: {error}.") from error
    process = getattr(manager.provisioner, "process", None)
    child = ChildProcess(process.pid, process) if _is_local(spec) and process is not None else None
    return ManagedKernel(manager, child)


def _is_local(spec: KernelSpec) -> bool:
    provisioner = spec.metadata.get("kernel_provisioner", {})
    return bool(provisioner.get("provisioner_name", LOCAL) == LOCAL)
