"""The studio's helper on a host: answers requests that come in frames on standard input.

It lives as long as its connection. What must outlive that (runners, builds) is started apart.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

from labstudio.compute.ssh.there import machine
from labstudio.compute.ssh.there.attempts import Attempts
from labstudio.compute.ssh.there.files import Files, Request
from labstudio.compute.ssh.there.follower import Follower
from labstudio.compute.ssh.there.frames import MAGIC, Channel
from labstudio.compute.ssh.there.kernels import Kernels

# A link that was cut is noticed here by its silence: the other end speaks every few seconds.
SILENCE_S = 60.0
OUTPUT_BYTES = 1 << 20


class Helper:
    """Serves one channel.

    Parameters
    ----------
    root
        The studio's folder on the host.
    channel
        Where requests come from.
    """

    def __init__(self, root: Path, channel: Channel) -> None:
        self._channel = channel
        self._heard_at = time.monotonic()
        self.files = files = Files(root)
        attempts = Attempts(files)
        follower = Follower(files, channel.write)
        kernels = Kernels(files)
        self._plain: dict[str, Callable[[Request], Request]] = {
            "ping": lambda _request: {},
            "missing": files.missing,
            "unpack": files.unpack,
            "digest": files.digest,
            "tree": files.tree,
            "remove": files.remove,
            "age": files.age,
            "known": attempts.known,
            "signal": attempts.signal,
            "sweep": attempts.sweep,
            "environment": attempts.ready,
            "build": attempts.build,
            "remove_attempt": attempts.remove,
            "follow": follower.follow,
            "leave": follower.leave,
            "look": lambda _request: machine.look(root),
            "kernel_launch": kernels.launch,
            "kernel_state": kernels.state,
            "kernel_end": kernels.end,
            "kernel_sweep": kernels.sweep,
            "kernel_specs": kernels.specs,
            "run": _run,
        }
        self._with_body: dict[str, Callable[[Request, bytes], Request]] = {
            "lay": files.lay,
            "launch": attempts.launch,
        }

    def serve(self) -> None:
        """Answer until the channel ends."""
        threading.Thread(target=self._watch, daemon=True).start()
        while (frame := self._channel.read()) is not None:
            self._heard_at = time.monotonic()
            request, body = frame
            if request["op"] == "put":
                # Pieces belong in their order, and are written as fast as they come.
                self._answer(request, body)
            else:
                threading.Thread(target=self._answer, args=(request, body), daemon=True).start()

    def _answer(self, request: Request, body: bytes) -> None:
        number = request["id"]
        try:
            answer = self._do(request, body)
        except Exception as error:
            answer = {"error": f"{error}" or type(error).__name__, "type": type(error).__name__}
        if answer is not None:
            self._channel.write({"id": number, **answer})

    def _do(self, request: Request, body: bytes) -> Request | None:
        operation = request["op"]
        if operation == "put":
            return self.files.put(request, body)
        if operation == "get":
            number = request["id"]
            return self.files.get(
                request, lambda head, piece: self._channel.write({"part": number, **head}, piece)
            )
        if operation in self._with_body:
            return self._with_body[operation](request, body)
        return self._plain[operation](request)

    def _watch(self) -> None:
        while time.monotonic() - self._heard_at < SILENCE_S:
            time.sleep(1.0)
        os._exit(1)


def _run(request: Request) -> Request:
    """Run a command to its end; return its exit code and what it printed."""
    done = subprocess.run(
        request["argv"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=request.get("timeout_s"),
        env={**os.environ, **request.get("env", {})},
        check=False,
    )
    output = done.stdout[-OUTPUT_BYTES:].decode(errors="replace")
    return {"code": done.returncode, "output": output}


def main(hello: dict[str, Any]) -> None:
    """Say who we are, and serve what comes on standard input."""
    os.umask(0o077)
    root = Path(os.path.expanduser(hello["root"]))
    writer = sys.stdout.buffer
    writer.write(MAGIC)
    channel = Channel(sys.stdin.buffer, writer)
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
        told = {"root": str(root.absolute()), **machine.about()}
    except OSError as error:
        told = {"error": f"{root} cannot be written: {error.strerror}", "type": "OSError"}
    channel.write({"id": 0, **told})
    Helper(root, channel).serve()
    os._exit(0)
