"""A cluster's dashboard as the studio speaks to it: Ray's Jobs and state REST API.

Ray's own `JobSubmissionClient` is not used: it takes token and address from the environment of the
process (a daemon knows several clusters), sets no limit to how long a request may hang, and loads
100 MB of Ray into the daemon. With REST, a studio without Ray uses a cluster of any version.
"""

from __future__ import annotations

import contextlib
import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from labstudio.errors import InvalidInput, Unavailable
from labstudio.jobs.runner.faults import Stopped

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from threading import Event

DASHBOARD_PORT = 8265
TIMEOUT_S = 10.0
# A cluster's first job has its dashboard join the cluster before it answers.
SUBMIT_TIMEOUT_S = 60.0
UPLOAD_TIMEOUT_S = 300.0
# The driver on the node says something at least this often; see `driver.BEAT_S`.
SILENCE_S = 12.0
FOLLOW_INTERVAL_S = 0.2
PACKAGE_BYTES = 90 << 20
"""The dashboard refuses bodies above 100 MiB."""

PIECE_BYTES = 256 * 1024

PENDING, RUNNING, STOPPED, FAILED = "PENDING", "RUNNING", "STOPPED", "FAILED"
TERMINAL = frozenset({STOPPED, FAILED, "SUCCEEDED"})


