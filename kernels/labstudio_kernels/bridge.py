"""The bridge between a kernel's clients and the kernel: passes messages on, and looks at them.

Clients connect to sockets of the bridge, which never change. The kernel's own may come and go: at
a restart, or when a link was cut. One thread carries everything, so each channel keeps its order.
No queue has a limit: ZeroMQ would drop output beyond it.

To the kernel the bridge is one client, with one name on all channels. A ROUTER socket of a client's
side puts that client's name before each message, the kernel sends the names back as it got them,
and so an answer finds its client. An input prompt finds its client in the same way.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

import zmq
from jupyter_client.session import Session

from labstudio_kernels.asked import Asked, Execution

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Parts = list[zmq.Frame]

DELIMITER = b"<IDS|MSG>"
NAME = b"labstudio-keeper"
OWN = b"labstudio-own"
# Of one channel before the others have their turn.
BURST = 200
# What clients ask by themselves: it does not make a kernel busy in its user's eyes.
QUIET = frozenset(
    ("kernel_info_request", "comm_info_request", "interrupt_request", "shutdown_request",
     "debug_request", "history_request", "is_complete_request", "usage_request")
)  # fmt: skip
LOST = (
    "The cell ran to its end, but what it answered was lost: the process that keeps the kernel "
    "was started anew meanwhile. The kernel and its variables are as the cell left them."
)
OWED_MS, COME_BACK_S, HOLD_MOST_S = 100, 0.5, 5.0
RECONNECT_MS, RECONNECT_MOST_MS = 10, 500


class Bridge(threading.Thread):
    """Carries the messages of one kernel.

    Parameters
    ----------
    front
        The connection file's content that clients have; its sockets are bound here.
    told
        Called in the bridge's thread when the kernel answered first, became busy or idle.
    waiting
        The file of what is waited for; see `labstudio_kernels.asked`.
    revived
        Whether an earlier keeper had clients, who come back on one channel after the other.

    Attributes
    ----------
    busy, ready, executing
        What the messages say of the kernel: whether it works, whether it has answered since it was
        connected, and the id of the message whose code runs.
    """

    def __init__(
        self, front: dict[str, Any], told: Callable[[], None], waiting: Path, *, revived: bool
    ) -> None:
        super().__init__(name="bridge", daemon=True)
        self.busy = self.ready = False
        self.executing: str | None = None
        self._front_info = front
        self._told = told
        self._session = Session(key=front["key"].encode(), username="labstudio")
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._orders: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._bell, self._ring = os.pipe()
        os.set_blocking(self._bell, False)
        self._poller = zmq.Poller()
        self._carriers: dict[Any, Callable[[], None]] = {self._bell: self._obey}
        self._asked = Asked(waiting)
        self._lost: list[Execution] = []
        # No code is taken, nor what a running cell says, before clients are back to hear of it.
        held = revived or self._asked.inherited
        self._held_until = time.monotonic() + HOLD_MOST_S if held else None
        self._mute = self._asked.inherited
        self._heard_at: float | None = None
        self._back: dict[str, zmq.Socket[bytes]] = {}
        self._over: str | None = None
        self._closed = False
        self._front = {
            "control": self._bind(zmq.ROUTER, front["control_port"]),
            "shell": self._bind(zmq.ROUTER, front["shell_port"]),
            "stdin": self._bind(zmq.ROUTER, front["stdin_port"]),
            "iopub": self._bind(zmq.XPUB, front["iopub_port"]),
            "hb": self._bind(zmq.ROUTER, front["hb_port"]),
        }

    # -- what the keeper asks; it happens in the bridge's thread, in order

    def connect(self, back: dict[str, Any]) -> None:
        """Connect to the kernel of a connection file, and ask whether it answers."""
        self._order(lambda: self._connect(back))

    def disconnect(self, sentence: str | None = None) -> None:
        """Let go of the kernel.

        Parameters
        ----------
        sentence
            Why it is over. Code that was running or waiting, and code that is sent from now on, is
            answered with it. None: another kernel is about to be connected, and will have what is
            sent meanwhile.
        """
        self._order(lambda: self._disconnect(sentence))

    def request(self, kind: str, content: dict[str, Any]) -> None:
        """Send a request of the keeper's own over the control channel; nobody sees the answer."""
        self._order(lambda: self._send("control", self._session.msg(kind, content)))

    def close(self) -> None:
        """End the thread, with what was to be sent sent."""
        self._order(self._close)
        self.join(5)

    def _order(self, what: Callable[[], object]) -> None:
        self._orders.put(what)
        os.write(self._ring, b"!")

    # -- the thread

    def run(self) -> None:
        """Carry until closed."""
        self._poller.register(self._bell, zmq.POLLIN)
        for channel, socket in self._front.items():
            carry = {"iopub": self._welcome, "hb": self._beat}.get(channel)
            self._carriers[socket] = carry or self._from_client(channel)
        self._listen_to_clients()
        while not self._closed:
            for socket, _ in self._poller.poll(OWED_MS if self._lost or self._held_until else None):
                # An order may just have closed one that had something to say.
                if carry := self._carriers.get(socket):
                    carry()
            self._take_up()
            self._pay()
        self._context.destroy(linger=1000)

    def _obey(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._bell, 4096)
        while not self._closed:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return
            order()

    def _bind(self, kind: int, port: int) -> zmq.Socket[bytes]:
        socket = self._open(kind)
        if kind == zmq.ROUTER:
            # A client that comes back under its name is the same client.
            socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if kind == zmq.XPUB:
            socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        socket.bind(f"ipc://{self._front_info['ip']}-{port}")
        return socket

    def _open(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.setsockopt(zmq.LINGER, 1000)
        return socket

    def _connect(self, back: dict[str, Any]) -> None:
        self._drop()
        for channel in ("control", "shell", "stdin", "iopub"):
            socket = self._open(zmq.SUB if channel == "iopub" else zmq.DEALER)
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
            socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MOST_MS)
            if channel == "iopub":
                socket.setsockopt(zmq.SUBSCRIBE, b"")
            else:
                socket.setsockopt(zmq.ROUTING_ID, NAME)
            socket.connect(address(back, channel))
            self._back[channel] = socket
            self._carriers[socket] = self._from_kernel(channel)
            if not self._mute:
                self._poller.register(socket, zmq.POLLIN)
        self._over = None
        self._send("shell", self._session.msg("kernel_info_request", {}))
        self._listen_to_clients()

    def _disconnect(self, sentence: str | None) -> None:
        self._drop(last_words_ms=50 if sentence else 0)
        self._over = sentence
        if sentence is None:
            self._asked.take()
        else:
            self._refuse(sentence)
        self._listen_to_clients()

    def _drop(self, last_words_ms: int = 0) -> None:
        for channel, socket in self._back.items():
            with contextlib.suppress(zmq.Again):
                while socket.poll(last_words_ms if channel == "iopub" else 0):
                    self._carriers[socket]()
            if socket in self._poller:
                self._poller.unregister(socket)
            del self._carriers[socket]
            socket.close()
        self._back = {}
        self.busy = self.ready = False
        self.executing = None

    def _listen_to_clients(self) -> None:
        """Leave what clients send where it is while there is no kernel to have it."""
        for channel, socket in self._front.items():
            taken = channel in self._back and not (channel == "shell" and self._held_until)
            if taken or channel in ("iopub", "hb") or self._over is not None:
                self._poller.register(socket, zmq.POLLIN)
            elif socket in self._poller:
                self._poller.unregister(socket)

    def _close(self) -> None:
        self._drop()
        self._asked.close()
        self._closed = True

    # -- messages on their way

    def _from_client(self, channel: str) -> Callable[[], None]:
        front = self._front[channel]

        def carry() -> None:
            for parts in burst(front):
                if channel == "shell":
                    self._note_request(parts)
                if back := self._back.get(channel):
                    back.send_multipart(parts, copy=False)
                elif channel == "shell":
                    self._refuse(self._over or "")

        return carry

    def _from_kernel(self, channel: str) -> Callable[[], None]:
        back, front = self._back[channel], self._front[channel]

        def carry() -> None:
            for parts in burst(back):
                if channel == "iopub":
                    self._note_output(parts)
                elif parts[0].bytes == OWN:
                    self._note_ready()
                    continue
                elif channel == "shell":
                    self._note_reply(parts)
                front.send_multipart(parts, copy=False)

        return carry

    def _beat(self) -> None:
        for parts in burst(self._front["hb"]):
            if self._over is None:
                self._front["hb"].send_multipart(parts, copy=False)

    def _welcome(self) -> None:
        """Greet a new listener, as a kernel does that has this kind of socket."""
        for parts in burst(self._front["iopub"]):
            asked = parts[0].bytes
            if asked[:1] == b"\x01":
                self._heard_at = self._heard_at or time.monotonic()
                content = {"subscription": asked[1:].decode("utf-8", "replace")}
                self._publish(self._session.msg("iopub_welcome", content), asked[1:])

    # -- what the messages say

    def _note_request(self, parts: Parts) -> None:
        at = start(parts)
        if at is None:
            return
        header = parts[at].bytes
        if b"execute_request" not in header:
            return
        asked = Execution([part.bytes for part in parts[: at - 2]], json.loads(header))
        if asked.header.get("msg_type") == "execute_request":
            self._asked.add(asked)

    def _note_reply(self, parts: Parts) -> None:
        at = start(parts)
        if at is not None and b"execute_reply" in parts[at].bytes:
            self._asked.answered(json.loads(parts[at + 1].bytes).get("msg_id"))

    def _note_output(self, parts: Parts) -> None:
        at = start(parts)
        if at is None or b'"status"' not in parts[at].bytes:
            return
        state = json.loads(parts[at + 3].bytes).get("execution_state")
        parent = json.loads(parts[at + 1].bytes)
        if parent.get("msg_type") in QUIET or state not in ("busy", "idle"):
            return
        busy = state == "busy"
        executing = parent.get("msg_id") if busy else None
        if (busy, executing) != (self.busy, self.executing):
            self.busy, self.executing = busy, executing
            self._told()

    def _note_ready(self) -> None:
        if not self.ready:
            self.ready = True
            self._lost += self._asked.take_lost()
            self._told()

    def _are_back(self) -> bool:
        """Whether clients have had the time to come back, since the first of them did."""
        return self._heard_at is not None and time.monotonic() > self._heard_at + COME_BACK_S

    def _take_up(self) -> None:
        """Hear both sides, once clients are back or have been waited for long enough."""
        if self._held_until and (self._are_back() or time.monotonic() > self._held_until):
            self._held_until, self._mute = None, False
            for socket in self._back.values():
                self._poller.register(socket, zmq.POLLIN)
            self._listen_to_clients()

    def _pay(self) -> None:
        """Answer what an earlier keeper owed, once clients have had the time to come back."""
        if self._lost and self._are_back():
            for asked in self._lost:
                self._answer(asked, "AnswerLost", LOST)
            self._lost = []

    # -- messages of the keeper's own

    def _send(self, channel: str, message: dict[str, Any]) -> None:
        if back := self._back.get(channel):
            back.send_multipart([OWN, *self._session.serialize(message)])

    def _publish(self, message: dict[str, Any], topic: bytes) -> None:
        self._front["iopub"].send_multipart([topic, *self._session.serialize(message)])

    def _refuse(self, sentence: str) -> None:
        """Answer code that nobody will run, or run to its end: the first says why."""
        for index, asked in enumerate(self._asked.take()):
            self._answer(asked, "DeadKernel", sentence, aborted=index > 0)

    def _answer(self, asked: Execution, name: str, sentence: str, *, aborted: bool = False) -> None:
        """Answer in the kernel's place."""
        content: dict[str, Any] = {"status": "aborted", "execution_count": None}
        if not aborted:
            text = f"\x1b[31m{name}\x1b[0m: {sentence}"
            error = {"ename": name, "evalue": sentence, "traceback": [text]}
            content |= {"status": "error", **error}
            self._say("stream", {"name": "stderr", "text": sentence + "\n"}, asked)
            self._say("error", error, asked)
        self._say("status", {"execution_state": "idle"}, asked)
        reply = self._session.msg("execute_reply", content)
        reply["parent_header"] = asked.header
        self._front["shell"].send_multipart([*asked.names, *self._session.serialize(reply)])

    def _say(self, kind: str, content: dict[str, Any], asked: Execution) -> None:
        message = self._session.msg(kind, content, parent={"header": asked.header})
        self._publish(message, kind.encode())


def address(connection: dict[str, Any], channel: str) -> str:
    """Return the address of one channel of a connection file."""
    port = connection[f"{channel}_port"]
    if connection.get("transport", "tcp") == "ipc":
        return f"ipc://{connection['ip']}-{port}"
    return f"tcp://{connection['ip']}:{port}"


def burst(socket: zmq.Socket[bytes]) -> Any:
    """Take what there is, up to a bound, in order."""
    for _ in range(BURST):
        try:
            yield socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return


def start(parts: Parts) -> int | None:
    """Return where a message's header is: behind names, delimiter and signature."""
    for index, part in enumerate(parts):
        if part.bytes == DELIMITER:
            return index + 2 if len(parts) > index + 5 else None
    return None
