"""The link to a host: one SSH connection, made again when it is lost.

Everything goes over it at once: commands with their streams, unix sockets led here, and the
helper that works there (`labstudio.compute.ssh.remote`). A link belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.compute.ssh.faults import known_hosts_files, told, untrusted
from labstudio.errors import StudioError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncssh import SSHClientConnection, SSHClientProcess, SSHKey

    from labstudio.compute.ssh.settings import SshSettings

log = logging.getLogger(__name__)

# The quickest of the good ciphers first; where it is not spoken, what AsyncSSH proposes.
QUICK = "aes128-gcm@openssh.com,aes256-gcm@openssh.com"
FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 5.0
# A host that refuses us does not change its mind soon, and may count how often it was asked.
REFUSED_RETRY_S = 30.0
WINDOW_BYTES = 32 << 20
PACKET_BYTES = 1 << 18


class Link:
    """A connection to a host that is kept.

    Parameters
    ----------
    settings
        The host, and how it is reached.
    """

    def __init__(self, settings: SshSettings) -> None:
        self.settings = settings
        self._connection: SSHClientConnection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._trouble: StudioError | None = None
        self._asked = asyncio.Event()
        self._tried = asyncio.Event()
        self._leads: dict[str, Path] = {}
        self._on_up: list[Callable[[SSHClientConnection], Awaitable[None]]] = []
        self._on_down: list[Callable[[], None]] = []

    # -- being connected

    @property
    def up(self) -> bool:
        """Whether the host is reached now."""
        return self._connection is not None

    def reachable(self) -> str | None:
        """Say why the host cannot be reached now; None while it can, or nobody has tried."""
        if self._connection is not None or self._trouble is None:
            return None
        return self._trouble.message

    async def connection(self) -> SSHClientConnection:
        """Return the connection, made if there was none; one that was lost is not waited for.

        Raises
        ------
        Unavailable
            When the host is not reached; it is tried again and again meanwhile.
        StudioError
            When waiting does not help: an unknown host key, a key that is not let in.
        """
        if self._connection is not None:
            return self._connection
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())
        elif isinstance(self._trouble, Unavailable):
            raise self._trouble
        self._asked.set()
        self._tried.clear()
        await self._tried.wait()
        return self._made()

    def _made(self) -> SSHClientConnection:
        if self._connection is None:
            assert self._trouble is not None
            raise self._trouble
        return self._connection

    def on_up(self, what: Callable[[SSHClientConnection], Awaitable[None]]) -> None:
        """Have something done with each new connection, before others may use it."""
        self._on_up.append(what)

    def on_down(self, what: Callable[[], None]) -> None:
        """Have something done when the connection is lost."""
        self._on_down.append(what)

    async def close(self) -> None:
        """Let go; whoever asks for a connection after that has a new one made."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        connection, self._connection, self._trouble = self._connection, None, None
        if connection is not None:
            connection.abort()
            for each in self._on_down:
                each()

    async def _keep(self) -> None:
        pause = FIRST_RETRY_S
        while True:
            self._asked.clear()
            try:
                connection = await self._open()
                for there, here in list(self._leads.items()):
                    await self._lead(connection, there, here)
                for prepare in self._on_up:
                    await prepare(connection)
            except Exception as error:
                # Whatever it is: it is told to those who wait, and tried again.
                self._trouble = told(error, self.settings.host, self.settings.user or "you")
                self._tried.set()
                await self._pause(pause)
                pause = min(2 * pause, LONGEST_RETRY_S)
                continue
            pause, self._trouble, self._connection = FIRST_RETRY_S, None, connection
            self._tried.set()
            await connection.wait_closed()
            self._connection = None
            self._trouble = Unavailable(f"The link to {self.settings.host} is lost.")
            log.info("The link to %s is lost; connecting again.", self.settings.host)
            for each in self._on_down:
                each()

    async def _pause(self, pause: float) -> None:
        """Wait before the next try; where we are refused, for long or until somebody asks."""
        await asyncio.sleep(pause)
        if isinstance(self._trouble, Unavailable):
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), REFUSED_RETRY_S)

    async def _open(self) -> SSHClientConnection:
        """Connect, through the hosts between, checking each one's key."""
        settings = self.settings
        options = await self._options(settings.host, settings.port, settings.user)
        hops = settings.jump or [hop for hop in str(options.tunnel or "").split(",") if hop]
        tunnel: SSHClientConnection | None = None
        try:
            for hop in hops:
                user, _, place = hop.rpartition("@")
                host, _, port = place.partition(":")
                tunnel = await self._reach(host, int(port) if port else None, user or None, tunnel)
            return await self._reach(settings.host, settings.port, settings.user, tunnel)
        except BaseException:
            if tunnel is not None:
                tunnel.abort()
            raise

    async def _reach(
        self,
        host: str,
        port: int | None,
        user: str | None,
        tunnel: SSHClientConnection | None,
    ) -> SSHClientConnection:
        import asyncssh

        offered: list[tuple[str, str, int, SSHKey]] = []

        class Client(asyncssh.SSHClient):
            def validate_host_public_key(
                self, host: str, addr: str, port: int, key: SSHKey
            ) -> bool:
                offered.append((host, addr, port, key))
                return False

        options = await self._options(host, port, user)
        # No way around the check: `UserKnownHostsFile none` and the like do not switch it off.
        files = known_hosts_files(self.settings)
        if not self.settings.known_hosts and isinstance(options.known_hosts, list):
            files = [*map(str, options.known_hosts)] or files
        try:
            # A tunnel of () would be taken from ssh's settings once more.
            connection = await asyncssh.connect(
                host,
                options=options,
                config=None,
                client_factory=Client,
                known_hosts=files or b"",
                tunnel=tunnel,
            )
        except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
            known = _is_known(files, options.host, "", options.port)
            if isinstance(error, asyncssh.KeyExchangeFailed) and not known:
                raise
            at, _, number, key = offered[0] if offered else (options.host, "", options.port, None)
            raise untrusted(at, number, key, files, known=known) from error
        except (OSError, asyncssh.Error) as error:
            raise told(error, host, options.username) from error
        if tunnel is not None:
            connection.set_tunnel(tunnel)
        return connection

    async def _options(self, host: str, port: int | None, user: str | None) -> Any:
        import asyncssh

        settings = self.settings
        config = Path(settings.config).expanduser() if settings.config else None
        given: dict[str, Any] = {}
        if port is not None:
            given["port"] = port
        if user is not None:
            given["username"] = user
        if settings.identity_file:
            given["client_keys"] = [str(Path(key).expanduser()) for key in settings.identity_file]
        if not settings.agent:
            given["agent_path"] = None
        try:
            return await asyncssh.SSHClientConnectionOptions.construct(
                host=host,
                config=[str(config)] if config is not None and config.is_file() else [],
                encryption_algs=f"^{QUICK}",
                compression_algs=["none"],
                connect_timeout=settings.connect_timeout_s,
                login_timeout=settings.connect_timeout_s,
                keepalive_interval=settings.keepalive_s,
                # AsyncSSH gives up one question later than it says.
                keepalive_count_max=settings.keepalive_count - 1,
                **given,
            )
        except Exception as error:
            raise told(error, host, user or "you") from error

    # -- using it

    async def start(self, command: str) -> SSHClientProcess[bytes]:
        """Start a command there; its streams carry bytes, and a window that fills a fast link."""
        connection = await self.connection()
        return await start(connection, command)

    async def run(self, command: str, content: bytes = b"") -> tuple[int, bytes, bytes]:
        """Run a command there to its end; return its exit code, output, and errors."""
        process = await self.start(command)
        output, errors = await process.communicate(content)
        code = process.exit_status
        return -1 if code is None else code, output or b"", errors or b""

    async def lead_here(self, there: str, here: Path) -> None:
        """Lead a unix socket of the host to one of this machine, over cuts of the link too.

        A host whose sshd forbids that is used without; the log says so.
        """
        if there not in self._leads:
            self._leads[there] = here
            await self._lead(await self.connection(), there, here)

    async def _lead(self, connection: SSHClientConnection, there: str, here: Path) -> None:
        import asyncssh

        # What the last connection left: sshd itself does not remove it.
        await connection.run(f"rm -f -- {shlex.quote(there)}", check=True)
        try:
            await connection.forward_remote_path(there, str(here))
        except asyncssh.ChannelListenError as error:
            log.warning("%s leads no socket here: %s", self.settings.host, error)

    def lead_no_more(self, there: str) -> None:
        """Let a socket that was led not be led again."""
        self._leads.pop(there, None)


async def start(connection: SSHClientConnection, command: str) -> SSHClientProcess[bytes]:
    """Start a command over a connection, with binary streams."""
    return await connection.create_process(
        command, encoding=None, window=WINDOW_BYTES, max_pktsize=PACKET_BYTES
    )


def _is_known(files: list[str], host: str, address: str, port: int) -> bool:
    """Say whether the files hold any key of a host."""
    import asyncssh

    if not files:
        return False
    matched = asyncssh.match_known_hosts(files, host, address, port if port != 22 else None)
    return any(matched[:2])