def dashboard_url(address: str) -> str:
    """Return the dashboard's URL of an address in any form that Ray's users know.

    Raises
    ------
    InvalidInput
        When it names no host.
    """
    parts = urlsplit(address if "://" in address else f"http://{address}")
    if parts.scheme not in ("http", "https", "ray") or not parts.hostname:
        raise InvalidInput(
            f"address {address!r} is not a Ray dashboard's, such as http://head:8265.",
            field="address",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.scheme == "ray":  # Its port is Ray Client's; the dashboard has one of its own.
        return f"http://{host}:{DASHBOARD_PORT}"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


class Dashboard:
    """Requests to one cluster, each with an end.

    Parameters
    ----------
    address
        The dashboard's URL.
    token_file
        Holds the cluster's token; None where it asks for none.
    ca_file
        Certificates that it is trusted by; None for those of the system.
    """

    def __init__(self, address: str, token_file: str | None, ca_file: str | None) -> None:
        self.address = address
        self._token_file = token_file
        trusted = str(Path(ca_file).expanduser()) if ca_file is not None else None
        self._options: dict[str, Any] = {
            "base_url": address,
            "timeout": TIMEOUT_S,
            "trust_env": False,
            "verify": ssl.create_default_context(cafile=trusted),
        }
        self._client = httpx.Client(**self._options)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def asynchronous(self) -> httpx.AsyncClient:
        """Return a client for the loop that follows jobs."""
        return httpx.AsyncClient(**self._options)

    def headers(self) -> dict[str, str]:
        """Return what proves who we are; the token's file is read anew, for it may be renewed.

        Raises
        ------
        InvalidInput
            When the file cannot be read.
        """
        if self._token_file is None:
            return {}
        try:
            token = Path(self._token_file).expanduser().read_text().strip()
        except OSError as error:
            raise InvalidInput(
                f"token_file: {self._token_file} cannot be read: {error.strerror}.",
                field="token_file",
            ) from error
        return {"Authorization": f"Bearer {token}"}

    # -- jobs

    def version(self) -> str:
        """Return which Ray the cluster runs."""
        return str(self._get("/api/version")["ray_version"])

    def submit(self, request: dict[str, Any]) -> bool:
        """Submit a job; False where there is one of that id already."""
        answer = self._send("POST", "/api/jobs/", json=request, timeout=SUBMIT_TIMEOUT_S)
        if answer.is_success:
            return True
        if "already exists" in answer.text:
            return False
        raise _refused(answer, "refuses the job")

    def job(self, submission: str) -> dict[str, Any] | None:
        """Return what the cluster knows of a job; None when it knows none."""
        answer = self._send("GET", f"/api/jobs/{submission}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return dict(_checked(answer).json())

    def jobs(self) -> list[dict[str, Any]]:
        """Return every job that the cluster remembers."""
        return list(self._get("/api/jobs/"))

    def stop(self, submission: str) -> None:
        """Ask a job to end; nothing to do where there is none."""
        self._forgiving("POST", f"/api/jobs/{submission}/stop")

    def delete(self, submission: str) -> None:
        """Remove the record of a job that has ended; nothing to do where there is none."""
        self._forgiving("DELETE", f"/api/jobs/{submission}")

    # -- packages

    def upload(self, name: str, make: Callable[[], bytes], given_up: Event | None = None) -> str:
        """Bring a package there, made when it is not there; return its URI.

        Raises
        ------
        Stopped
            When it was given up.
        """
        path = f"/api/packages/gcs/{name}"
        if self._send("GET", path).status_code == httpx.codes.NOT_FOUND:
            content = make()
            sent = _pieces(content, given_up)
            headers = {"Content-Length": str(len(content))}
            _checked(self._send("PUT", path, headers, content=sent, timeout=UPLOAD_TIMEOUT_S))
        return f"gcs://{name}"

    # -- machines

    def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes that live, each with `resources_total`."""
        found = self._get("/api/v0/nodes?detail=1&limit=10000")["data"]["result"]["result"]
        return [each for each in found if each["state"] == "ALIVE"]

    def usage(self) -> list[dict[str, Any]]:
        """Return what the machines of the nodes that live do."""
        found = self._get("/nodes?view=summary")["data"]["summary"]
        return [each for each in found if each["raylet"].get("state") == "ALIVE"]

    # -- requests

    def _get(self, path: str) -> Any:
        return _checked(self._send("GET", path)).json()

    def _forgiving(self, method: str, path: str) -> None:
        answer = self._send(method, path)
        if answer.status_code != httpx.codes.NOT_FOUND:
            _checked(answer)

    def _send(
        self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        told = {**self.headers(), **(headers or {})}
        try:
            return self._client.request(method, path, headers=told, **options)
        except httpx.HTTPError as error:
            raise unreachable(self.address, error) from error


async def job(client: httpx.AsyncClient, dashboard: Dashboard, submission: str) -> Any:
    """Return what the cluster knows of a job, as `Dashboard.job` does."""
    try:
        answer = await client.get(f"/api/jobs/{submission}", headers=dashboard.headers())
    except httpx.HTTPError as error:
        raise unreachable(dashboard.address, error) from error
    return None if answer.status_code == httpx.codes.NOT_FOUND else _checked(answer).json()


async def lines(
    client: httpx.AsyncClient, dashboard: Dashboard, submission: str, node: str, *, follow: bool
) -> AsyncGenerator[bytes, None]:
    """Read a job's log from its beginning, line by line; a last line without an end is left out.

    Parameters
    ----------
    client, dashboard
        Whom to ask.
    submission, node
        Which job, and the id of the node that it runs on.
    follow
        Whether to go on when the end is reached; until nothing came for `SILENCE_S`.
    """
    asked: dict[str, Any] = {"submission_id": submission, "node_id": node, "lines": -1}
    if follow:
        asked["interval"] = FOLLOW_INTERVAL_S
    path = f"/api/v0/logs/{'stream' if follow else 'file'}"
    limit = httpx.Timeout(TIMEOUT_S, read=SILENCE_S)
    rest = b""
    try:
        async with client.stream(
            "GET", path, params=asked, headers=dashboard.headers(), timeout=limit
        ) as answer:
            if not answer.is_success:
                await answer.aread()
                _checked(answer)
            async for piece in answer.aiter_raw():
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    yield line
    except httpx.HTTPError as error:
        raise unreachable(dashboard.address, error) from error


def _pieces(content: bytes, given_up: Event | None) -> Iterator[bytes]:
    for at in range(0, len(content), PIECE_BYTES):
        if given_up is not None and given_up.is_set():
            raise Stopped
        yield content[at : at + PIECE_BYTES]


def unreachable(address: str, error: httpx.HTTPError) -> Unavailable:
    """Say that the dashboard does not answer."""
    why = str(error) or type(error).__name__
    return Unavailable(f"The Ray dashboard at {address} does not answer: {why}.")


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    raise _refused(answer, "answers with an error")


def _refused(answer: httpx.Response, what: str) -> Unavailable | InvalidInput:
    address = f"{answer.request.url.scheme}://{answer.request.url.netloc.decode()}"
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return InvalidInput(
            f"The Ray cluster at {address} does not take the token: set token_file to a file that "
            "holds the cluster's (`ray get-auth-token`, on the cluster, prints it).",
            field="token_file",
        )
    said = f"The Ray dashboard at {address} {what}: {last_line(_told(answer))}"
    if answer.status_code == httpx.codes.BAD_REQUEST:
        return InvalidInput(said, field="compute")
    return Unavailable(said)


def _told(answer: httpx.Response) -> str:
    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(answer.text).get("msg") or answer.text)
    return answer.text


def last_line(text: str) -> str:
    """Return the last line that says something: of a traceback, the error itself."""
    found = [line.strip() for line in text.splitlines() if line.strip()]
    return found[-1] if found else "it says nothing more."
