"""What stands before MLflow's own web application in the tracking server."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# MLflow's assistant runs shell commands, its gateway calls paid services with stored keys, and its
# own job runner is off. None of them is part of the studio, so none of them is served.
CLOSED = (
    "/ajax-api/3.0/mlflow/assistant",
    "/ajax-api/3.0/mlflow/ui-telemetry",
    "/ajax-api/3.0/jobs",
    "/ajax-api/2.0/mlflow/gateway-proxy",
    "/gateway/",
)


class Guard:
    """ASGI middleware: every request must carry the token, and some paths do not exist.

    Parameters
    ----------
    app
        The application behind it.
    token
        What ``Authorization: Bearer`` must say.
    """

    def __init__(self, app: App, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "websocket":
            # MLflow has none that the studio serves; closing before accepting answers 403.
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http" and not self._allowed(scope):
            await refuse(send, 401, "UNAUTHENTICATED", "A valid bearer token is required.")
        elif scope["type"] == "http" and scope["path"].startswith(CLOSED):
            await refuse(send, 404, "ENDPOINT_NOT_FOUND", "The studio does not serve this.")
        else:
            await self._app(scope, receive, send)

    def _allowed(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)


async def refuse(send: Send, status: int, code: str, message: str) -> None:
    """Answer with an error in MLflow's shape, which its client shows as it is."""
    body = json.dumps({"error_code": code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
