"""A relay with a Python kernel that have loaded what they need, and wait to be told whose they are.

Loading takes most of a kernel's start. A spare serves once, and ends unused after a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from . import relay

LIFE_S = 1800.0
LOOK_S = 2.0
# What an IPython kernel loads until it answers; the code that an order brings finds it loaded. Old
# versions lack some of it.
LOADING = """
import importlib
for name in ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "comm",
             "ipykernel.debugger", "IPython.core.completer", "IPython.core.completerlib",
             "IPython.core.debugger", "pdb", "sqlite3", "tornado.platform.asyncio"):
    try: importlib.import_module(name)
    except ImportError: pass
"""
WAITING = f"""
import json, os, sys
if sys.path[0] == "": del sys.path[0]
{LOADING}
line = sys.stdin.readline()
if not line: sys.exit()
told = json.loads(line)
os.environ.clear()
os.environ.update(told["env"])
os.chdir(told["cwd"])
log = os.open(told["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
for number, handle in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
    os.dup2(handle, number)
paths = told["env"].get("PYTHONPATH", "").split(os.pathsep)
sys.path[:0] = ["", *(path for path in paths if path and path not in sys.path)]
sys.argv = ["-c", *told["argv"][3:]]
exec(compile(told["argv"][2], "<string>", "exec"), {{"__name__": "__main__"}})
"""


def main() -> None:
    """Be the spare that standard input describes: ``python`` of the kernel, ``socket``."""
    told = json.loads(sys.stdin.readline())
    os.umask(0o077)
    path = Path(told["socket"])
    # Linux forgets a name like this with the process that holds it: there is one spare at a time.
    alone = socket.socket(socket.AF_UNIX)
    try:
        alone.bind(f"\0{path}")
    except OSError:
        return
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    kernel = subprocess.Popen(
        [told["python"], "-c", WAITING],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        umask=relay.UMASK,
    )
    # Its sockets are opened as soon as somebody needs them; loading them is what takes long.
    import zmq.asyncio  # noqa: F401

    with alone:
        order, asker = _wait(path, kernel)
    if order is None or asker is None:
        kernel.kill()
        return

    def answer(content: dict[str, Any]) -> None:
        asker.sendall(json.dumps(content).encode() + b"\n")
        asker.close()

    try:
        asyncio.run(relay.run(order, lambda: answer({"ready": True}), kernel))
    except Exception as error:
        with contextlib.suppress(OSError):
            answer({"error": str(error)})
        raise


def _wait(
    path: Path, kernel: subprocess.Popen[bytes]
) -> tuple[dict[str, Any] | None, socket.socket | None]:
    """Wait for an order; none when nobody needed a spare for long."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(1)
        listening.settimeout(LOOK_S)
        deadline, asker = time.monotonic() + LIFE_S, None
        # Where the studio's folder was removed, nobody will come.
        while asker is None and time.monotonic() < deadline and Path(__file__).exists():
            with contextlib.suppress(socket.timeout):  # its name in Python 3.9
                asker, _ = listening.accept()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    if asker is None:
        return None, None
    asker.settimeout(None)
    line = asker.makefile("rb").readline()
    if not line or kernel.poll() is not None:
        asker.close()
        return None, None
    return json.loads(line), asker
