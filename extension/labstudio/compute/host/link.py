"""Messages over a link that may be cut at any time: each arrives once, and in order.

Both ends number what they send and keep it until the other end says that it has it. Whenever they
are joined anew, each tells what it heard last, and the other goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

HEAD = struct.Struct(">IQB")
"""Length of the body, number, channel."""
LENGTHS = struct.Struct(">H")
LENGTH = struct.Struct(">I")
HELLO, HEARD, SHELL, CONTROL, STDIN, IOPUB, EVENT = range(7)
"""Channels; what goes over the first two is not numbered."""


def pack_parts(parts: Sequence[bytes]) -> bytes:
    """Return the parts of a message as one body."""
    lengths = b"".join(LENGTH.pack(len(part)) for part in parts)
    return b"".join([LENGTHS.pack(len(parts)), lengths, *parts])


def unpack_parts(body: bytes) -> list[bytes]:
    """Return the parts of a message."""
    (count,) = LENGTHS.unpack_from(body)
    at = LENGTHS.size + count * LENGTH.size
    parts = []
    for index in range(count):
        (length,) = LENGTH.unpack_from(body, LENGTHS.size + index * LENGTH.size)
        parts.append(body[at : at + length])
        at += length
    return parts


class Kept(NamedTuple):
    """A message that the other end has not confirmed."""

    channel: int
    size: int
    body: bytes | None
    """None: it lies on the disk."""
    place: tuple[int, int] = (0, 0)
    lossy: bool = False


class Outgoing:
    """What is sent, kept until it is confirmed.

    Parameters
    ----------
    spill
        A folder for what does not fit into memory; without one, memory has no limit.
    memory_bytes, disk_bytes
        How much is kept in each. Past both, the oldest messages that may be lost are left out.
    left_out
        Makes, from the body of the last that was left out and the bytes of all, the message that
        stands for them.
    follows
        Whether the other end may have heard of somebody before this: numbers go on from there.
    """

    SEGMENT_BYTES = 64 << 20

    def __init__(
        self,
        spill: Path | None = None,
        *,
        memory_bytes: int = 64 << 20,
        disk_bytes: int = 2 << 30,
        left_out: Callable[[bytes, int], bytes] = lambda body, _size: body,
        follows: bool = False,
    ) -> None:
        self.changed = asyncio.Event()
        self._kept: dict[int, Kept] = {}
        self._first, self._last = 1, 0
        self._memory = self._disk = 0
        self._limits = (memory_bytes, disk_bytes)
        self._spill = spill
        self._segments: dict[int, int] = {}
        self._segment, self._end = 0, 0
        self._left_out = left_out
        self._follows = follows
        self._lost_to, self._lost_bytes = 0, 0

    def put(self, channel: int, body: bytes, *, lossy: bool = False) -> None:
        """Send a message; `lossy` says that it may be left out when there is no room."""
        self._last += 1
        kept = Kept(channel, len(body), body, lossy=lossy)
        if self._spill is not None and self._memory + kept.size > self._limits[0]:
            kept = self._to_disk(kept)
        else:
            self._memory += kept.size
        self._kept[self._last] = kept
        if self._spill is not None and self._memory > self._limits[0]:
            self._make_room()
        self.changed.set()

    def join(self, number: int) -> None:
        """Go on from what the other end heard last."""
        if self._follows:
            self._follows = False
            self._kept = {each + number: kept for each, kept in self._kept.items()}
            self._first, self._last = self._first + number, self._last + number
        self.heard(number)

    def heard(self, number: int) -> None:
        """Forget what the other end has."""
        for each in range(self._first, min(number, self._last) + 1):
            self._forget(each)
        self._first = max(self._first, min(number, self._last) + 1)

    def after(self, number: int) -> tuple[int, int, bytes] | None:
        """Return number, channel and body of the first message after a number."""
        for each in range(max(number + 1, self._first), self._last + 1):
            if (kept := self._kept.get(each)) is not None:
                return each, kept.channel, self._body(kept)
        return None

    def __len__(self) -> int:
        return len(self._kept)

    def _forget(self, number: int) -> None:
        kept = self._kept.pop(number, None)
        if kept is None:
            return
        if kept.body is not None:
            self._memory -= kept.size
            return
        self._disk -= kept.size
        segment = kept.place[0]
        self._segments[segment] -= 1
        if not self._segments[segment] and segment != self._segment:
            del self._segments[segment]
            self._file(segment).unlink()

    # -- past what memory holds

    def _file(self, segment: int) -> Path:
        assert self._spill is not None
        return self._spill / f"spill-{segment}"

    def _to_disk(self, kept: Kept) -> Kept:
        assert kept.body is not None
        if self._disk + kept.size > self._limits[1]:
            self._memory += kept.size
            return kept
        if self._end >= self.SEGMENT_BYTES:
            self._segment, self._end = self._segment + 1, 0
        try:
            with self._file(self._segment).open("r+b" if self._end else "wb") as file:
                file.seek(self._end)
                file.write(kept.body)
        except OSError:
            self._memory += kept.size
            return kept
        place = (self._segment, self._end)
        self._segments[self._segment] = self._segments.get(self._segment, 0) + 1
        self._end += kept.size
        self._disk += kept.size
        return kept._replace(body=None, place=place)

    def _body(self, kept: Kept) -> bytes:
        if kept.body is not None:
            return kept.body
        with self._file(kept.place[0]).open("rb") as file:
            file.seek(kept.place[1])
            return file.read(kept.size)

    def _make_room(self) -> None:
        """Leave out the oldest that may be lost; one message in their place says so."""
        number = max(self._lost_to, self._first - 1)
        while self._memory > self._limits[0] and number < self._last:
            number += 1
            kept = self._kept.get(number)
            if kept is None or not kept.lossy:
                continue
            last = self._body(kept)
            self._forget(number)
            if self._lost_to >= self._first:
                self._forget(self._lost_to)
            else:
                self._lost_bytes = 0
            self._lost_to, self._lost_bytes = number, self._lost_bytes + kept.size
            said = self._left_out(last, self._lost_bytes)
            self._kept[number] = Kept(kept.channel, len(said), said)
            self._memory += len(said)


class Incoming:
    """What is heard.

    Parameters
    ----------
    deliver
        Takes channel and body; a message counts as heard once this returns.
    note
        Told the number of what was heard last.
    last
        The number of what was heard last, before.
    """

    def __init__(
        self,
        deliver: Callable[[int, bytes], Awaitable[None]],
        note: Callable[[int], object] = lambda _number: None,
        last: int = 0,
    ) -> None:
        self._deliver = deliver
        self._note = note
        self.last = last

    async def take(self, number: int, channel: int, body: bytes) -> None:
        """Take a message, unless it was heard before."""
        if number > self.last:
            await self._deliver(channel, body)
            self.last = number
            self._note(number)


async def talk(reader: Any, writer: Any, outgoing: Outgoing, incoming: Incoming) -> None:
    """Exchange messages until the link is cut, which is no error.

    Parameters
    ----------
    reader, writer
        The link: streams as those of `asyncio` and of AsyncSSH.
    outgoing, incoming
        What is sent and heard; they outlive the link.
    """
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        hello = json.dumps({"heard": incoming.last}).encode()
        writer.write(HEAD.pack(len(hello), 0, HELLO) + hello)
        _, _, body = await _receive(reader)
        heard = json.loads(body)["heard"]
        outgoing.join(heard)
        sending = asyncio.ensure_future(_send(writer, outgoing, incoming, heard))
        try:
            await _listen(reader, outgoing, incoming)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def _listen(reader: Any, outgoing: Outgoing, incoming: Incoming) -> None:
    while True:
        number, channel, body = await _receive(reader)
        if channel == HEARD:
            outgoing.heard(number)
        else:
            await incoming.take(number, channel, body)
            outgoing.changed.set()


async def _receive(reader: Any) -> tuple[int, int, bytes]:
    length, number, channel = HEAD.unpack(await reader.readexactly(HEAD.size))
    return number, channel, await reader.readexactly(length) if length else b""


async def _send(writer: Any, outgoing: Outgoing, incoming: Incoming, sent: int) -> None:
    confirmed = incoming.last
    while True:
        outgoing.changed.clear()
        found = outgoing.after(sent)
        if incoming.last != confirmed:
            confirmed = incoming.last
            writer.write(HEAD.pack(0, confirmed, HEARD))
        if found is not None:
            sent, channel, body = found
            writer.write(HEAD.pack(len(body), sent, channel) + body)
            await writer.drain()
        else:
            await outgoing.changed.wait()
