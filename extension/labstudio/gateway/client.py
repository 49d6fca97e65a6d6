"""HTTP to the gateway: standard library only, for it runs wherever the user's code runs."""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from labstudio import errors
from labstudio.errors import StudioError, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

API = "/labstudio/api/v1/"
TIMEOUT_S = 60.0
NO_CONTENT = 204
OK = range(200, 300)

_ERRORS = {
    each.code: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, StudioError)
}


class Client:
    """Speaks to the gateway; safe to use from several threads.

    Parameters
    ----------
    url
        Where the forwarder listens, such as ``http://127.0.0.1:40001``.
    token
        What the studio gave this job or kernel.
    """

    def __init__(self, url: str, token: str) -> None:
        self._address = urlsplit(url).netloc
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        # A connection serves one request at a time: each thread has its own.
        self._local = threading.local()

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON at a path."""
        return _read(self.send("GET", path, query=query))

    def post(self, path: str, body: object = None, timeout_s: float = TIMEOUT_S) -> Any:
        """Send an object as JSON and return what is answered, within some time."""
        content = body if isinstance(body, str) else json.dumps(body or {})
        return _read(self.send("POST", path, content.encode(), timeout_s=timeout_s))

    def put(self, path: str, file: Path) -> None:
        """Send a file's content."""
        self.send("PUT", path, file)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Path | None = None,
        query: dict[str, Any] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> bytes | None:
        """Send a request; return the body that is answered, None where there is none.

        Raises
        ------
        StudioError
            What the studio refuses, as it says it.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        address = API + path + (f"?{urlencode(given, doseq=True)}" if given else "")
        for last in (False, True):
            fresh = getattr(self._local, "line", None) is None
            try:
                status, content = self._once(method, address, body, timeout_s)
            except (OSError, http.client.HTTPException) as error:
                self._local.line = None
                # One that was kept open may have been closed meanwhile: a new one is tried. Only
                # where doing it twice does no harm, or nothing was done.
                idle = isinstance(error, http.client.RemoteDisconnected | ConnectionError)
                if last or fresh or not (idle and method in ("GET", "PUT")):
                    raise Unavailable(
                        f"The studio cannot be reached from here ({type(error).__name__})."
                    ) from error
            else:
                if status not in OK:
                    raise _error(status, content)
                return None if status == NO_CONTENT else content
        raise AssertionError  # the second turn returns or raises

    def _once(
        self, method: str, address: str, body: bytes | Path | None, timeout_s: float
    ) -> tuple[int, bytes]:
        line = getattr(self._local, "line", None)
        if line is None:
            line = self._local.line = http.client.HTTPConnection(self._address)
        line.timeout = timeout_s
        if line.sock is not None:
            line.sock.settimeout(timeout_s)
        if body is None or isinstance(body, bytes):
            line.request(method, address, body, self._headers)
        else:
            length = {"Content-Length": str(body.stat().st_size)}
            with body.open("rb") as file:
                line.request(method, address, file, self._headers | length)
        answer = line.getresponse()
        return answer.status, answer.read()


def _read(content: bytes | None) -> Any:
    return None if content is None else json.loads(content)


def _error(status: int, content: bytes) -> StudioError:
    """Return the studio's own error for an answer that refuses."""
    try:
        told = json.loads(content)
        message, code = str(told["message"]), str(told["code"])
        details = dict(told.get("details") or {})
    except (ValueError, KeyError, TypeError):
        return Unavailable(f"The studio gave an answer that is not understood ({status}).")
    kind = _ERRORS.get(code, StudioError)
    if issubclass(kind, errors.InvalidInput):
        details.setdefault("field", "request")
    return kind(message, **details)
