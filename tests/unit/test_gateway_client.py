"""How long code elsewhere waits for the gateway's answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from labstudio.errors import Unavailable
from labstudio.gateway.client import Client

ANSWER_S = 0.5


class Slow(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(ANSWER_S)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def client() -> Iterator[Client]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Client(f"http://127.0.0.1:{server.server_port}", "token")
        server.shutdown()


def test_each_request_has_a_time_of_its_own(client: Client) -> None:
    assert client.post("quick", timeout_s=30) == {}
    # On the connection that was kept open, too.
    with pytest.raises(Unavailable):
        client.post("impatient", timeout_s=0.1)
    assert client.post("patient", timeout_s=30) == {}
