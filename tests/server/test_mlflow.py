"""MLflow behind Jupyter's login: its own pages work, and nothing of Jupyter's reaches it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tornado import httputil, web
from tornado.httpclient import HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from labstudio.experiments.server import TrackingServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from conftest import LoopWatch

    from labstudio.home import Home

TOKEN = "tracking-token"
API = "labstudio/mlflow/ajax-api/2.0/mlflow"

Fetch = "Callable[..., Awaitable[Any]]"


@pytest.fixture
def fetch(jp_fetch: Any) -> Callable[..., Awaitable[Any]]:
    """Fetch an address, whatever its status."""

    async def get(*parts: str, **options: Any) -> Any:
        given = {"raise_error": False, "follow_redirects": False, "request_timeout": 60}
        return await jp_fetch(*parts, **{**given, "allow_nonstandard_methods": True, **options})

    return get


async def test_without_a_tracking_server(fetch: Any) -> None:
    reply = await fetch("labstudio/mlflow/", headers={"Accept": "text/html,*/*"})
    assert reply.code == 503
    assert b"<h1>" in reply.body
    assert b"daemon" in reply.body
    reply = await fetch(f"{API}/experiments/search")
    assert (reply.code, json.loads(reply.body)["code"]) == (503, "unavailable")


async def test_a_tracking_server_that_is_gone(fetch: Any, home: Home) -> None:
    point_to(home, 1)
    assert (await fetch("labstudio/mlflow/")).code == 503
    for size in (10, 30_000_000):
        reply = await fetch(f"{API}/runs/search", method="POST", body=b"x" * size)
        assert reply.code == 503


async def test_the_address_without_its_slash(fetch: Any, jp_base_url: str) -> None:
    reply = await fetch("labstudio/mlflow")
    assert reply.code == 302
    assert reply.headers["Location"] == f"{jp_base_url}labstudio/mlflow/"


def point_to(home: Home, port: int) -> None:
    told = {"url": f"http://127.0.0.1:{port}", "port": port, "token": TOKEN}
    home.create().tracking_json.write_text(json.dumps(told))


class Mirror(web.RequestHandler):
    """Answers with the request as it came, and with headers that must not pass."""

    async def answer(self) -> None:
        self.set_header("Set-Cookie", "stolen=1")
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("X-Kept", "yes")
        self.set_header("Content-Type", self.get_query_argument("type", "application/json"))
        self.write(
            json.dumps(
                {
                    "method": self.request.method,
                    "uri": self.request.uri,
                    "headers": dict(self.request.headers.get_all()),
                    "body": len(self.request.body),
                }
            )
        )

    get = post = put = patch = delete = answer  # type: ignore[assignment]


@pytest.fixture
def mirror(home: Home, jp_asyncio_loop: Any) -> Iterator[None]:
    """A server in the tracking server's place, to see what it would be sent."""

    async def start() -> HTTPServer:
        server = HTTPServer(web.Application([(".*", Mirror)]), max_body_size=1 << 30)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        point_to(home, sockets[0].getsockname()[1])
        return server

    server = jp_asyncio_loop.run_until_complete(start())
    yield
    server.stop()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_what_is_sent_and_what_comes_back(mirror: None, fetch: Any, method: str) -> None:
    secrets = {
        "Cookie": "username-x=secret; _xsrf=secret",
        "X-XSRFToken": "secret",
        "Origin": "http://localhost",
        "Referer": "http://localhost/lab?token=secret",
        "X-Forwarded-For": "1.2.3.4",
        "Content-Type": "application/json",
        "X-Other": "kept",
    }
    body = None if method == "GET" else b"12345"
    reply = await fetch(f"{API}/a%2Fb é", method=method, body=body, headers=secrets)
    assert reply.code == 200
    seen = json.loads(reply.body)
    sent = {name.lower(): value for name, value in seen["headers"].items()}
    assert sent["authorization"] == f"Bearer {TOKEN}"
    assert sent["host"].startswith("127.0.0.1:")
    assert sent["x-other"] == "kept"
    assert "secret" not in json.dumps(sent)
    assert not {"cookie", "origin", "referer", "x-forwarded-for"} & set(sent)
    assert seen["method"] == method
    assert seen["body"] == (0 if body is None else 5)
    assert "stolen" not in str(reply.headers.get_list("Set-Cookie"))
    assert reply.headers["X-Kept"] == "yes"
    assert reply.headers.get("Access-Control-Allow-Origin") != "*"
    assert TOKEN not in str(list(reply.headers.get_all()))


