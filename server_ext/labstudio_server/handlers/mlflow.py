"""MLflow's own pages, behind Jupyter's login.

The tracking server listens on loopback and wants a token that only the studio knows. This handler
passes requests on with that token and without anything of Jupyter's: no cookie, no token, no
origin. MLflow's pages use relative addresses, so nothing in them is rewritten.

MLflow's pages know nothing of Jupyter's protection against cross-site requests, but they send the
value of each cookie named ``mlflow-request-header-NAME`` as header ``NAME``. So each page sets such
a cookie with the XSRF token, and every request that changes something is checked as usual.

What runs log is user's content. Everything but MLflow's own pages is answered with a policy that
makes a browser open it in a sandbox.
"""

from __future__ import annotations

import asyncio
import html
import re
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from labstudio.errors import Unavailable
from labstudio_server import authorization
from labstudio_server.endpoints import MLFLOW
from labstudio_server.handlers.base import StudioMixin
from labstudio_server.handlers.sending import SANDBOX
from labstudio_server.problems import answer_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from labstudio._studio import Studio
    from labstudio.experiments.connection import Connection

BODY_LIMIT_BYTES = 8 << 30
QUEUED_CHUNKS = 8
_OWN_PAGES = re.compile(r"/(?:index\.html|static-files/[\w./~-]+)?")
XSRF_COOKIE = "mlflow-request-header-X-XSRFToken"

