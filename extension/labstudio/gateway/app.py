"""The gateway as a web application: who asks is found out first, then one of two things is served.

``/labstudio/api/v1/...`` is the studio's own API (`labstudio.gateway.api`), ``/mlflow/...`` is the
tracking server (`labstudio.gateway.mlflow`), each within what the token allows.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from labstudio.errors import InvalidInput, StudioError
from labstudio.gateway.api import VERBS, Asked, Verb
from labstudio.gateway.mlflow import METHODS, MlflowDoor
from labstudio.gateway.requests import caller_of, read_body
from labstudio.jobs.snapshot import receiving
from labstudio.problems import Answer, answer_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from labstudio._studio import Studio

LOG = logging.getLogger(__name__)

API = "/labstudio/api/v1"

_CODES = {404: "not_found", 405: "method_not_allowed"}


def make_app(studio: Studio) -> Starlette:
    """Return the application of a studio's gateway."""
    door = MlflowDoor(studio)
    routes = [Route(f"{API}/{verb.path}", _endpoint(verb), methods=[verb.method]) for verb in VERBS]
    routes.append(Route(f"{API}/blobs/{{sha256}}", put_blob, methods=["PUT"]))
    routes.append(Route("/mlflow/{path:path}", door.serve, methods=METHODS))
    app = Starlette(
        routes=routes, exception_handlers={HTTPException: _unknown, StudioError: _refused}
    )
    app.state.studio = studio
    # What nobody foresaw, too, is answered in the one shape.
    app.add_exception_handler(Exception, _refused)
    return app


def _endpoint(verb: Verb) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        caller = await caller_of(request)
        body = await _json(request)
        asked = Asked(request.app.state.studio, caller, request.path_params, _query(request), body)

        def work() -> Response:
            given = verb.call(asked)
            if given is None:
                return Response(status_code=204)
            if isinstance(given, BaseModel):
                content = given.model_dump_json()
                return Response(content, verb.status, media_type="application/json")
            return FileResponse(given, media_type="application/octet-stream")

        return await run_in_threadpool(work)

    return answer


async def put_blob(request: Request) -> Response:
    """Take some content, streamed, under its SHA-256."""
    caller = await caller_of(request)
    await run_in_threadpool(caller.may_upload, request.app.state.studio)
    with receiving(request.app.state.studio.home, request.path_params["sha256"]) as write:
        async for piece in request.stream():
            await run_in_threadpool(write, piece)
    return Response(status_code=204)


async def _json(request: Request) -> Any:
    """Return the JSON that was sent; an empty object where nothing was."""
    if request.method == "GET":
        return {}
    content = await read_body(request)
    try:
        return json.loads(content) if content.strip() else {}
    except ValueError as error:
        raise InvalidInput(f"The body is not JSON: {error}.", field="body") from None


def _query(request: Request) -> dict[str, Any]:
    """Return the query string; what is given more than once is a list."""
    found: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        found[name] = values if len(values) > 1 or name in ("state", "kind") else values[0]
    return found


def _answered(answer: Answer) -> Response:
    return JSONResponse(json.loads(json.dumps(answer.body, default=str)), answer.status)


def _refused(request: Request, error: Exception) -> Response:
    return _answered(answer_for(error))


def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = (
        "This address does not know that method."
        if error.status_code == 405
        else "There is nothing at this address."
    )
    return _answered(Answer(error.status_code, _CODES.get(error.status_code, "error"), sentence))
