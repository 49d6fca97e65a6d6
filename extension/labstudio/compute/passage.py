"""The way to a kernel on a host: sockets of this machine, and what leads from there to the relay.

The kernel's client here (the keeper) connects to the sockets as to a kernel's own. What it sends
is numbered and kept until the relay has it; what the relay sends counts as heard once it was given
to the client. So a cut of the link loses and doubles nothing. Where this process is killed between
giving a message and noting it, that one is given again; the other order would lose it. Clients know
it again by its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import mmap
import struct
import time
from typing import TYPE_CHECKING, Any

from labstudio.compute.host import link
from labstudio.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import zmq.asyncio

log = logging.getLogger(__name__)

NUMBER = struct.Struct(">Q")
ROUTERS = {link.SHELL: "shell", link.CONTROL: "control", link.STDIN: "stdin"}
RETRY_S = 0.25
PATIENCE_S = 2.0
"""How long an answer waits for a client that is not there: it may be connecting."""
CLIENT_POLL_S = 0.02


class Heard:
    """The number of what was heard last, kept in a file that outlives this process.

    Parameters
    ----------
    path
        The file; made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.truncate(max(file.tell(), NUMBER.size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), NUMBER.size)

    def read(self) -> int:
        """Return the number."""
        return int(NUMBER.unpack_from(self._map)[0])

    def write(self, number: int) -> None:
        """Keep the number."""
        NUMBER.pack_into(self._map, 0, number)


class Passage:
    """The sockets of one kernel here, joined to its relay whenever the link allows.

    Parameters
    ----------
    connection
        The content of the connection file of the sockets here.
    heard
        The file that remembers what was heard.
    reach
        Opens streams to the relay. It raises `StudioError` or `OSError` while that is out of
        reach, and returns how the kernel ended where there is no relay any more.
    """

    def __init__(
        self,
        connection: dict[str, Any],
        heard: Path,
        reach: Callable[[], Awaitable[tuple[Any, Any] | dict[str, Any]]],
    ) -> None:
        self._connection = connection
        self._reach = reach
        numbers = Heard(heard)
        self._outgoing = link.Outgoing(follows=True)
        self._incoming = link.Incoming(self._deliver, numbers.write, numbers.read())
        self._routers: dict[int, zmq.asyncio.Socket] = {}
        self._context: zmq.asyncio.Context | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._listened = asyncio.Event()
        self._joined = asyncio.Event()
        self.ended: dict[str, Any] | None = None
        """How the kernel ended, as the relay told; None while it lives as far as anybody knows."""
        self.cut_at: float | None = None
        """Since when the relay is out of reach, by the clock; None while it is in reach."""

    async def open(self, *, wait: bool = True) -> None:
        """Bind the sockets, and join them to the relay; `wait` until that was done once."""
        import zmq
        import zmq.asyncio

        self._context = zmq.asyncio.Context()
        work: list[Awaitable[None]] = []
        for channel, name in ROUTERS.items():
            router = self._bind(zmq.ROUTER, name)
            self._routers[channel] = router
            work.append(self._carry(channel, router))
        self._output = self._bind(zmq.XPUB, "iopub")
        work += [self._count_listeners(), self._beat(self._bind(zmq.REP, "hb"))]
        joining = asyncio.ensure_future(self._keep())
        self._tasks = [joining, *map(asyncio.ensure_future, work)]
        if not wait:
            return
        waiting = asyncio.ensure_future(self._joined.wait())
        await asyncio.wait({joining, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    def interrupt(self) -> None:
        """Have the relay send the kernel what Ctrl-C sends."""
        self._outgoing.put(link.EVENT, json.dumps({"verb": "interrupt"}).encode())

    async def close(self) -> None:
        """Let go; the relay keeps what comes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._context is not None:
            self._context.destroy(linger=200)

    # -- the relay's side

    async def _keep(self) -> None:
        while True:
            try:
                found = await self._reach()
            except (StudioError, OSError):
                self.cut_at = self.cut_at or time.time()
                await asyncio.sleep(RETRY_S)
                continue
            if isinstance(found, dict):
                self.ended = self.ended or found
                return
            self.cut_at = None
            self._joined.set()
            try:
                await link.talk(*found, self._outgoing, self._incoming)
            except Exception as error:
                # However the link says that it was cut: the relay is reached again, or waited for.
                log.info("The link to the kernel's relay was cut: %r", error)
            finally:
                found[1].close()
            self.cut_at = time.time()

    async def _deliver(self, channel: int, body: bytes) -> None:
        if channel == link.EVENT:
            self.ended = json.loads(body)["ended"]
        elif channel == link.IOPUB:
            await self._listened.wait()
            self._send(self._output, link.unpack_parts(body))
        else:
            await self._answer(self._routers[channel], link.unpack_parts(body))

    async def _answer(self, router: zmq.asyncio.Socket, parts: list[bytes]) -> None:
        import zmq

        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._send(router, parts)
            except zmq.ZMQError as error:
                if error.errno != errno.EHOSTUNREACH:
                    raise
            else:
                return
            if time.monotonic() > deadline:
                return  # it has gone, as clients of any kernel may
            await asyncio.sleep(CLIENT_POLL_S)

    def _send(self, to: zmq.asyncio.Socket, parts: list[bytes]) -> None:
        """Send at once, for the message is noted as heard right after; no queue has a limit."""
        import zmq

        zmq.Socket.shadow(to.underlying).send_multipart(parts, zmq.NOBLOCK)

    # -- the clients' side

    def _bind(self, kind: int, name: str) -> zmq.asyncio.Socket:
        import zmq

        assert self._context is not None
        bound = self._context.socket(kind)
        bound.setsockopt(zmq.SNDHWM, 0)
        bound.setsockopt(zmq.RCVHWM, 0)
        if kind == zmq.ROUTER:
            bound.setsockopt(zmq.ROUTER_MANDATORY, 1)
            bound.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if kind == zmq.XPUB:
            bound.setsockopt(zmq.XPUB_VERBOSER, 1)
        bound.bind(f"ipc://{self._connection['ip']}-{self._connection[f'{name}_port']}")
        return bound

    async def _carry(self, channel: int, router: zmq.asyncio.Socket) -> None:
        while True:
            self._outgoing.put(channel, link.pack_parts(await router.recv_multipart()))

    async def _count_listeners(self) -> None:
        """Know whether anybody listens: output waits for that."""
        listeners = 0
        while True:
            asked = await self._output.recv()
            listeners += 1 if asked[:1] == b"\x01" else -1
            if listeners > 0:
                self._listened.set()
            else:
                self._listened.clear()

    async def _beat(self, beating: zmq.asyncio.Socket) -> None:
        while True:
            with contextlib.suppress(Exception):
                await beating.send(await beating.recv())
