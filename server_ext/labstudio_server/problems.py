"""From what was raised to what is answered: one error shape, one place that decides the status."""

from __future__ import annotations

from http.client import responses

from tornado.web import HTTPError

from labstudio import problems
from labstudio.problems import UNFORESEEN, Answer

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

_SENTENCES = {
    403: "You are not logged in, or are not allowed to do this.",
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    413: "What was sent is too large.",
    500: UNFORESEEN,
    503: "The studio cannot do this now.",
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
    if isinstance(error, HTTPError):
        status = error.status_code
        return Answer(status, _CODES.get(status, "error"), _sentence(status, error))
    if error is not None:
        return problems.answer_for(error)
    return Answer(status, _CODES.get(status, "internal"), _sentence(status))


def _sentence(status: int, error: HTTPError | None = None) -> str:
    """Tornado's own message where it is a sentence; arguments are left out, they may be secret."""
    told = error.log_message if error is not None else None
    if told and not (error and error.args) and status != 500:
        return told if told.endswith((".", "!", "?")) else f"{told}."
    return _SENTENCES.get(status, f"{responses.get(status, 'Unknown error')}.")
