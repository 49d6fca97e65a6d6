"""The tracking server as a process: how it starts, dies, comes back, and whom it answers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from labstudio.errors import Unavailable
from labstudio.experiments.connection import authorization, connection, is_ready
from labstudio.experiments.server import TrackingServer, open_socket
from labstudio.experiments.tracking import Tracking
from labstudio.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

READY_S = 90


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    # Names with blanks and letters beyond ASCII are found in real home folders.
    folder = Path(tempfile.mkdtemp(prefix="ls ü-"))
    yield Home(folder).create()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[TrackingServer]:
    started = TrackingServer(home)
    started.start()
    started.wait_ready(READY_S)
    yield started
    started.stop()


def test_only_the_owner_can_read_the_token(server: TrackingServer, home: Home) -> None:
    assert home.tracking_json.stat().st_mode & 0o777 == 0o600
    assert home.tracking_log.stat().st_mode & 0o077 == 0
    here = connection(home)
    assert here.token not in repr(here)
    command = psutil.Process(server.pid).cmdline()
    assert here.token not in " ".join(command)
    assert here.token not in home.tracking_log.read_text()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic {token}"}, 401),
        ({"Authorization": "Bearer {token}x"}, 401),
        ({"Authorization": "Bearer {token}"}, 200),
        ({"Authorization": "Bearer {token}", "Host": "evil.example"}, 403),
        ({"Authorization": "Bearer {token}", "Origin": "https://evil.example"}, 403),
    ],
)
def test_who_is_answered(
    server: TrackingServer, home: Home, headers: dict[str, str], status: int
) -> None:
    here = connection(home)
    given = {name: value.format(token=here.token) for name, value in headers.items()}
    answer = httpx.post(
        f"{here.url}/api/2.0/mlflow/experiments/search",
        json={"max_results": 1},
        headers=given,
    )
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["error_code"] == "UNAUTHENTICATED"
        for path in ("/", "/health", "/version", "/api/2.0/mlflow-artifacts/artifacts/x"):
            assert httpx.get(here.url + path, headers=given).status_code == 401


def test_it_listens_on_loopback_only(server: TrackingServer) -> None:
    listening = {
        each.laddr.ip
        for each in psutil.Process(server.pid).net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


@pytest.mark.parametrize(
    "path",
    [
        "/ajax-api/3.0/mlflow/assistant/providers",
        "/ajax-api/3.0/mlflow/assistant/message",
        "/ajax-api/3.0/jobs/x",
        "/ajax-api/2.0/mlflow/gateway-proxy",
        "/gateway/mlflow/v1/models",
        "/ajax-api/3.0/mlflow/ui-telemetry",
    ],
)
def test_what_is_no_part_of_the_studio_is_closed(
    server: TrackingServer, home: Home, path: str
) -> None:
    here = connection(home)
    for method in ("GET", "POST"):
        answer = httpx.request(method, here.url + path, headers=authorization(here))
        assert answer.status_code == 404
        assert answer.json()["message"] == "The studio does not serve this."


def test_the_page_uses_relative_addresses(server: TrackingServer, home: Home) -> None:
    # What the server extension's proxy relies on: no static prefix, whatever the base URL.
    here = connection(home)
    page = httpx.get(f"{here.url}/", headers=authorization(here))
    assert page.status_code == 200
    assert 'src="static-files/' in page.text
    assert 'href="/' not in page.text
    assert 'src="/' not in page.text
    assert page.headers["x-frame-options"] == "SAMEORIGIN"


def test_the_records_are_in_wal_mode(server: TrackingServer, home: Home) -> None:
    import sqlite3

    opened = sqlite3.connect(home.tracking_database_path)
    try:
        assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        opened.close()


def test_requests_wait_while_it_restarts(server: TrackingServer, home: Home) -> None:
    before, restarts = server.pid, server.restarts
    assert before is not None
    os.kill(before, signal.SIGKILL)
    # Nothing is refused: the request waits for the next child.
    tracking = Tracking(home, timeout_s=READY_S)
    assert tracking.ensure_experiment("after a kill")
    tracking.close()
    assert server.pid not in (None, before)
    assert server.restarts == restarts + 1


def test_address_and_token_outlast_a_stop(server: TrackingServer, home: Home) -> None:
    here = connection(home)
    server.stop()
    assert server.pid is None
    assert not is_ready(home)
    with pytest.raises(Unavailable, match="does not answer"):
        Tracking(home).ensure_experiment("x")
    assert server.start() == here
    server.wait_ready(READY_S)


def test_a_taken_port_gives_way_to_another(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        home.tracking_json.write_text(json.dumps({"port": port, "token": "kept", "url": "x"}))
        with open_socket(port) as other:
            assert other.getsockname()[1] not in (0, port)
    with open_socket(port) as same:
        assert same.getsockname()[1] == port
    for nonsense in (None, "8080", 0, -1, 70_000):
        with open_socket(nonsense) as any_port:
            assert any_port.getsockname()[1] > 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"port": "x", "token": 7}'])
def test_a_damaged_record_of_the_address_is_replaced(tmp_path: Path, content: str) -> None:
    home = Home(tmp_path).create()
    home.tracking_json.write_text(content)
    with pytest.raises(Unavailable):
        connection(home)
    server = TrackingServer(home)
    here = server.start()
    try:
        assert connection(home) == here
        assert len(here.token) > 20 or here.token == "7"
    finally:
        server.stop()


DAEMON = """
import sys, time
from labstudio.experiments.server import TrackingServer
from labstudio.home import Home
server = TrackingServer(Home(sys.argv[1]))
server.start()
while server.pid is None: time.sleep(0.01)
print(server.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.faults
@pytest.mark.parametrize("ready", [False, True])
def test_it_dies_with_the_daemon(tmp_path: Path, *, ready: bool) -> None:
    home = Home(tmp_path).create()
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert daemon.stdout is not None
        child = psutil.Process(int(daemon.stdout.readline()))
        if ready:
            until = time.monotonic() + READY_S
            while not is_ready(home) and time.monotonic() < until:
                time.sleep(0.1)
            assert is_ready(home)
    finally:
        daemon.kill()
        daemon.wait()
    # A child killed before it could ask for its end sees at once that its parent is gone.
    gone, alive = psutil.wait_procs([child], timeout=60)
    assert not alive
    assert gone
    with open_socket(json.loads(home.tracking_json.read_text())["port"]) as free:
        assert free.getsockname()[1] == json.loads(home.tracking_json.read_text())["port"]
