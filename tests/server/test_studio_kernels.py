"""Kernels on computes through a real Jupyter Server: left when it ends, found by the next one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from labstudio._studio import Studio
from labstudio.compute.local_kernel import offers
from labstudio.home import Home
from labstudio.kernels import control, specs
from labstudio.kernels.folder import KernelFolder, folders

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-this-test"
SPEC = specs.spec_name("local", "python3")


class Server:
    """A Jupyter Server as a process of its own."""

    def __init__(self, home: Home, root: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = {
            "ServerApp.root_dir": root,
            "ServerApp.port": self.port,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.jpserver_extensions": {"labstudio_server": True},
            "IdentityProvider.token": TOKEN,
            "LabstudioApp.home": home.path,
            "LabstudioApp.start_daemon": False,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *(f"--{k}={v}" for k, v in options.items())],
            env={**os.environ, "JUPYTER_NO_CONFIG": "1", "JUPYTER_RUNTIME_DIR": str(root / "run")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the server, once it is there."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
            method=method,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    content = answer.read()
                    return json.loads(content) if content else None
            except urllib.error.HTTPError as error:
                pytest.fail(error.read().decode())
            except urllib.error.URLError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def open(self, notebook: str) -> str:
        """Open a notebook as JupyterLab does; return the kernel's id."""
        session = self.call(
            "POST",
            "api/sessions",
            {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": SPEC}},
        )
        return str(session["kernel"]["id"])


@contextmanager
def serving(home: Home, root: Path, how: signal.Signals) -> Iterator[Server]:
    server = Server(home, root)
    try:
        yield server
    finally:
        server.process.send_signal(how)
        server.process.wait(60)


@pytest.fixture
def offered(home: Home) -> Iterator[Home]:
    """A home with this machine's kernels among its kernelspecs."""
    specs.lay(home.create(), "local", offers())
    yield home
    for folder in folders(home):
        control.ask(folder, "end", timeout_s=30)


def run(folder: KernelFolder, code: str) -> str:
    client = BlockingKernelClient(connection_file=str(folder.connection_file))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    heard: list[Any] = []
    client.execute_interactive(code, timeout=60, output_hook=heard.append)
    client.stop_channels()
    return "".join(m["content"]["text"] for m in heard if m["msg_type"] == "stream")


def test_a_notebook_finds_its_kernel_again(offered: Home, tmp_path: Path) -> None:
    studio = Studio(offered.path)
    with serving(offered, tmp_path, signal.SIGTERM) as server:
        shown = server.call("GET", "api/kernelspecs")["kernelspecs"][SPEC]["spec"]
        assert shown["display_name"] == "Python 3 @ local"
        first = server.open("a.ipynb")
        run(KernelFolder(offered, first), "kept = 42")
        other = server.open("b.ipynb")
        # A user's shutdown ends one; the other is left when the server ends.
        server.call("DELETE", f"api/kernels/{other}")
    assert [kernel.id for kernel in studio.kernels.list().items] == [first]
    with serving(offered, tmp_path, signal.SIGKILL) as server:
        assert server.open("a.ipynb") == first
        assert run(KernelFolder(offered, first), "print(kept)") == "42\n"
        (listed,) = server.call("GET", "labstudio/api/v1/kernels")["items"]
        assert (listed["id"], listed["path"]) == (first, str(tmp_path / "a.ipynb"))
        session = server.call("GET", "api/sessions")[0]["id"]
        server.call("PATCH", f"api/sessions/{session}", {"path": "c.ipynb", "name": "c.ipynb"})
        # The keeper is told behind the answer's back; a server killed before that told nobody.
        deadline = time.monotonic() + 60
        while studio.kernels.get(first).path != str(tmp_path / "c.ipynb"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with serving(offered, tmp_path, signal.SIGTERM) as server:
        assert server.open("a.ipynb") != first
        assert server.open("c.ipynb") == first
        assert run(KernelFolder(offered, first), "print(kept)") == "42\n"
        server.call("DELETE", f"labstudio/api/v1/kernels/{first}")
        assert KernelFolder(offered, first).sheet() is None
    studio.close()
