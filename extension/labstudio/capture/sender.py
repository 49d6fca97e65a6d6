"""The sender: ``python -m labstudio.capture.sender FOLDER``, one process for each spool.

It reads the lines that a kernel wrote and brings them to MLflow in their order. It ends, and takes
the spool away, when the kernel is gone and all is sent. While the server is away it waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.capture import spool
from labstudio.errors import Conflict, InvalidInput, NotFound, StudioError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labstudio.capture.wires import Wire

Record = dict[str, Any]

POLL_S = 0.05
# So long metrics are gathered, unless somebody waits for them.
GATHER_S = 0.8
CHUNK_BYTES = 1 << 20
LONGEST_PAUSE_S = 5.0
GIVE_UP_S = 7 * 86_400.0
ENOUGH = 1000
NICER = 5


class Sender:
    """Brings one spool to its server.

    Parameters
    ----------
    folder
        The spool.
    wire
        The way to the server.
    """

    def __init__(self, folder: Path, wire: Wire) -> None:
        self._folder = folder
        self._wire = wire
        self._lines = (folder / spool.LINES).open("rb")
        self._sent = spool.sent(folder)
        self._mark = os.open(folder / spool.SENT, os.O_RDWR | os.O_CREAT, 0o600)

    def run(self) -> None:
        """Send until the writer is gone and nothing is left."""
        quiet_since = time.monotonic()
        while True:
            if not self._folder.exists():
                return  # Taken away with its home.
            left = not spool.is_free(self._folder, spool.WRITER_LOCK)
            size = os.fstat(self._lines.fileno()).st_size
            if size == self._sent:
                if not left:
                    return
                quiet_since = time.monotonic()
            elif not left or self._urgent() or time.monotonic() - quiet_since > GATHER_S:
                self._send()
                quiet_since = time.monotonic()
                continue
            time.sleep(POLL_S)

    def _urgent(self) -> bool:
        """Tell whether somebody waits, or more than metrics is to be sent."""
        content = self._peek()
        return len(content) >= CHUNK_BYTES or b'{"sync"' in content or b'"o":' in content

    def _peek(self) -> bytes:
        return os.pread(self._lines.fileno(), CHUNK_BYTES, self._sent)

    def _send(self) -> None:
        content = self._peek()
        whole = content[: content.rfind(b"\n") + 1]
        for records, length in gathered(whole):
            self._deliver(records)
            self._sent += length
            os.pwrite(self._mark, b"%-20d" % self._sent, 0)

    def _deliver(self, records: list[Record]) -> None:
        """Send some records of one kind; wait as long as the server is away."""
        pause, until = 0.2, time.monotonic() + GIVE_UP_S
        while True:
            try:
                self._hand_over(records)
            except Unavailable:
                # A spool that was taken away with its home leaves nothing to send.
                if time.monotonic() > until or not self._folder.exists():
                    raise
                time.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE_S)
            except (InvalidInput, NotFound, Conflict) as error:
                if len(records) > 1:
                    # One of them is refused; the others shall not be lost with it.
                    for record in records:
                        self._deliver([record])
                else:
                    self._refuse(error)
                return
            else:
                return

    def _hand_over(self, records: list[Record]) -> None:
        first = records[0]
        if "m" in first:
            self._wire.metrics(first["r"], records)
            return
        match first.get("o"):
            case "params":
                self._wire.params(first["r"], first["v"])
            case "tags":
                self._wire.tags(first["r"], first["v"])
            case "inputs":
                self._wire.inputs(first["r"], first["v"])
            case "artifact":
                file = self._folder / first["file"]
                if file.exists():
                    self._wire.artifact(first["r"], first["path"], file)
                    file.unlink()
            case "end":
                self._wire.end(first["r"], first["status"], first["t"])
            case _:
                pass

    def _refuse(self, error: StudioError) -> None:
        with contextlib.suppress(OSError), (self._folder / spool.REFUSED).open("a") as file:
            file.write(f"{error.message}\n")


def gathered(content: bytes) -> Iterator[tuple[list[Record], int]]:
    """Yield records in order with the length of their lines, metrics of one run together."""
    records: list[Record] = []
    length = count = 0
    for line in content.splitlines(keepends=True):
        try:
            record = json.loads(line)
        except ValueError:
            record = {}
        metrics = len(record.get("m", ()))
        joins = metrics and records and records[0].get("r") == record["r"] and "m" in records[0]
        if records and not (joins and count + metrics <= ENOUGH):
            yield records, length
            records, length, count = [], 0, 0
        records.append(record)
        length += len(line)
        count += metrics
    if records:
        yield records, length


def main(folder: Path) -> int:
    """Send what a spool holds; return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICER)  # Training comes first.
    lock = os.open(folder / spool.SENDER_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # Another one does it.
    from labstudio.capture.wires import wire_to

    target = json.loads((folder / spool.TARGET).read_bytes())
    try:
        Sender(folder, wire_to(target["uri"], target["home"])).run()
    except Exception:
        traceback.print_exc()
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
