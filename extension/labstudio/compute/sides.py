"""The folders that are kept in step: one of this machine, and one that an agent serves."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Protocol

from labstudio.compute.host import agent
from labstudio.compute.host.entries import Change, Limits, Rules, State
from labstudio.compute.host.folder import Folder
from labstudio.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path


class LocalSide:
    """A folder of this machine.

    Parameters
    ----------
    root
        The folder.
    store
        A private folder for what is on its way into it.
    """

    def __init__(self, root: Path, store: Path) -> None:
        self._folder = Folder(root, store)

    async def scan(self, rules: Rules, limits: Limits) -> State:
        """Look at the folder."""
        return await asyncio.to_thread(self._folder.scan, rules, limits)

    async def missing(self, hashes: Sequence[str]) -> list[str]:
        """Say which contents must still be staged."""
        return await asyncio.to_thread(self._folder.missing, hashes)

    async def read(self, paths: Sequence[str]) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        """Read files, one after the other; one that cannot be read is cut short."""
        for path in paths:
            yield path, self._pieces(path)

    async def _pieces(self, path: str) -> AsyncIterator[bytes]:
        pieces = self._folder.read(path)
        try:
            while (piece := await asyncio.to_thread(next, pieces, b"")) != b"":
                yield piece
        except (OSError, ValueError):
            return  # it is gone meanwhile: what arrives is not what was asked for, and not taken

    async def stage(
        self, sha256: str, content: AsyncIterator[bytes], size: int | None = None
    ) -> None:
        """Take in some content; it counts only if it is whole."""
        staging = self._folder.staging(sha256, size)
        try:
            with staging:
                async for piece in content:
                    await asyncio.to_thread(staging.write, piece)
        except ValueError:
            return  # what needs it fails, and is told then

    async def commit(self, changes: Sequence[Change]) -> dict[str, str]:
        """Make changes; return which were not made, and why."""
        return await asyncio.to_thread(self._folder.commit, changes)


class Reader(Protocol):
    """What bytes come out of, as of `asyncio` and of AsyncSSH."""

    async def readexactly(self, n: int, /) -> bytes:
        """Read so many bytes."""


class Writer(Protocol):
    """What bytes go into, as of `asyncio` and of AsyncSSH."""

    def write(self, data: bytes, /) -> None:
        """Send bytes."""

    async def drain(self) -> None:
        """Wait until they are on their way."""


class RemoteSide:
    """A folder that an agent serves at the other end of two streams.

    Parameters
    ----------
    reader, writer
        The agent's standard streams.
    root, store
        The folder there, and a private one for what is on its way into it.
    """

    def __init__(self, reader: Reader, writer: Writer, root: str, store: str) -> None:
        self._reader = reader
        self._writer = writer
        self._where = {"root": root, "store": store}
        self._lock = asyncio.Lock()
        self._opened = False
        self._known: tuple[str, State] = ("", State({}, {}))

    async def scan(self, rules: Rules, limits: Limits) -> State:
        """Look at the folder; it is told only when it is not as it was."""
        answer = await self._ask("scan", rules=rules, limits=limits, known=self._known[0])
        if answer["digest"] != self._known[0]:
            self._known = (answer["digest"], agent.unpack_state(answer))
        return self._known[1]

    async def missing(self, hashes: Sequence[str]) -> list[str]:
        """Say which contents must still be staged."""
        found: list[str] = (await self._ask("missing", hashes=hashes))["missing"]
        return found

    async def read(self, paths: Sequence[str]) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        """Read files, one after the other; one that cannot be read is cut short."""
        async with self._lock:
            await self._send(agent.pack({"verb": "read", "paths": list(paths)}))
            for path in paths:
                pieces = self._pieces()
                yield path, pieces
                async for _ in pieces:
                    pass  # what nobody wanted to the end
                await self._receive()

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := (await self._receive())[1]:
            yield piece

    async def stage(
        self, sha256: str, content: AsyncIterator[bytes], size: int | None = None
    ) -> None:
        """Take in some content; it counts only if it is whole."""
        async with self._lock:
            await self._send(agent.pack({"verb": "stage", "sha256": sha256, "size": size}))
            async for piece in content:
                await self._send(agent.pack_data(piece))
            await self._send(agent.pack_data(b""))

    async def commit(self, changes: Sequence[Change]) -> dict[str, str]:
        """Make changes; return which were not made, and why."""
        failed: dict[str, str] = (await self._ask("commit", changes=changes))["failed"]
        return failed

    async def _ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        async with self._lock:
            if not self._opened:
                await self._exchange({"verb": "open", **self._where})
                self._opened = True
            return await self._exchange({"verb": verb, **fields})

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        await self._send(agent.pack(request))
        answer: dict[str, Any] = json.loads((await self._receive())[1])
        if "error" in answer:
            raise Unavailable(f"The folder {self._where['root']} there: {answer['error']}.")
        return answer

    async def _send(self, frame: bytes) -> None:
        self._writer.write(frame)
        await self._writer.drain()

    async def _receive(self) -> tuple[int, bytes]:
        try:
            head = await self._reader.readexactly(agent.HEAD.size)
            length, kind = agent.HEAD.unpack(head)
            return kind, await self._reader.readexactly(length) if length else b""
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Unavailable("The link was lost.") from error
