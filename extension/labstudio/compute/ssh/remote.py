"""The helper on a host, as it is spoken to from here.

The helper (`labstudio.compute.ssh.there`) is sent over the link with each connection: nothing is
installed there, and both ends always know the same protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
from queue import Queue
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from labstudio.compute.ssh.boot import boot, command
from labstudio.compute.ssh.connection import start
from labstudio.compute.ssh.faults import Refused
from labstudio.compute.ssh.there.files import hash_of
from labstudio.compute.ssh.there.frames import MAGIC, PIECE_BYTES, SIZES, pack
from labstudio.errors import Conflict, StudioError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from asyncssh import SSHClientConnection, SSHClientProcess

    from labstudio.compute.ssh.connection import Link

    Frame = tuple[dict[str, Any], bytes]
    Hear = Callable[[dict[str, Any], bytes], None]

PING_S = 5.0
HELLO_S = 30.0
PREAMBLE_BYTES = 1 << 16
PIECES_AHEAD = 64


class Remote:
    """The helper on the other end of a link; started anew with each connection.

    Parameters
    ----------
    link
        The link.
    root
        The studio's folder on the host.
    python
        The interpreter that it runs with; ``python3`` when left out.
    """

    def __init__(self, link: Link, root: str, python: str | None = None) -> None:
        self.link = link
        self._root = root
        self._python = python or "python3"
        self._process: SSHClientProcess[bytes] | None = None
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._parts: dict[int, Hear] = {}
        self._followed: dict[int, tuple[Callable[[], dict[str, Any]], Hear]] = {}
        # One content is sent once at a time; a lock lives as long as somebody holds or awaits it.
        self._sending: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._about: dict[str, Any] = {}
        link.on_up(self._begin)
        link.on_down(self._end)

    # -- the channel

    async def about(self) -> dict[str, Any]:
        """Return what the host told of itself; ``root`` is the studio's folder there.

        Raises
        ------
        StudioError
            As `Link.connection`.
        """
        await self.link.connection()
        return self._about

    async def ask(self, op: str, body: bytes = b"", **request: Any) -> dict[str, Any]:
        """Have the helper do something; return its answer.

        Raises
        ------
        Unavailable
            When the link is down, or is lost before the answer came.
        Conflict
            When the helper could not do it.
        """
        await self.link.connection()
        answer: dict[str, Any] = await self._tell(op, body, request)
        return answer

    def _tell(self, op: str, body: bytes, request: Mapping[str, Any]) -> asyncio.Future[Any]:
        """Send a request; return what will be its answer."""
        process, number = self._process, next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if process is None:
            answer.set_exception(self._lost())
            return answer
        self._answers[number] = answer
        self._write(process, {"id": number, "op": op, **request}, body)
        return answer

    def _write(
        self, process: SSHClientProcess[bytes], head: dict[str, Any], body: bytes | memoryview
    ) -> None:
        with contextlib.suppress(OSError):
            process.stdin.write(pack(head, len(body)))
            if len(body):
                process.stdin.write(bytes(body))

    def _lost(self) -> Unavailable:
        return Unavailable(f"The link to {self.link.settings.host} is lost.")

    async def _begin(self, connection: SSHClientConnection) -> None:
        """Start the helper over a new connection."""
        process = await start(connection, command(self._python))
        content = boot({"root": self._root})
        # A Python that cannot be run may have ended by now; what it said is read next.
        with contextlib.suppress(OSError):
            process.stdin.write(b"%d\n" % len(content) + content)
        try:
            async with asyncio.timeout(HELLO_S):
                await self._magic(process)
                hello, _ = await _frame(process)
        except (asyncio.IncompleteReadError, TimeoutError) as error:
            raise await self._silent(process) from error
        if "error" in hello:
            raise Refused(f"{self.link.settings.host}: {hello['error']}.")
        self._about, self._process = hello, process
        self._spawn(self._listen(connection, process))
        self._spawn(self._ping(process))
        for number, (request, _) in list(self._followed.items()):
            self._tell("follow", b"", {"number": number, **request()})

    async def _magic(self, process: SSHClientProcess[bytes]) -> None:
        seen = b""
        while not seen.endswith(MAGIC):
            seen += await process.stdout.readexactly(1)
            if len(seen) > PREAMBLE_BYTES:
                raise TimeoutError

    async def _silent(self, process: SSHClientProcess[bytes]) -> StudioError:
        host = self.link.settings.host
        try:
            async with asyncio.timeout(2):
                said = (await process.stderr.read()).decode(errors="replace").strip()
                # How it ended is told after the end of what it says.
                await process.wait_closed()
        except TimeoutError:
            return Unavailable(f"{host}: {self._python} does not answer.")
        if said.startswith("python "):
            return Refused(f"{host}: {self._python} is {said}; Python 3.9 or newer is needed.")
        if process.exit_status is None:
            return self._lost()
        return Refused(
            f"{host}: {self._python} cannot be run ({said.splitlines()[-1] if said else '?'}); "
            "install Python 3 there, or name one as `python`."
        )

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(
        self, connection: SSHClientConnection, process: SSHClientProcess[bytes]
    ) -> None:
        import asyncssh

        with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncssh.Error):
            while True:
                head, body = await _frame(process)
                self._hear(head, body)
        # Whether the link went or only the helper: the next connection has a new one.
        connection.abort()

    def _hear(self, head: dict[str, Any], body: bytes) -> None:
        if (number := head.get("follow")) is not None:
            if number in self._followed:
                self._followed[number][1](head, body)
        elif (number := head.get("part")) is not None:
            if number in self._parts:
                self._parts[number](head, body)
        elif (answer := self._answers.pop(head["id"], None)) is not None and not answer.done():
            if "error" in head:
                text = f"{self.link.settings.host}: {head['error']}."
                answer.set_exception(Conflict(text, type=head["type"]))
            else:
                answer.set_result(head)

    async def _ping(self, process: SSHClientProcess[bytes]) -> None:
        while self._process is process:
            self._tell("ping", b"", {})
            await asyncio.sleep(PING_S)

    def _end(self) -> None:
        self._process = None
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            if not answer.done():
                answer.set_exception(self._lost())
                answer.exception()  # Not everybody who asked waits for the answer.

    # -- folders that are followed

    def follow(self, request: Callable[[], dict[str, Any]], hear: Hear) -> int:
        """Follow a folder there, over cuts of the link too; return the number to `leave` it by.

        Parameters
        ----------
        request
            Gives ``folder``, ``grow`` (names of files that grow, with the offsets from which on
            they are wanted) and ``replaced`` (names of files that are replaced), as they are
            whenever the following begins anew.
        hear
            Takes what comes, in the loop.
        """
        number = next(self._numbers)
        self._followed[number] = (request, hear)
        if self._process is not None:
            self._tell("follow", b"", {"number": number, **request()})
        return number

    def leave(self, number: int) -> None:
        """Follow a folder no more."""
        if self._followed.pop(number, None) is not None and self._process is not None:
            self._tell("leave", b"", {"number": number})

    # -- content

    async def push(self, contents: Mapping[str, Path]) -> int:
        """Bring contents there that are missing; return how many bytes travelled.

        Parameters
        ----------
        contents
            Files here by the SHA-256 of their content. One that was cut short is gone on with.
        """
        if not contents:
            return 0
        async with contextlib.AsyncExitStack() as held:
            for sha256 in sorted(contents):
                lock = self._sending.setdefault(sha256, asyncio.Lock())
                await held.enter_async_context(lock)
            told = await self.ask("missing", sha256=list(contents))
            sent, answers = 0, []
            for sha256, offset in told["missing"].items():
                request = {"key": sha256, "sha256": sha256}
                answer, size = await self._put(contents[sha256], request, offset)
                answers.append(answer)
                sent += size
            await _all(answers)
        return sent

    async def send(self, here: Path, there: str) -> str:
        """Bring a file there under a path of its own; return its SHA-256, which was checked."""
        hashing = asyncio.get_running_loop().create_task(asyncio.to_thread(hash_of, here))
        request = {"key": f"path:{there}", "path": there, "blob": False}
        await self.link.connection()
        answer, _ = await self._put(here, request, 0, hashing)
        return str((await answer)["sha256"])

    async def _put(
        self,
        here: Path,
        request: dict[str, Any],
        offset: int,
        hashing: asyncio.Task[str] | None = None,
    ) -> tuple[asyncio.Future[Any], int]:
        import asyncssh

        process, number = self._process, next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if process is None:
            raise self._lost()
        self._answers[number] = answer
        size, begun = here.stat().st_size, offset
        offset = min(offset, size)
        with here.open("rb", buffering=0) as file:
            file.seek(offset)
            first, last = True, False
            while not last:
                piece = file.read(PIECE_BYTES)
                last = offset + len(piece) >= size or not piece
                head = {"id": number, "op": "put", "offset": offset, **request}
                if first:
                    head["first"] = True
                if last:
                    head["last"] = True
                    if hashing is not None:
                        head["sha256"] = await hashing
                self._write(process, head, piece)
                offset, first = offset + len(piece), False
                try:
                    await process.stdin.drain()
                except (OSError, asyncssh.Error) as error:
                    raise self._lost() from error
                if answer.done():
                    break  # It was refused.
        return answer, offset - begun

    async def pull(self, there: str, here: Path) -> str:
        """Bring a file here, going on where it was cut short; return its SHA-256.

        Raises
        ------
        Unavailable
            When the link is lost on the way, or the file changed: the next time goes on, or begins
            anew.
        """
        part = here.with_name(f".{here.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        await self.link.connection()
        taken = _Taken(part)
        writing = asyncio.get_running_loop().create_task(asyncio.to_thread(taken.write))
        answer = self._tell("get", b"", {"path": there, "offset": taken.offset})
        number = next(reversed(self._answers), 0)
        self._parts[number] = lambda _head, piece: taken.pieces.put(piece)
        try:
            told = await answer
        finally:
            del self._parts[number]
            taken.pieces.put(None)
            digest = await writing
        if told["sha256"] != digest:
            part.unlink(missing_ok=True)
            raise Unavailable(f"{there} changed while it was brought here.")
        part.replace(here)
        return str(told["sha256"])


class _Taken:
    """A file that is being brought: written and hashed in a thread, beside the link's own work."""

    def __init__(self, part: Path) -> None:
        self._part = part
        self.offset = part.stat().st_size if part.exists() else 0
        self.pieces: Queue[bytes | None] = Queue(PIECES_AHEAD)

    def write(self) -> str:
        """Write what comes until there is no more; return the SHA-256 of the whole."""
        digest, trouble = hashlib.sha256(), None
        with self._part.open("a+b", buffering=0) as file:
            file.seek(0)
            while piece := file.read(4 * PIECE_BYTES):
                digest.update(piece)
            while (piece := self.pieces.get()) is not None:
                try:
                    if trouble is None:
                        file.write(piece)
                        digest.update(piece)
                except OSError as error:
                    trouble = error  # What else comes is taken, and dropped: nobody must wait.
        if trouble is not None:
            raise trouble
        return digest.hexdigest()


async def _all(answers: list[asyncio.Future[Any]]) -> None:
    for answer in answers:
        await answer


async def _frame(process: SSHClientProcess[bytes]) -> Frame:
    head_bytes, body_bytes = SIZES.unpack(await process.stdout.readexactly(SIZES.size))
    head = json.loads(await process.stdout.readexactly(head_bytes))
    return head, await process.stdout.readexactly(body_bytes) if body_bytes else b""
