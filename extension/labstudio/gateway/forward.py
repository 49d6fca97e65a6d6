"""Leads 127.0.0.1:PORT to a unix socket: the way to the studio where there is no other.

In a container without a network the socket is mounted; on a host it is forwarded by SSH. What runs
there finds the studio at ``LABSTUDIO_URL`` and MLflow at ``MLFLOW_TRACKING_URI``, plain HTTP on
loopback.

    python forward.py --socket PATH [--port 0]               serve; the port is printed
    python forward.py --socket PATH --then COMMAND...        serve while the command runs

With a command its signals are passed on, and its exit code becomes this program's.

This one file is copied to where it is needed: it uses the standard library only, of Python 3.8.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

CHUNK_BYTES = 1 << 16
# While the daemon restarts, or the link is being made again, nobody answers at the socket.
PATIENCE_S = 30.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
NOT_FOUND, SIGNALLED = 127, 128
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until its end, and pass the end on."""
    try:
        while True:
            chunk = await reader.read(CHUNK_BYTES)
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except (ConnectionError, OSError):
        writer.close()


async def reach(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the socket, waiting for it for a while."""
    import asyncio

    pause, waited = FIRST_PAUSE_S, 0.0
    while True:
        try:
            return await asyncio.open_unix_connection(path)
        except OSError:
            if waited >= PATIENCE_S:
                raise
        await asyncio.sleep(pause)
        waited += pause
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def join(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Lead a connection to the socket until it ends; OSError where that is not reached."""
    import asyncio

    try:
        there, back = await reach(path)
        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            back.close()
    finally:
        writer.close()


async def serve(
    path: str, port: int, listening: socket.socket | None = None
) -> asyncio.base_events.Server:
    """Lead each connection on loopback to the socket; one that listens there already may do so."""
    import asyncio

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await join(path, reader, writer)
        except OSError as error:
            sys.stderr.write(f"[labstudio] {path} cannot be reached: {error}\n")

    if listening is not None:
        return await asyncio.start_server(lead, sock=listening)
    return await asyncio.start_server(lead, "127.0.0.1", port)


def variables(port: int) -> dict[str, str]:
    """Return what tells a program where the studio is."""
    base = f"http://127.0.0.1:{port}"
    return {"LABSTUDIO_URL": base, "MLFLOW_TRACKING_URI": base + "/mlflow"}


def run_beside(path: str, port: int, command: list[str]) -> int:
    """Run the command while its connections are led; return its exit code as a shell would.

    Connections wait at the socket meanwhile, so the command starts before anything is loaded that
    leads them. Signals are passed on.
    """
    listening = socket.create_server(("127.0.0.1", port))
    started: list[int] = []
    early: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        if started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(started[0], number)
        else:
            early.append(number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    env = {**os.environ, **variables(listening.getsockname()[1])}
    try:
        # Python itself ignores these; what it starts is not to.
        plain = (signal.SIGPIPE, signal.SIGXFSZ)
        started.append(os.posix_spawnp(command[0], command, env, setsigdef=plain))
    except OSError as error:
        sys.stderr.write(f"[labstudio] {command[0]} cannot be run: {error.strerror}\n")
        return NOT_FOUND
    for caught in early:
        pass_on(caught, None)
    threading.Thread(target=_lead_from, args=(path, listening), daemon=True).start()
    _, status = os.waitpid(started[0], 0)
    if os.WIFSIGNALED(status):
        return SIGNALLED + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def _lead_from(path: str, listening: socket.socket) -> None:
    import asyncio

    async def lead() -> None:
        await serve(path, 0, listening)
        await asyncio.Event().wait()

    asyncio.run(lead())


async def main(path: str, port: int) -> int:
    """Serve until told to end."""
    import asyncio

    server = await serve(path, port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--socket", required=True, help="the unix socket")
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0: any that is free")
    parser.add_argument("--then", nargs=argparse.REMAINDER, default=[], help="what to run")
    options = parser.parse_args()
    if options.then:
        code = run_beside(options.socket, options.port, options.then)
    else:
        import asyncio

        code = asyncio.run(main(options.socket, options.port))
    sys.stdout.flush()
    # Connections that are open still are nobody's any more.
    os._exit(code)
