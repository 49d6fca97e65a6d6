"""The REST surface: every handler that names a path, in whichever module of `handlers` it lies."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from labstudio_server import handlers
from labstudio_server.endpoints import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator


def _gathered() -> Iterator[Endpoint]:
    for area in pkgutil.iter_modules(handlers.__path__):
        module = importlib.import_module(f"{handlers.__name__}.{area.name}")
        for each in vars(module).values():
            if isinstance(each, type) and "path" in vars(each):
                yield Endpoint.of(each)


# Tornado takes the first that fits: what a path says outright comes before what a parameter takes.
ENDPOINTS = tuple(sorted(_gathered(), key=lambda endpoint: endpoint.path.count("{")))


def models() -> Iterator[str]:
    """Every model that an endpoint names; resolving them imports all that requests will need."""
    for endpoint in ENDPOINTS:
        for verb in endpoint.verbs:
            yield from filter(None, (verb.query, verb.body, verb.response))
