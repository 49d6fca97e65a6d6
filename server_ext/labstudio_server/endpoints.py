"""What an endpoint is: a path, its verbs, and what each of them takes, gives and needs.

A handler says it of itself: its ``path``, its ``auth_resource``, and an `operation` on each method.

Models are named as ``module:Class`` and resolved on first use, because loading pydantic's models
costs more than the whole load of the extension may.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

Method = TypeVar("Method", bound="Callable[..., Any]")

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


def operation(name: str, summary: str, **more: Any) -> Callable[[Method], Method]:
    """Say what a handler's method does; `more` are the further fields of `Verb`."""

    def mark(method: Method) -> Method:
        vars(method)["operation"] = Verb(method.__name__.upper(), name, summary, **more)
        return method

    return mark


@dataclass(frozen=True)
class Endpoint:
    """One path, the handler that serves it, and the resource that the authorizer is asked for."""

    path: str
    handler: type
    resource: str
    verbs: tuple[Verb, ...] = ()

    @classmethod
    def of(cls, handler: Any) -> Endpoint:
        """Gather what a handler says of itself."""
        marked = (getattr(method, "operation", None) for method in vars(handler).values())
        verbs = tuple(verb for verb in marked if isinstance(verb, Verb))
        return cls(handler.path, handler, handler.auth_resource, verbs)

    @property
    def pattern(self) -> str:
        """The path as Tornado's regular expression; a parameter ``{path}`` may hold slashes."""
        names = re.split(r"{(\w+)}", self.path)
        parts = [
            re.escape(part) if index % 2 == 0 else ("(.+)" if part == "path" else "([^/]+)")
            for index, part in enumerate(names)
        ]
        return f"{API}/{''.join(parts)}"
