"""From what was raised to what is answered: one error shape, one place that decides the status."""

from __future__ import annotations

import errno
import sqlite3
import sys
from dataclasses import dataclass, field
from http.client import responses
from typing import Any

from tornado.web import HTTPError

from labstudio.errors import StudioError

_CODES = {
    400: "invalid_input",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    416: "range_not_satisfiable",
    502: "bad_gateway",
    503: "unavailable",
}
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})

_SENTENCES = {
    403: "You are not logged in, or are not allowed to do this.",
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    413: "What was sent is too large.",
    500: "Something went wrong that was not foreseen; the server's log says what.",
    503: "The studio cannot do this now.",
}


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


def answer_for(error: BaseException | None, status: int = 500) -> Answer:
    """Decide what a client is told of an error.

    Parameters
    ----------
    error
        What was raised; None when a status was set without one.
    status
        The status to use when the error does not say.
    """
    if isinstance(error, StudioError):
        return Answer(error.status, error.code, error.message, error.details)
    if isinstance(error, HTTPError):
        status = error.status_code
        return Answer(status, _CODES.get(status, "error"), _sentence(status, error))
    if message := unavailable(error):
        return Answer(503, "unavailable", message)
    if error is not None:
        status = 500
    return Answer(status, _CODES.get(status, "internal"), _sentence(status))


def _sentence(status: int, error: HTTPError | None = None) -> str:
    """Tornado's own message where it is a sentence; arguments are left out, they may be secret."""
    told = error.log_message if error is not None else None
    if told and not (error and error.args) and status != 500:
        return told if told.endswith((".", "!", "?")) else f"{told}."
    return _SENTENCES.get(status, f"{responses.get(status, 'Unknown error')}.")


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