# Jupyter has judged these, or they speak of the connection and not of the request.
_NOT_SENT = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "origin",
        "proxy-authorization",
        "referer",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-xsrftoken",
    }
)
_NOT_ANSWERED = frozenset(
    {
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "connection",
        "content-security-policy",
        "date",
        "keep-alive",
        "server",
        "set-cookie",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@web.stream_request_body
class MlflowHandler(StudioMixin):
    """Passes one request on to the tracking server, and its answer back, piece by piece."""

    auth_resource = "labstudio:mlflow"
    _chunks: asyncio.Queue[bytes | None] | None = None
    _answer: asyncio.Task[httpx.Response] | None = None

    @property
    def content_security_policy(self) -> str:
        """MLflow's own pages may be framed by JupyterLab; all else is opened in a sandbox."""
        own = _OWN_PAGES.fullmatch(self.upstream_path()) and ".." not in self.upstream_path()
        return "frame-ancestors 'self'" if own else f"frame-ancestors 'self'; {SANDBOX}"

    def upstream_path(self) -> str:
        """Return the path as the tracking server knows it, still encoded."""
        return "/" + self.request.path.partition(f"{MLFLOW}/")[2]

    async def prepare(self, *, _redirect_to_login: bool = True) -> None:
        """Judge the request before a byte of its body is passed on; Tornado calls this first."""
        await super().prepare()
        if self.request.method in ("GET", "HEAD"):
            return
        if not self.current_user:
            raise web.HTTPError(403)
        await authorization.require(self, "write", self.auth_resource)
        self.request.connection.set_max_body_size(BODY_LIMIT_BYTES)  # type: ignore[union-attr]
        self._chunks = asyncio.Queue(QUEUED_CHUNKS)
        self._answer = asyncio.create_task(self.forward(self.sent_chunks()))

    async def data_received(self, chunk: bytes) -> None:
        """Pass a piece of the body on, no faster than the tracking server takes it."""
        await self.pass_on(chunk)

    async def pass_on(self, chunk: bytes | None) -> None:
        """Queue a piece, unless the tracking server has answered without waiting for it."""
        if self._chunks is None or self._answer is None:
            return
        adding = asyncio.ensure_future(self._chunks.put(chunk))
        await asyncio.wait({adding, self._answer}, return_when=asyncio.FIRST_COMPLETED)
        adding.cancel()

    async def sent_chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's pieces as they come."""
        assert self._chunks is not None
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def forward(self, content: AsyncIterator[bytes] | None) -> httpx.Response:
        """Send the request on, and return its answer before its body."""
        client, connection = await self.call(
            lambda studio: (self.services.proxy.client(), _connection(studio))
        )
        import httpx

        headers = [
            (name, value)
            for name, value in self.request.headers.get_all()
            if name.lower() not in _NOT_SENT and not name.lower().startswith("x-forwarded")
        ]
        headers.extend(authorization_of(connection))
        if "Accept-Encoding" not in self.request.headers:
            headers.append(("Accept-Encoding", "identity"))
        if content is not None and (length := self.request.headers.get("Content-Length")):
            headers.append(("Content-Length", length))
        url = connection.url + self.upstream_path()
        query = _without_token(self.request.query)
        request = client.build_request(
            self.request.method or "GET",
            f"{url}?{query}" if query else url,
            headers=headers,
            content=content,
        )
        try:
            return await client.send(request, stream=True)
        except httpx.ConnectError as error:
            raise Unavailable(
                "MLflow's tracking server is not running; it starts with the studio's daemon."
            ) from error
        except httpx.TimeoutException as error:
            raise Unavailable("MLflow's tracking server does not answer.") from error
        except httpx.TransportError as error:
            raise Unavailable("MLflow's tracking server broke the connection off.") from error

    @web.authenticated
    @authorized
    async def get(self, path: str = "") -> None:
        """Pass a reading request on."""
        await self.relay(await self.forward(None))

    @web.authenticated
    @authorized
    async def head(self, path: str = "") -> None:
        """Pass a request for headers on."""
        await self.relay(await self.forward(None))

    @web.authenticated
    @authorized
    async def post(self, path: str = "") -> None:
        """Pass a changing request on."""
        await self.finish_forward()

    @web.authenticated
    @authorized
    async def put(self, path: str = "") -> None:
        """Pass an upload on."""
        await self.finish_forward()

    @web.authenticated
    @authorized
    async def patch(self, path: str = "") -> None:
        """Pass a change on."""
        await self.finish_forward()

    @web.authenticated
    @authorized
    async def delete(self, path: str = "") -> None:
        """Pass a deletion on."""
        await self.finish_forward()

    async def finish_forward(self) -> None:
        """Say that the body has ended, and pass the answer back."""
        assert self._answer is not None
        await self.pass_on(None)
        await self.relay(await self._answer)

    async def relay(self, response: httpx.Response) -> None:
        """Pass status, headers and body back, no faster than the browser takes them."""
        try:
            self.set_status(response.status_code, response.reason_phrase or None)
            for name, value in response.headers.multi_items():
                if name.lower() not in _NOT_ANSWERED:
                    self.set_header(name, value)
            if response.headers.get("content-type", "").startswith("text/html"):
                self.set_cookie(
                    XSRF_COOKIE,
                    self.xsrf_token.decode(),
                    path=self.base_url.rstrip("/") + MLFLOW + "/",
                    samesite="Lax",
                )
            async for chunk in response.aiter_raw():
                self.write(chunk)
                await self.flush()
        except StreamClosedError:
            return
        finally:
            await response.aclose()

    def on_connection_close(self) -> None:
        """Stop asking for a browser that is gone."""
        if self._answer is not None:
            self._answer.cancel()
        super().on_connection_close()

    def on_finish(self) -> None:
        """End what is left of the request to the tracking server; Tornado calls this last."""
        if self._answer is not None:
            self._answer.cancel()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer a person's browser with a page, and a script with the API's shape."""
        if "text/html" not in self.request.headers.get("Accept", ""):
            super().write_error(status_code, **kwargs)
            return
        told = answer_for((kwargs.get("exc_info") or (None, None))[1], status_code)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(
            "<!doctype html><title>MLflow</title>"
            '<body style="font-family: sans-serif; margin: 2em">'
            f"<h1>MLflow cannot be shown</h1><p>{html.escape(told.message)}</p>"
        )


class MlflowRedirectHandler(StudioMixin):
    """The address without its last slash, from which relative addresses would lead astray."""

    auth_resource = "labstudio:mlflow"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Redirect to the address with the slash."""
        self.redirect(self.base_url.rstrip("/") + MLFLOW + "/")


def _connection(studio: Studio) -> Connection:
    from labstudio.experiments.connection import connection

    return connection(studio.home)


def authorization_of(to: Connection) -> list[tuple[str, str]]:
    """Return the header that the tracking server wants."""
    from labstudio.experiments.connection import authorization

    return list(authorization(to).items())


def _without_token(query: str) -> str:
    """Return the query as it came, without Jupyter's token."""
    kept = [part for part in query.split("&") if not part.startswith(("token=", "_xsrf="))]
    return "&".join(kept)
