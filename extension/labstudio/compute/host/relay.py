"""Keeps one kernel on a host: starts it, speaks to it, and keeps what it says until it is fetched.

The relay leads a session of its own and outlives the link to it, and whoever is at the other end of
that. It needs pyzmq, which is there wherever a Python kernel is. Whoever attaches to its socket
speaks with the kernel through `link`; a newer one takes the place of the one before.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import link
from .memory import MemoryKills

if TYPE_CHECKING:
    from collections.abc import Callable

PORTS = ("shell", "iopub", "stdin", "control", "hb")
CHANNELS = {link.SHELL: "shell", link.CONTROL: "control", link.STDIN: "stdin"}
DELIMITER = b"<IDS|MSG>"
MARK = "LABSTUDIO_KERNEL"
UMASK = 0o022
"""The relay's own files are private; what the kernel writes is its user's."""
DRAIN_S = 0.3
"""After the kernel's end, for what it said last."""
TOUCH_S = 3600.0
"""Sockets in /tmp are touched so often: what nobody touches is cleaned away."""


def connection(order: dict[str, Any]) -> dict[str, Any]:
    """Return the content of the kernel's own connection file."""
    content = {
        "key": order["key"],
        "signature_scheme": "hmac-sha256",
        "kernel_name": order["name"],
    }
    if order["language"].lower() == "python":
        ports = {f"{name}_port": number for number, name in enumerate(PORTS, 1)}
        return {**content, "transport": "ipc", "ip": f"{order['sockets']}/s", **ports}
    # Not every other kernel knows sockets with a file name; all know loopback.
    with contextlib.ExitStack() as stack:
        ports = {}
        for name in PORTS:
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports[f"{name}_port"] = probe.getsockname()[1]
    return {**content, "transport": "tcp", "ip": "127.0.0.1", **ports}


