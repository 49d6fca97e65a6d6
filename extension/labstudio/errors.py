"""What the studio raises.

Every error owns the HTTP status and the stable code that the REST API answers with, so that
no handler needs an ``except`` of its own, and the CLI can tell a wrong call from failed work.
"""

from __future__ import annotations

from typing import Any, ClassVar


class StudioError(Exception):
    """Base of every error that the studio raises on purpose.

    Parameters
    ----------
    message
        One clear sentence for the person who made the call; it names the field that is wrong.
    **details
        Machine-readable facts beside the sentence, such as ``field`` or ``job_id``.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidInput(StudioError):
    """A value that was given cannot be used; ``details["field"]`` names it."""

    status = 400
    code = "invalid_input"

    def __init__(self, message: str, *, field: str, **details: Any) -> None:
        super().__init__(message, field=field, **details)


class Unauthenticated(StudioError):
    """Who asks is not known: the token is missing, wrong or too old."""

    status = 401
    code = "unauthenticated"


class Forbidden(StudioError):
    """The authorizer, or the file system, says no."""

    status = 403
    code = "forbidden"


class NotFound(StudioError):
    """There is no such object."""

    status = 404
    code = "not_found"


class Conflict(StudioError):
    """The object's state does not allow the verb."""

    status = 409
    code = "conflict"


class TooLarge(StudioError):
    """What was sent exceeds a stated limit in bytes."""

    status = 413
    code = "too_large"


class Unavailable(StudioError):
    """Something that the verb needs (the daemon, the database, the disk) cannot be used now."""

    status = 503
    code = "unavailable"


class JobFailed(StudioError):
    """A job whose result was asked for did not succeed."""

    status = 409
    code = "job_failed"


class CannotCarry(InvalidInput):
    """Some names cannot travel with a cell or function; ``details["names"]`` says why for each."""

    code = "cannot_carry"
