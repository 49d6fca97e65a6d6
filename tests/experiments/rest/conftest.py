"""A Jupyter Server with the extension, on the home whose tracking server runs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403
from traitlets.config import Config

from labstudio._studio import Studio

Call = Callable[..., Awaitable[Any]]


@pytest.fixture
def jp_server_config(tracked: Studio) -> Config:
    """The server's configuration."""
    return Config(
        {
            "ServerApp": {"jpserver_extensions": {"labstudio_server": True}},
            "LabstudioApp": {"home": str(tracked.home.path), "start_daemon": False},
        }
    )


@pytest.fixture
def call(jp_fetch: Any) -> Call:
    """Call the API: ``await call("GET", "runs", id)``; the answer, whatever its status."""

    async def fetch(method: str, *parts: str, body: Any = None, **options: Any) -> Any:
        return await jp_fetch(
            *("labstudio", "api", "v1"),
            *parts,
            method=method,
            body=None if body is None else json.dumps(body),
            allow_nonstandard_methods=True,
            raise_error=False,
            **options,
        )

    return fetch