class Relay:
    """One kernel.

    Parameters
    ----------
    order
        ``id``, ``name``, ``language``, ``argv``, ``env``, ``cwd``, ``key``; ``folder`` and
        ``sockets``, which are the relay's own.
    kernel
        A kernel's process that waits to be told which it is; None: one is started.
    """

    def __init__(self, order: dict[str, Any], kernel: Any = None) -> None:
        self._order = order
        self._folder = Path(order["folder"])
        self._sockets = Path(order["sockets"])
        self._connection = connection(order)
        self._memory = MemoryKills()
        self._outgoing = link.Outgoing(self._folder, left_out=self._left_out)
        self._incoming = link.Incoming(self._deliver)
        self._kernel = kernel
        self._to_kernel: dict[int, Any] = {}
        self._attached: asyncio.Task[None] | None = None
        self._ended: dict[str, Any] | None = None

    def start_kernel(self, env: dict[str, str]) -> None:
        """Start the kernel's process, in a session of its own.

        Called before anything slow is loaded: the two start side by side.

        Parameters
        ----------
        env
            Environment variables beside those of the order.
        """
        path = self._folder / "connection.json"
        handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(self._connection, file)
        argv = [part.replace("{connection_file}", str(path)) for part in self._order["argv"]]
        environment = {**os.environ, **self._order["env"], **env, MARK: self._order["id"]}
        if self._kernel is not None:
            told = {"argv": argv, "env": environment, "cwd": self._order["cwd"]}
            told["log"] = str(self._folder / "log")
            self._kernel.stdin.write(json.dumps(told).encode() + b"\n")
            self._kernel.stdin.close()
            self._record()
            return
        with (self._folder / "log").open("ab") as log:
            self._kernel = subprocess.Popen(
                argv,
                cwd=self._order["cwd"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=UMASK,
            )
        self._record()

    @property
    def pid(self) -> int:
        """The kernel's process id."""
        return int(self._kernel.pid)

    def _record(self) -> None:
        """Say which processes these are; their starts tell them from others of these numbers."""
        about = {
            "pid": os.getpid(),
            "started": _started_at(os.getpid()),
            "kernel_pid": self.pid,
            "kernel_started": _started_at(self.pid),
            "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        }
        _write(self._folder / "relay.json", about)

    async def serve(self, ready: Callable[[], None]) -> None:
        """Carry messages until this process is ended; `ready` is called once one can attach."""
        import zmq
        import zmq.asyncio

        context = zmq.asyncio.Context()
        tasks = []
        for channel, name in CHANNELS.items():
            dealer = self._open(context, zmq.DEALER, name)
            self._to_kernel[channel] = dealer
            tasks.append(self._carry(channel, dealer))
        output = self._open(context, zmq.SUB, "iopub")
        tasks.append(self._carry(link.IOPUB, output))
        path = str(self._sockets / "attach")
        server = await asyncio.start_unix_server(self._attach, path)
        ready()
        async with server:
            await asyncio.gather(*tasks, self._watch(), self._touch())

    def _open(self, context: Any, kind: int, name: str) -> Any:
        import zmq

        opened = context.socket(kind)
        # Read without limit: a kernel drops what its reader is too slow for.
        opened.setsockopt(zmq.RCVHWM, 0)
        opened.setsockopt(zmq.SNDHWM, 0)
        opened.setsockopt(zmq.RECONNECT_IVL, 5)
        opened.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        if kind == zmq.SUB:
            opened.setsockopt(zmq.SUBSCRIBE, b"")
        else:
            # The same on all channels: a prompt for input finds its way by it.
            opened.setsockopt(zmq.ROUTING_ID, self._order["id"].encode())
        port = self._connection[f"{name}_port"]
        if self._connection["transport"] == "ipc":
            opened.connect(f"ipc://{self._connection['ip']}-{port}")
        else:
            opened.connect(f"tcp://127.0.0.1:{port}")
        return opened

    async def _carry(self, channel: int, source: Any) -> None:
        while True:
            parts = await source.recv_multipart()
            lossy = channel == link.IOPUB and _kind(parts) == "stream"
            self._outgoing.put(channel, link.pack_parts(parts), lossy=lossy)

    async def _deliver(self, channel: int, body: bytes) -> None:
        if channel == link.EVENT:
            if json.loads(body)["verb"] == "interrupt" and self._kernel.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._kernel.pid, signal.SIGINT)
        else:
            await self._to_kernel[channel].send_multipart(link.unpack_parts(body))

    async def _attach(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._attached is not None:
            self._attached.cancel()
        self._attached = asyncio.current_task()
        with contextlib.suppress(asyncio.CancelledError):
            await link.talk(reader, writer, self._outgoing, self._incoming)
        writer.close()

    # -- the kernel's end

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        code = await loop.run_in_executor(None, self._kernel.wait)
        await asyncio.sleep(DRAIN_S)
        killed = code == -signal.SIGKILL and self._memory.happened()
        self._ended = {"exit_code": code, "out_of_memory": killed, "log": self._tail()}
        _write(self._folder / "ended.json", self._ended)
        self._outgoing.put(link.EVENT, json.dumps({"ended": self._ended}).encode())

    def _tail(self) -> str:
        try:
            lines = (self._folder / "log").read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1][-500:] if lines else ""

    async def _touch(self) -> None:
        while True:
            for each in (self._sockets, *self._sockets.iterdir()):
                with contextlib.suppress(OSError):
                    os.utime(each)
            await asyncio.sleep(TOUCH_S)

    # -- what had to be left out

    def _left_out(self, body: bytes, size: int) -> bytes:
        """Return a message in place of output for which there was no room."""
        parts = link.unpack_parts(body)
        at = parts.index(DELIMITER)
        header = json.loads(parts[at + 2])
        header["msg_id"] = uuid.uuid4().hex
        header["date"] = datetime.now(timezone.utc).isoformat()  # noqa: UP017  Python 3.9
        text = (
            f"\n[labstudio] {size / 1e6:.1f} MB of output were left out here: the link was down, "
            "and there was no more room for it on the host.\n"
        )
        said = [
            json.dumps(header).encode(),
            parts[at + 3],
            b"{}",
            json.dumps({"name": "stderr", "text": text}).encode(),
        ]
        signature = hmac.new(self._order["key"].encode(), digestmod=hashlib.sha256)
        for each in said:
            signature.update(each)
        signed = signature.hexdigest().encode()
        return link.pack_parts([*parts[: at + 1], signed, *said])


def _kind(parts: list[bytes]) -> str:
    """Return a message's type."""
    try:
        at = parts.index(DELIMITER)
        return str(json.loads(parts[at + 2])["msg_type"])
    except (ValueError, KeyError, IndexError):
        return ""


def main() -> None:
    """Start the kernel that standard input orders; print a line once it can be attached to."""
    order = json.loads(sys.stdin.readline())
    os.umask(0o077)
    try:
        asyncio.run(run(order, _ready))
    except Exception as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        print(json.dumps({"error": f"{order['argv'][0]}: {said}"}), flush=True)  # noqa: T201
        raise


async def run(order: dict[str, Any], ready: Callable[[], None], kernel: Any = None) -> None:
    """Keep a kernel, and lead its requests to the studio to where the link brings them."""
    relay = Relay(order, kernel)
    env, leading = {}, None
    if order.get("gateway"):
        # It lies beside this module on the host only.
        forward = importlib.import_module(".forward", __package__)
        leading = await forward.serve(order["gateway"], 0)
        env = forward.variables(leading.sockets[0].getsockname()[1])
    relay.start_kernel(env)
    try:
        await relay.serve(ready)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(relay.pid, signal.SIGKILL)
        raise


def _write(path: Path, content: dict[str, Any]) -> None:
    passing = path.with_name(f".{path.name}")
    passing.write_text(json.dumps(content))
    passing.replace(path)


def _ready() -> None:
    """Tell whoever started this that somebody can attach, and let go of the streams."""
    print(json.dumps({"ready": True}), flush=True)  # noqa: T201
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(null, number)


def _started_at(pid: int) -> float:
    """Return when a process started, in seconds since the boot."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")
