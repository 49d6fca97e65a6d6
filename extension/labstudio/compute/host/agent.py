"""Serves folders of a host to the machine that started this program, over its standard streams.

Frames go both ways: four bytes of length, one that says whether JSON or data follows, and that. A
request is JSON with a verb; the content of files is data, and an empty frame ends each.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

from .entries import Change, Entry, Limits, State
from .folder import Folder

HEAD = struct.Struct(">IB")
JSON, DATA = 0, 1
FRAME_LIMIT = 256 << 20


def pack(content: object) -> bytes:
    """Return the frame of something that JSON can say."""
    body = json.dumps(content).encode()
    return HEAD.pack(len(body), JSON) + body


def pack_data(piece: bytes) -> bytes:
    """Return the frame of a piece of content."""
    return HEAD.pack(len(piece), DATA) + piece


def pack_state(state: State) -> dict[str, Any]:
    """Return what a folder holds, for JSON; its digest tells whether it is another state."""
    content = {"entries": state.entries, "left_out": state.left_out}
    said = json.dumps(content, sort_keys=True).encode()
    return {**content, "digest": hashlib.sha256(said).hexdigest()}


def unpack_state(content: dict[str, Any]) -> State:
    """Return what a folder holds, as `pack_state` told it."""
    entries = {path: Entry(*entry) for path, entry in content["entries"].items()}
    return State(entries, content["left_out"])


def unpack_change(content: list[Any]) -> Change:
    """Return a change, as JSON told it."""
    path, entry, source = content
    return Change(path, None if entry is None else Entry(*entry), source)


class Agent:
    """Answers the requests of one connection.

    Parameters
    ----------
    reader, writer
        Where requests come from, and answers go.
    """

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._folder: Folder
        self._bad: dict[str, str] = {}

    def serve(self) -> None:
        """Answer until the other side ends."""
        while True:
            kind, body = self._receive()
            if kind is None:
                return
            request = json.loads(body)
            try:
                answer = getattr(self, "do_" + request.pop("verb"))(**request)
            except (OSError, ValueError) as error:
                answer = {"error": getattr(error, "strerror", None) or str(error)}
            if answer is not None:
                self._send(pack(answer))
            self._writer.flush()

    def do_open(self, root: str, store: str) -> dict[str, Any]:
        """Choose the folder that all that follows is about."""
        self._folder = Folder(Path(root).expanduser(), Path(store).expanduser())
        return {"root": str(self._folder.root)}

    def do_scan(self, rules: list[Any], limits: list[Any], known: str) -> dict[str, Any]:
        """Tell what lies in it, or that it is what the other side knows already."""
        state = pack_state(self._folder.scan(rules, Limits(*limits)))
        return {"digest": known} if state["digest"] == known else state

    def do_missing(self, hashes: list[str]) -> dict[str, Any]:
        """Tell which contents must still be sent."""
        return {"missing": self._folder.missing(hashes)}

    def do_stage(self, sha256: str, size: int | None = None) -> None:
        """Take in some content; what goes wrong is told with the changes that need it."""
        whole = False
        try:
            with self._folder.staging(sha256, size) as staging:
                while piece := self._receive()[1]:
                    staging.write(piece)
                whole = True
        except (OSError, ValueError) as error:
            while not whole and self._receive()[1]:
                pass
            self._bad[sha256] = getattr(error, "strerror", None) or str(error)

    def do_read(self, paths: list[str]) -> None:
        """Send the content of some files, each with the reason where it cannot be had."""
        for path in paths:
            failure = ""
            try:
                for piece in self._folder.read(path):
                    self._send(pack_data(piece))
            except (OSError, ValueError) as error:
                failure = getattr(error, "strerror", None) or str(error)
            self._send(pack_data(b""))
            self._send(pack({"failure": failure}))

    def do_commit(self, changes: list[list[Any]]) -> dict[str, Any]:
        """Make changes, with the content that was staged."""
        failed = self._folder.commit([unpack_change(each) for each in changes])
        bad, self._bad = self._bad, {}
        for path, entry, _source in changes:
            if path in failed and entry is not None and entry[1] in bad:
                failed[path] = bad[entry[1]]
        return {"failed": failed}

    def _send(self, frame: bytes) -> None:
        self._writer.write(frame)

    def _receive(self) -> tuple[int | None, bytes]:
        head = self._reader.read(HEAD.size)
        if len(head) < HEAD.size:
            return None, b""
        length, kind = HEAD.unpack(head)
        if length > FRAME_LIMIT:
            raise SystemExit("labstudio: a frame is too long.")
        body = self._reader.read(length)
        return (kind, body) if len(body) == length else (None, b"")


def main() -> None:
    """Serve over the standard streams."""
    Agent(sys.stdin.buffer, sys.stdout.buffer).serve()
