"""What an endpoint is: a path, its verbs, and what each of them takes, gives and needs.

Models are named as ``module:Class`` and resolved on first use, because loading pydantic's models
costs more than the whole load of the extension may.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

API = "/labstudio/api/v1"
MLFLOW = "/labstudio/mlflow"


def resolve(reference: str) -> type[BaseModel]:
    """Import the model that ``module:Class`` names; called in an executor, never on the loop."""
    module, _, name = reference.partition(":")
    model: type[BaseModel] = getattr(importlib.import_module(module), name)
    return model


@dataclass(frozen=True)
class Verb:
    """One HTTP method of an endpoint."""

    method: str
    operation: str
    summary: str
    query: str | None = None
    body: str | None = None
    response: str | None = None
    status: int = 200
    media_type: str = "application/json"
    body_optional: bool = False
    websocket: bool = False


@dataclass(frozen=True)
class Endpoint:
    """One path, the handler that serves it, and the resource that the authorizer is asked for."""

    path: str
    handler: str
    resource: str
    verbs: tuple[Verb, ...] = field(default=())

    def verb(self, method: str) -> Verb | None:
        """Return the verb of an HTTP method, if the endpoint has it; HEAD is GET's."""
        wanted = "GET" if method == "HEAD" else method
        return next((verb for verb in self.verbs if verb.method == wanted), None)

    @property
    def pattern(self) -> str:
        """The path as Tornado's regular expression; a parameter ``{path}`` may hold slashes."""
        names = re.split(r"{(\w+)}", self.path)
        parts = [
            re.escape(part) if index % 2 == 0 else ("(.+)" if part == "path" else "([^/]+)")
            for index, part in enumerate(names)
        ]
        return f"{API}/{''.join(parts)}"

    def handler_class(self) -> Any:
        """Import the handler."""
        module, _, name = self.handler.partition(":")
        return getattr(importlib.import_module(f"labstudio_server.handlers.{module}"), name)
