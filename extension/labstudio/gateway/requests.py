"""What every request to the gateway has: somebody who sends it, and perhaps a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from labstudio.errors import TooLarge
from labstudio.gateway.access import recognise

if TYPE_CHECKING:
    from starlette.requests import Request

    from labstudio._studio import Studio
    from labstudio.gateway.access import Caller

BODY_LIMIT_BYTES = 64 << 20


async def caller_of(request: Request) -> Caller:
    """Return who sends a request."""
    studio: Studio = request.app.state.studio
    return await run_in_threadpool(recognise, studio, request.headers.get("authorization"))


async def read_body(request: Request) -> bytes:
    """Read a body that must fit into memory."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > BODY_LIMIT_BYTES:
            raise TooLarge(f"The request's body is more than {BODY_LIMIT_BYTES:,} bytes.")
    return bytes(content)
