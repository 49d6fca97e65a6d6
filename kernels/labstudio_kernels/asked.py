"""The code that clients asked a kernel to run and that has not been answered: kept over a keeper.

A kernel answers its keeper, and forgets what it said to one that was not there. So what is waited
for stands in a file too: the next keeper learns from it which answers never came.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Execution:
    """Code that a client asked to run.

    Parameters
    ----------
    names
        The frames that lead an answer to the client.
    header
        Of the message that asked.
    """

    def __init__(self, names: list[bytes], header: dict[str, Any]) -> None:
        self.names = names
        self.header = header


class Asked:
    """What is waited for, oldest first, by the id of the message that asked.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._waiting = self._read()
        self._restored = set(self._waiting)

    @property
    def inherited(self) -> bool:
        """Whether an earlier keeper left something that is waited for."""
        return bool(self._restored)

    def add(self, execution: Execution) -> None:
        """Wait for one more."""
        self._waiting[execution.header["msg_id"]] = execution
        self._write()

    def answered(self, message_id: str | None) -> None:
        """Wait for it no longer."""
        if message_id in self._waiting:
            del self._waiting[message_id]
            self._write()

    def take(self) -> list[Execution]:
        """Return all that is waited for, and wait for none of it."""
        taken = list(self._waiting.values())
        if taken:
            self._waiting.clear()
            self._write()
        return taken

    def take_lost(self) -> list[Execution]:
        """Return what an earlier keeper waited for and nobody answered; called once.

        By now the kernel has answered a request that was made after all of these.
        """
        lost = [self._waiting.pop(each) for each in self._restored if each in self._waiting]
        self._restored.clear()
        if lost:
            self._write()
        return lost

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _read(self) -> dict[str, Execution]:
        try:
            rows = json.loads(os.pread(self._file, os.fstat(self._file).st_size, 0))
        except ValueError:
            # Empty, or cut short by the end of the keeper that wrote it.
            return {}
        return {
            header["msg_id"]: Execution([bytes.fromhex(name) for name in names], header)
            for names, header in rows
        }

    def _write(self) -> None:
        rows = [
            ([name.hex() for name in each.names], each.header) for each in self._waiting.values()
        ]
        content = json.dumps(rows).encode()
        os.pwrite(self._file, content, 0)
        os.ftruncate(self._file, len(content))
