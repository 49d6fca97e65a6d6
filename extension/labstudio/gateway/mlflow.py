"""MLflow through the gateway: requests are judged, and passed on with the tracking server's token.

A kernel's token reaches all that its user's notebooks reach. A job's token reaches its own runs
(`labstudio.gateway.runs`). Bodies of artifacts are streamed both ways; what must be judged by its
body is read first, for it is small.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from labstudio.errors import Forbidden, StudioError, Unavailable
from labstudio.experiments.connection import authorization, connection
from labstudio.gateway.requests import caller_of, read_body
from labstudio.gateway.runs import OwnRuns
from labstudio.problems import answer_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from labstudio._studio import Studio

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
TIMEOUT = httpx.Timeout(60.0, connect=5.0)
# Judged here, or they speak of this connection and not of the request.
_PASSED_ON = frozenset({"accept", "accept-encoding", "content-type", "content-encoding", "range"})
_NOT_ANSWERED = frozenset({"connection", "date", "keep-alive", "server", "set-cookie", "upgrade"})
# MLflow's client reads refusals by these.
_CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST"}


class MlflowDoor:
    """Passes requests on to the tracking server.

    Parameters
    ----------
    studio
        The studio whose server it is.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._own = OwnRuns(studio)
        # A proxy of the environment must not see loopback traffic and the token.
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)

    async def serve(self, request: Request) -> Response:
        """Answer one request, or refuse it in MLflow's own shape."""
        try:
            return await self._serve(request)
        except (StudioError, OSError) as error:
            told = answer_for(error)
            code = _CODES.get(told.status, "INTERNAL_ERROR")
            return JSONResponse({"error_code": code, "message": told.message}, told.status)

    async def _serve(self, request: Request) -> Response:
        path = request.path_params["path"]
        if any(part in ("", ".", "..") for part in path.split("/")) or "\\" in path:
            raise Forbidden("This address is not served.")
        caller = await caller_of(request)
        query: Any = request.query_params.multi_items()
        body: Any = None if request.method in ("GET", "HEAD") else request.stream()
        if (job := caller.job) is not None:
            method = request.method
            if self._own.streams(path):
                await run_in_threadpool(self._own.judge_artifacts, job, method, path, query)
            elif body is None:
                await run_in_threadpool(self._own.judge_reading, job, path, query)
            else:
                content = await read_body(request)
                # What was judged is passed on, and nothing beside it.
                body = await run_in_threadpool(self._own.judge, job, method, path, content)
                query = []
        return await self._pass_on(request, path, query, body)

    async def _pass_on(self, request: Request, path: str, query: Any, body: Any) -> Response:
        where = await run_in_threadpool(connection, self._studio.home)
        headers = {
            name: value for name, value in request.headers.items() if name in _PASSED_ON
        } | authorization(where)
        headers.setdefault("accept-encoding", "identity")
        if isinstance(body, bytes):
            headers.pop("content-encoding", None)
        elif length := request.headers.get("content-length"):
            headers["content-length"] = length
        asked = self._client.build_request(
            request.method,
            f"{where.url}/{quote(path, safe='/-._~')}",
            params=query or None,
            headers=headers,
            content=body,
        )
        try:
            answer = await self._client.send(asked, stream=True)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"The tracking server does not answer ({type(error).__name__})."
            ) from error
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name not in _NOT_ANSWERED and name != "transfer-encoding"
        }
        return StreamingResponse(_pieces(answer), answer.status_code, kept)


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield an answer as it comes; one that breaks off breaks this one off too."""
    async with contextlib.aclosing(answer):
        async for piece in answer.aiter_raw():
            yield piece
