"""From what was raised to what is answered: one error shape, whoever answers."""

from __future__ import annotations

import errno
import sqlite3
import sys
from dataclasses import dataclass, field
from http.client import responses
from typing import Any

from labstudio.errors import StudioError

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})

UNFORESEEN = "Something went wrong that was not foreseen; the server's log says what."


@dataclass(frozen=True)
class Answer:
    """An error as it is sent."""

    status: int
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object that every error's answer is."""
        return {
            "message": self.message,
            "reason": responses.get(self.status, "Unknown"),
            "code": self.code,
            "details": self.details,
        }


def answer_for(error: BaseException) -> Answer:
    """Decide what a client is told of an error; only the log has more of one nobody foresaw."""
    if isinstance(error, StudioError):
        return Answer(error.status, error.code, error.message, error.details)
    if message := unavailable(error):
        return Answer(503, "unavailable", message)
    return Answer(500, "internal", UNFORESEEN)


def unavailable(error: BaseException | None) -> str | None:
    """One sentence if the disk or the database cannot be used now; None for any other error."""
    if isinstance(error, OSError):
        return _disk_sentence(error)
    # SQLAlchemy is not loaded here on purpose: where it raised, it is loaded already.
    alchemy = sys.modules.get("sqlalchemy.exc")
    if alchemy is not None and isinstance(error, alchemy.DBAPIError):
        cause = error.orig
        if isinstance(cause, sqlite3.Error):
            return _sqlite_sentence(cause)
        if isinstance(error, alchemy.OperationalError | alchemy.InterfaceError):
            return "The studio's database cannot be reached now; try again."
    if alchemy is not None and isinstance(error, alchemy.TimeoutError):
        return "The studio's database has no connection free; try again."
    return _sqlite_sentence(error) if isinstance(error, sqlite3.Error) else None


def _disk_sentence(error: OSError) -> str:
    if error.errno in _DISK_FULL:
        return "The disk of the studio home is full; free some space and try again."
    if error.errno in _NOT_WRITABLE:
        return "The studio home cannot be written; check its permissions, or set LABSTUDIO_HOME."
    return f"The studio home cannot be used now: {error.strerror or type(error).__name__}."


def _sqlite_sentence(error: sqlite3.Error) -> str | None:
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return "The studio's database is locked by another program; try again in a few seconds."
    if "full" in text:
        return "The disk of the studio home is full; free some space and try again."
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return "The studio home cannot be written; check its permissions, or set LABSTUDIO_HOME."
    if "disk i/o" in text or "malformed" in text or "not a database" in text:
        return f"The studio's database cannot be read: {error}."
    return None
