"""The one thing that handlers are given: the studio, opened late, and the threads it works in."""

from __future__ import annotations

import asyncio
import getpass
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from labstudio._studio import Studio
    from labstudio.status import DaemonStatus
    from labstudio_server.moving.mover import Mover

Result = TypeVar("Result")

SETTING = "labstudio_services"
THREADS = 16
PROXY_CONNECT_S = 5.0
PROXY_IDLE_S = 120.0
PROXY_CONNECTIONS = 100


@dataclass
class ProxyClient:
    """The connections to the tracking server that all of its requests share."""

    _client: httpx.AsyncClient | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self) -> httpx.AsyncClient:
        """Make the client, once; blocks while its library is loaded, so only for threads."""
        with self._lock:
            if self._client is None:
                import httpx

                self._client = httpx.AsyncClient(
                    timeout=httpx.Timeout(PROXY_IDLE_S, connect=PROXY_CONNECT_S),
                    limits=httpx.Limits(max_connections=PROXY_CONNECTIONS),
                    trust_env=False,
                )
            return self._client

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()


@dataclass
class Services:
    """What the handlers of one server share.

    Parameters
    ----------
    home
        The studio home; empty for the default one.
    database_url
        Overrides the home's own setting; empty leaves it.
    root
        The server's root folder: paths that come over REST are below it.
    max_body_bytes
        The largest request body of the API.
    """

    home: str = ""
    database_url: str = ""
    root: Path | None = None
    max_body_bytes: int = 16 * 1024**2
    on_first_use: Callable[[], None] | None = None
    daemon_status: Callable[[], DaemonStatus | None] = lambda: None
    mover: Mover | None = None
    proxy: ProxyClient = field(default_factory=ProxyClient)
    _studio: Studio | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="labstudio")
    )

    def studio(self) -> Studio:
        """Open the studio, once; blocks, so only for threads of the executor."""
        with self._lock:
            if self._studio is None:
                from labstudio._studio import Studio

                overrides = {"database_url": self.database_url} if self.database_url else {}
                self._studio = Studio(self.home or None, **overrides)
            return self._studio

    async def call(self, verb: Callable[[Studio], Result]) -> Result:
        """Run a verb of the studio in a thread, so that the loop is never blocked."""
        if self.on_first_use is not None:
            self.on_first_use()
        return await self.run(lambda: verb(self.studio()))

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run any blocking work in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, work, *arguments)

    async def close(self) -> None:
        """Let threads end and close the studio's database; what runs in the daemon goes on."""
        await self.proxy.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            if self._studio is not None:
                self._studio.close()
                self._studio = None


def system_user() -> str:
    """Return the name under which this server's process runs."""
    return getpass.getuser()
