"""A Jupyter Server with the extension, on a home of its own; no daemon unless a test starts it."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403
from traitlets.config import Config

if TYPE_CHECKING:
    from pathlib import Path

    from tornado.httpclient import HTTPResponse

    from labstudio._studio import Studio
    from labstudio.home import Home
    from labstudio.jobs.models import JobState
    from labstudio_server.app import LabstudioApp

API = ("labstudio", "api", "v1")


@pytest.fixture
def extension_config() -> dict[str, Any]:
    """Traits of the extension; a test module or class may override this."""
    return {}


@pytest.fixture
def jp_server_config(home: Home, extension_config: dict[str, Any]) -> Config:
    """The server's configuration."""
    return Config(
        {
            "ServerApp": {"jpserver_extensions": {"labstudio_server": True}},
            "LabstudioApp": {"home": str(home.path), "start_daemon": False, **extension_config},
        }
    )


@pytest.fixture
def extension(jp_serverapp: Any) -> LabstudioApp:
    """The extension as the server loaded it."""
    app: LabstudioApp = jp_serverapp.extension_manager.extension_points["labstudio"].app
    return app


@dataclass
class Reply:
    """An answer, whatever its status."""

    code: int
    headers: Any
    body: bytes
    data: Any = field(init=False)

    def __post_init__(self) -> None:
        is_json = "json" in self.headers.get("Content-Type", "")
        self.data = json.loads(self.body) if self.body and is_json else None


Call = Callable[..., Awaitable[Reply]]


@pytest.fixture
def call(jp_fetch: Any) -> Call:
    """Call the API: ``await call("GET", "jobs", id)``."""

    async def fetch(method: str, *parts: str, body: Any = None, **options: Any) -> Reply:
        if isinstance(body, dict | list):
            body = json.dumps(body)
        options = {"allow_nonstandard_methods": True, "raise_error": False, **options}
        response: HTTPResponse = await jp_fetch(*API, *parts, method=method, body=body, **options)
        reply = Reply(response.code, response.headers, response.body or b"")
        if reply.code >= 400:
            check_problem(reply)
        return reply

    return fetch


def check_problem(reply: Reply) -> None:
    """Every error has the one shape, and never a traceback."""
    assert set(reply.data) == {"message", "reason", "code", "details"}, reply.data
    assert reply.data["message"].strip().endswith((".", "!", "?")), reply.data
    assert reply.data["reason"]
    assert isinstance(reply.data["details"], dict)
    assert "Traceback" not in reply.body.decode()


@dataclass
class LoopWatch:
    """How long the event loop was not served.

    `busy_s` is the most processor time that the loop's thread used between two turns: what the code
    is to blame for. `longest_s` is the longest wait by the clock, which other programs share in.
    """

    longest_s: float = 0.0
    busy_s: float = 0.0

    def __str__(self) -> str:
        return f"loop busy {self.busy_s:.3f} s, waited for {self.longest_s:.3f} s"

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[LoopWatch]:
        """Measure while the block runs."""
        self.longest_s = self.busy_s = 0.0
        # A collection of all that the tests have loaded is nobody's doing.
        gc.collect()
        gc.disable()
        task = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            gc.enable()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self) -> None:
        pause = 0.001
        while True:
            before, used = time.perf_counter(), time.thread_time()
            await asyncio.sleep(pause)
            self.busy_s = max(self.busy_s, time.thread_time() - used)
            self.longest_s = max(self.longest_s, time.perf_counter() - before - pause)


@pytest.fixture
def loop_watch() -> LoopWatch:
    """A watchdog of the event loop."""
    return LoopWatch()


@pytest.fixture
def write_file(jp_root_dir: Any) -> Callable[[str, str], str]:
    """Write a file below the server's root and return its path as REST names it."""

    def write(name: str, content: str) -> str:
        path = jp_root_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return name

    return write


@dataclass
class Attempt:
    """A job with one attempt that a test writes into, as a runner would."""

    job_id: str
    folder: Path
    studio: Studio

    def end(self, state: JobState) -> None:
        """Record that the attempt ended."""
        job = self.studio.jobs.detail(self.job_id)
        assert self.studio.jobs.store.finish_attempt(job, 1, state)


@pytest.fixture
def attempt(
    extension: LabstudioApp, jp_root_dir: Any, write_file: Callable[[str, str], str]
) -> Attempt:
    """An attempt that runs, with nothing written yet."""
    from labstudio.jobs.models import CreateJob

    studio = extension.services.studio()
    path = write_file("some job.py", "print(1)")
    job = studio.jobs.create(CreateJob(path=path), root=jp_root_dir)
    assert studio.jobs.store.begin_attempt(job.id, 1, "test") is not None
    folder = studio.home.attempt(job.id, 1)
    folder.mkdir(parents=True)
    return Attempt(job.id, folder, studio)
