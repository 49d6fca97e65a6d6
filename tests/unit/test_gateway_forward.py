"""The forwarder: one file that leads a port to a unix socket, alone or around a command."""

from __future__ import annotations

import ast
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labstudio.gateway import forward

FILE = Path(forward.__file__)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ls-") as made:
        yield Path(made)


@pytest.fixture
def echo(folder: Path) -> Iterator[Path]:
    """A unix socket that answers with what it was sent, once the sender has ended."""
    path = folder / "echo.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def answer() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            with line:
                line.sendall(b"heard " + read_all(line))

    threading.Thread(target=answer, daemon=True).start()
    yield path
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def read_all(line: socket.socket) -> bytes:
    parts = []
    while chunk := line.recv(1 << 16):
        parts.append(chunk)
    return b"".join(parts)


def ask(port: int, content: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(content)
        line.shutdown(socket.SHUT_WR)
        return read_all(line)


def start(path: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-I", str(FILE), "--socket", str(path), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_runs_where_there_is_only_an_old_python() -> None:
    tree = ast.parse(FILE.read_text(), feature_version=(3, 8))
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_it_leads_a_port_to_a_socket(echo: Path) -> None:
    running = start(echo)
    assert running.stdout is not None
    port = int(running.stdout.readline())
    large = bytes(range(256)) * 20_000
    assert ask(port, large) == b"heard " + large
    assert ask(port, b"again") == b"heard again"
    running.terminate()
    assert running.wait(60) == 0


def test_it_waits_for_a_socket_that_is_only_coming(folder: Path) -> None:
    path = folder / "late.sock"
    running = start(path)
    assert running.stdout is not None
    port = int(running.stdout.readline())
    answers: list[bytes] = []
    asking = threading.Thread(target=lambda: answers.append(ask(port, b"")))
    asking.start()
    time.sleep(0.3)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        line, _ = listening.accept()
        with line:
            line.sendall(b"here")
        asking.join(60)
    assert answers == [b"here"]
    running.terminate()
    running.wait(60)


ASKS = """
import os, socket, sys
url = os.environ["LABSTUDIO_URL"]
assert os.environ["MLFLOW_TRACKING_URI"] == url + "/mlflow"
with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as line:
    line.sendall(b"from within")
    line.shutdown(socket.SHUT_WR)
    print(line.recv(100).decode())
sys.exit(7)
"""


def test_a_command_finds_the_way_and_its_exit_code_is_kept(echo: Path) -> None:
    running = start(echo, "--then", sys.executable, "-c", ASKS)
    out, err = running.communicate(timeout=60)
    assert (out, err, running.returncode) == ("heard from within\n", "", 7)


def test_signals_reach_the_command(echo: Path) -> None:
    waits = "import signal, sys\ntry: print('up', flush=True); signal.pause()\n"
    waits += "except KeyboardInterrupt: sys.exit(3)"
    running = start(echo, "--then", sys.executable, "-c", waits)
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 3


def test_an_end_by_signal_is_told_as_a_shell_tells_it(echo: Path) -> None:
    kills = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    running = start(echo, "--then", sys.executable, "-c", kills)
    assert running.wait(60) == 128 + signal.SIGKILL


def test_a_command_that_is_not_there_is_named(echo: Path) -> None:
    running = start(echo, "--then", "no-such-program-at-all")
    _, err = running.communicate(timeout=60)
    assert running.returncode == 127
    assert "no-such-program-at-all cannot be run" in err