async def test_the_query_is_sent_without_jupyters_token(
    mirror: None, fetch: Any, jp_serverapp: Any
) -> None:
    secret = jp_serverapp.identity_provider.token
    asked = {"token": secret, "page_token": "a b", "x": "é&="}
    seen = json.loads((await fetch(f"{API}/x", params=asked)).body)
    assert secret not in seen["uri"]
    query = httputil.parse_qs_bytes(seen["uri"].partition("?")[2].encode())
    assert query == {"page_token": [b"a b"], "x": ["é&=".encode()]}


async def test_what_users_logged_is_opened_in_a_sandbox(mirror: None, fetch: Any) -> None:
    page = await fetch("labstudio/mlflow/get-artifact", params={"type": "text/html"})
    assert "sandbox" in page.headers["Content-Security-Policy"]
    own = await fetch("labstudio/mlflow/", params={"type": "text/html"})
    assert "sandbox" not in own.headers["Content-Security-Policy"]
    sneaky = await fetch("labstudio/mlflow/static-files/..%2fget-artifact")
    assert sneaky.code in (400, 404) or "sandbox" in sneaky.headers["Content-Security-Policy"]


async def test_large_bodies_are_streamed(mirror: None, fetch: Any, loop_watch: LoopWatch) -> None:
    async with loop_watch.watching():
        reply = await fetch(f"{API}/x", method="PUT", body=b"x" * 50_000_000)
    assert json.loads(reply.body)["body"] == 50_000_000
    print(f"50 MB through the proxy: {loop_watch}")


def browser(reply: Any) -> dict[str, str]:
    """The cookies of an answer, as a browser sends them back."""
    pairs = dict(each.split(";")[0].split("=", 1) for each in reply.headers.get_list("Set-Cookie"))
    return {name: value.strip('"') for name, value in pairs.items()}


@pytest.mark.slow
async def test_mlflows_own_pages_work_behind_the_login(
    fetch: Any, jp_base_url: str, home: Home, loop_watch: LoopWatch
) -> None:
    server = TrackingServer(home.create())
    server.start()
    try:
        await asyncio.to_thread(server.wait_ready, 120)
        page = await fetch("labstudio/mlflow/")
        assert page.code == 200
        assert b"MLflow" in page.body
        script = page.body.decode().partition('src="')[2].partition('"')[0]
        assert script.startswith("static-files/")
        loaded = await fetch("labstudio/mlflow", script)
        assert loaded.code == 200
        assert "javascript" in loaded.headers["Content-Type"]

        # As a browser that is logged in: the page's own cookie is what its requests send back.
        cookies = browser(page)
        told = cookies.pop("mlflow-request-header-X-XSRFToken")
        assert f"Path={jp_base_url}labstudio/mlflow/" in str(page.headers.get_list("Set-Cookie"))
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        logged_in = {"Authorization": "", "Cookie": cookie, "Content-Type": "application/json"}
        create = {"method": "POST", "body": json.dumps({"name": "from the browser"})}
        blind = await fetch(f"{API}/experiments/create", headers=dict(logged_in), **create)
        assert blind.code == 403
        with_token = {**logged_in, "X-XSRFToken": told}
        made = await fetch(f"{API}/experiments/create", headers=with_token, **create)
        assert made.code == 200, made.body
        again = await fetch(f"{API}/experiments/create", headers=with_token, **create)
        assert again.code == 400  # MLflow's own answer, passed on as it is
        assert b"RESOURCE_ALREADY_EXISTS" in again.body

        artifact = "labstudio/mlflow/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts/page.html"
        content = b"<script>1</script>" * 1_000_000
        async with loop_watch.watching():
            put = await fetch(artifact, method="PUT", body=content)
            assert put.code == 200, put.body
            got = await fetch(artifact)
        assert got.body == content
        assert "sandbox" in got.headers["Content-Security-Policy"]
        print(f"18 MB up and down: {loop_watch}")
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_browser_that_goes_away(mirror: None, jp_fetch: Any) -> None:
    with pytest.raises(HTTPClientError):
        await jp_fetch(f"{API}/x", method="PUT", body=b"x" * 40_000_000, request_timeout=0.02)
    await asyncio.sleep(0.2)
    assert (await jp_fetch(f"{API}/x")).code == 200
