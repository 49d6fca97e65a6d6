"""Frames: how the two ends of the helper's channel speak. Each has a JSON head and a body."""

from __future__ import annotations

import json
import struct
import threading
from typing import Any, BinaryIO

# What a host prints before (a login script that talks) is passed over up to here.
MAGIC = b"\0labstudio-1\n"
SIZES = struct.Struct("!II")
PIECE_BYTES = 1 << 18

Head = dict[str, Any]


def pack(head: Head, body_bytes: int) -> bytes:
    """Return a frame's beginning, all of it but the body."""
    text = json.dumps(head, separators=(",", ":")).encode()
    return SIZES.pack(len(text), body_bytes) + text


class Channel:
    """Frames over a pair of binary streams; many threads may write."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()

    def read(self) -> tuple[Head, bytes] | None:
        """Return the next frame; None at the end, or where one breaks off."""
        sizes = self._reader.read(SIZES.size)
        if len(sizes) < SIZES.size:
            return None
        head_bytes, body_bytes = SIZES.unpack(sizes)
        head = self._reader.read(head_bytes)
        body = self._reader.read(body_bytes)
        if len(head) < head_bytes or len(body) < body_bytes:
            return None
        return json.loads(head), body

    def write(self, head: Head, body: bytes = b"") -> None:
        """Send a frame."""
        with self._lock:
            self._writer.write(pack(head, len(body)))
            self._writer.write(body)
            self._writer.flush()
