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
import asyncio
import os
import signal
import subprocess
import sys

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


async def serve(path: str, port: int) -> asyncio.base_events.Server:
    """Listen on loopback and lead each connection to the socket."""

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await reach(path)
        except OSError as error:
            sys.stderr.write(f"[labstudio] {path} cannot be reached: {error}\n")
            writer.close()
            return
        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            back.close()
            writer.close()

    return await asyncio.start_server(lead, "127.0.0.1", port)


def variables(port: int) -> dict[str, str]:
    """Return what tells a program where the studio is."""
    base = f"http://127.0.0.1:{port}"
    return {"LABSTUDIO_URL": base, "MLFLOW_TRACKING_URI": base + "/mlflow"}


async def run(command: list[str], port: int) -> int:
    """Run the command; pass signals on, and return its exit code as a shell would."""
    loop = asyncio.get_running_loop()
    process: subprocess.Popen[bytes]

    def pass_on(number: int) -> None:
        process.send_signal(number)

    # Before the process is there: what comes meanwhile is passed on once the loop goes on.
    for number in PASSED_ON:
        loop.add_signal_handler(number, pass_on, number)
    try:
        process = subprocess.Popen(command, env={**os.environ, **variables(port)})
    except OSError as error:
        sys.stderr.write(f"[labstudio] {command[0]} cannot be run: {error.strerror}\n")
        return NOT_FOUND
    code = await loop.run_in_executor(None, process.wait)
    return SIGNALLED - code if code < 0 else code


async def main(path: str, port: int, command: list[str]) -> int:
    """Serve for ever, or while the command runs."""
    server = await serve(path, port)
    listening = server.sockets[0].getsockname()[1]
    if command:
        return await run(command, listening)
    sys.stdout.write(f"{listening}\n")
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
    code = asyncio.run(main(options.socket, options.port, options.then))
    sys.stdout.flush()
    # Connections that are open still are nobody's any more.
    os._exit(code)
