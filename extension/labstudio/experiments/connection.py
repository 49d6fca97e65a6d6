"""The way to the studio's MLflow tracking server: where it is, its door, and requests to it."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labstudio.errors import Unavailable
from labstudio.experiments.wire import is_safe, raise_for, unavailable

if TYPE_CHECKING:
    import httpx

    from labstudio.home import Home

CONNECT_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Connection:
    """Where the tracking server is, and the token that it wants."""

    url: str
    token: str = field(repr=False)
    user: str = ""
    """Who it is, where the token is a password."""
    elsewhere: bool = False
    """Whether somebody else runs it."""


def connection(home: Home) -> Connection:
    """Return where the home's tracking server is; it may be starting still.

    Raises
    ------
    Unavailable
        When none was ever started in this home.
    """
    from labstudio.experiments.server import read_tracking_json

    content = read_tracking_json(home)
    url, token = content.get("url"), content.get("token")
    if not isinstance(url, str) or not isinstance(token, str):
        raise Unavailable("The tracking server has not been started; start the daemon.")
    return Connection(url, token, str(content.get("user", "")), bool(content.get("elsewhere")))


def is_ready(home: Home, timeout_s: float = 1.0) -> bool:
    """Tell whether the tracking server answers within `timeout_s` seconds."""
    import httpx

    try:
        here = connection(home)
        address, door = f"{here.url}/health", authorization(here)
        answer = httpx.get(address, headers=door, timeout=timeout_s, trust_env=here.elsewhere)
    except (Unavailable, httpx.HTTPError):
        return False
    return answer.status_code == httpx.codes.OK


def authorization(to: Connection) -> dict[str, str]:
    """Return the header that the tracking server wants."""
    if to.user:
        pair = base64.b64encode(f"{to.user}:{to.token}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {to.token}"} if to.token else {}


class Client:
    """Requests to the tracking server of a home; safe to use from several threads.

    Parameters
    ----------
    home
        Its ``tracking.json`` is read on first use, and again when the server has moved.
    timeout_s
        How long one request may take. While the server starts, requests wait for it.
    """

    def __init__(self, home: Home, timeout_s: float = 30.0) -> None:
        self._home = home
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._connection: Connection | None = None

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = self._connection = None

    def call(self, method: str, path: str, /, **values: Any) -> dict[str, Any]:
        """Send a request of MLflow's API and return its answer; None values are left out."""
        given = {name: value for name, value in values.items() if value is not None}
        body = {"params": given} if method == "GET" else {"json": given}
        answer = self.send(method, path, **body).json()
        if not isinstance(answer, dict):
            raise Unavailable("The tracking server gave an answer that is not understood.")
        return answer

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request, once more if the server has moved, and raise what it refuses."""
        import httpx

        for last in (False, True):
            client = self._open()
            try:
                answer = client.request(method, path, **options)
            except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError) as error:
                # Nobody listens, or the server was restarted under a kept connection.
                self._moved()
                if last or not is_safe(method, error):
                    raise unavailable(error) from error
            except httpx.HTTPError as error:
                raise unavailable(error) from error
            else:
                if answer.status_code == httpx.codes.UNAUTHORIZED and not last and self._moved():
                    continue
                raise_for(answer)
                return answer
        raise AssertionError  # the second turn returns or raises

    def _open(self) -> httpx.Client:
        """Return the client, made for where the server is said to be."""
        import httpx

        with self._lock:
            if self._client is None:
                self._connection = self._where()
                self._client = httpx.Client(
                    base_url=self._connection.url,
                    headers=authorization(self._connection),
                    timeout=httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S),
                    # A proxy of the environment must not see loopback traffic and the token.
                    trust_env=self._connection.elsewhere,
                )
            return self._client

    def _where(self) -> Connection:
        return connection(self._home)

    def _moved(self) -> bool:
        """Tell whether the server has another address or token now, and forget the old ones."""
        try:
            now = self._where()
        except Unavailable:
            return False
        if now == self._connection:
            return False
        self.close()
        return True
