"""An attempt's folder as lines of text: what a driver prints on a node, and a follower reads here.

Each line is one frame, numbered from 0 without a gap. A line that is none (Ray writes some too) is
passed over. Files that only grow are sent from where they were; others whole, in as many frames as
they need, one after another, and appear here when the last of them has come.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import Any

MARK = b"#labstudio "
BEAT = MARK + b"beat"
CHUNK_BYTES = 256 * 1024


class Damaged(ValueError):
    """A line that is a frame, and is not whole."""


@dataclass(frozen=True)
class Frame:
    """A piece of one file.

    Parameters
    ----------
    number
        Its place in the order of all.
    file
        The file's path in the attempt's folder; empty for the last frame.
    at
        Where in the file the piece lies, in bytes.
    size
        The whole file's length in bytes; None for a file that grows.
    mode
        The file's permissions.
    data
        The piece.
    """

    number: int
    file: str
    at: int = 0
    size: int | None = None
    mode: int = 0o600
    data: bytes = b""

    @property
    def ends(self) -> bool:
        """Whether nothing comes after it."""
        return not self.file

    @property
    def completes(self) -> bool:
        """Whether its file is whole with it."""
        return self.size is not None and self.at + len(self.data) >= self.size


def encode(frame: Frame) -> bytes:
    """Return a frame as a line."""
    packed = base64.b64encode(zlib.compress(frame.data, 3)).decode()
    fields: dict[str, Any] = {"n": frame.number, "file": frame.file, "at": frame.at}
    if frame.size is not None:
        fields |= {"of": frame.size, "mode": frame.mode}
    fields["data"] = packed
    body = json.dumps(fields).encode()
    return MARK + hashlib.sha256(body).hexdigest()[:16].encode() + b" " + body + b"\n"


def decode(line: bytes) -> Frame | None:
    """Read a line; None when it is no frame.

    Raises
    ------
    Damaged
        When it was one.
    """
    if not line.startswith(MARK) or line == BEAT:
        return None
    digest, _, body = line[len(MARK) :].partition(b" ")
    if hashlib.sha256(body).hexdigest()[:16].encode() != digest:
        raise Damaged("A line of the job's log came damaged.")
    fields = json.loads(body)
    data = zlib.decompress(base64.b64decode(fields["data"]))
    return Frame(
        number=fields["n"],
        file=fields["file"],
        at=fields["at"],
        size=fields.get("of"),
        mode=fields.get("mode", 0o600),
        data=data,
    )
